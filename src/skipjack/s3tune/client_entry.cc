#include "skipjack/s3tune/client_entry.h"

#include <algorithm>

#include "skipjack/base/shell.h"
#include "skipjack/s3/plan.h"

namespace skipjack::s3tune {

ConnectionsAndPart nearest_parts(const TransferSpaceOptions& options, ConnectionsAndPart wanted) {
  const TransferBounds bounds = transfer_bounds(options);
  const std::int64_t part = std::clamp(wanted.part, bounds.smallest_part, bounds.largest_part);
  return {.connections = std::clamp<std::int64_t>(
              std::min(wanted.connections, most_parts(options, part)), 1, bounds.most_connections),
          .part = part};
}

TransferPoint engine_point(const TransferSpaceOptions& options) {
  const s3::EffectiveConfig effective =
      s3::plan_download(options.object_size, {.memory_limit = options.memory_limit}, {}).config;
  return {.max_concurrency = effective.max_concurrency,
          .multipart_chunksize = effective.multipart_chunksize,
          .max_io_queue = effective.max_io_queue,
          .io_chunksize = effective.io_chunksize};
}

ConnectionsAndPart engine_parts(const TransferSpaceOptions& options) {
  const TransferPoint point = engine_point(options);
  return nearest_parts(options,
                       {.connections = point.max_concurrency, .part = point.multipart_chunksize});
}

ClientSpace make_space(const TransferSpaceOptions& options, SpaceParts parts) {
  parts.parameters.insert(parts.parameters.end(), options.constants.begin(),
                          options.constants.end());
  ClientSpace made{.space = SearchSpace(std::move(parts.parameters), std::move(parts.constraints),
                                        std::move(parts.conditions))};
  made.defaults = made.space.complete(parts.defaults);
  made.engine_like = made.space.complete(parts.engine_like);
  return made;
}

std::vector<std::pair<std::string, std::string>> key_environment(const CommandRequest& request) {
  std::vector<std::pair<std::string, std::string>> environment = {
      {"AWS_REGION", request.target.region},
      {"AWS_DEFAULT_REGION", request.target.region},
      {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"},
      {"AWS_EC2_METADATA_DISABLED", "true"}};
  if (!request.ca_file.empty()) environment.emplace_back("AWS_CA_BUNDLE", request.ca_file);
  if (request.keys.anonymous()) return environment;
  environment.emplace_back("AWS_ACCESS_KEY_ID", request.keys.access_key_id);
  environment.emplace_back("AWS_SECRET_ACCESS_KEY", request.keys.secret_access_key.reveal());
  if (!request.keys.session_token.empty())
    environment.emplace_back("AWS_SESSION_TOKEN", request.keys.session_token.reveal());
  return environment;
}

bool wants_path_style(const MeasurementTarget& target) {
  return target.addressing_style == "path" ||
         (target.addressing_style == "auto" && !target.endpoint_url.empty());
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_word(word);
  return line + "\n";
}

}  // namespace skipjack::s3tune
