#include "skipjack/s3tune/client.h"

#include <algorithm>

#include "skipjack/base/error.h"
#include "skipjack/base/shell.h"
#include "skipjack/s3/plan.h"
#include "skipjack/s3tune/child_process.h"

namespace skipjack::s3tune {
namespace {

constexpr Duration kVersionTimeout = std::chrono::seconds(60);

/// Where the shell would find it; empty if nowhere.
std::string in_path(std::string_view name) {
  const ChildResult found =
      run_child({.words = {"sh", "-c", "command -v -- \"$0\"", std::string(name)},
                 .time_limit = kVersionTimeout});
  return found.exit_code == 0 ? last_line(found.output) : std::string();
}

}  // namespace

std::span<const Client> clients() {
  static const std::vector<Client> all = {engine_client(),  boto3_client(), boto3_crt_client(),
                                          aws_cli_client(), s5cmd_client(), rclone_client()};
  return all;
}

const Client& find_client(std::string_view name) {
  for (const Client& client : clients())
    if (client.name == name) return client;
  throw Error(ErrorCode::InvalidArgument,
              "client = '" + std::string(name) + "' must be " + client_names());
}

std::string client_names() {
  std::string names;
  for (std::size_t i = 0; i < clients().size(); ++i)
    names += (i == 0                      ? ""
              : i + 1 == clients().size() ? " or "
                                          : ", ") +
             std::string(clients()[i].name);
  return names;
}

ClientProgram find_program(const Client& client, const std::string& path) {
  const auto missing = [&](const std::string& what) {
    throw Error(ErrorCode::NotFound, what, std::string(client.install) + ", or give its --program");
  };
  const std::string file =
      path.empty() ? in_path(client.program) : std::filesystem::absolute(path).string();
  if (file.empty()) missing(std::string(client.program) + " is not in PATH");
  const ChildResult answer =
      run_child({.words = {file, std::string(client.version_word)}, .time_limit = kVersionTimeout});
  const std::size_t begin = answer.output.find(client.version_after);
  if (answer.exit_code != 0 || begin == std::string::npos)
    missing("'" + file + "' is no " + std::string(client.program) + ": " +
            last_line(answer.output));
  const std::size_t version = begin + client.version_after.size();
  return {.path = std::filesystem::absolute(file).string(),
          .version = answer.output.substr(version,
                                          answer.output.find_first_of(" \r\n", version) - version)};
}

std::optional<std::string> value_text(const Configuration& configuration, std::string_view name) {
  const Json* value = configuration.find(name);
  if (!value || value->is_null()) return std::nullopt;
  return value->is_string() ? value->as_string() : to_json_text(*value);
}

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
