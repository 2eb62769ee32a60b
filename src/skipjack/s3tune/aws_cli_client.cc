// The AWS CLI: `aws s3 cp`, configured by the s3 section of a file of its own. Version 1 has
// connections and part size; version 2 may also hand the work to the AWS CRT, which goes by a
// bandwidth to aim at instead of a number of connections (`aws help s3-config`).
#include <algorithm>

#include "skipjack/base/bytes.h"
#include "skipjack/s3tune/client_entry.h"

namespace skipjack::s3tune {
namespace {

constexpr std::string_view kRequests = "max_concurrent_requests";
constexpr std::string_view kTransferClient = "preferred_transfer_client";
/// The CLI's own threads: "classic" in newer versions, in which this is another word for it.
constexpr std::string_view kThreads = "default";
/// MiB a second, which the CLI calls MB/s.
constexpr std::string_view kBandwidth = "target_bandwidth_mib";
/// 0.4 to 100 Gbit/s: one connection of the CRT to 250.
constexpr std::int64_t kLeastBandwidth = 50, kMostBandwidth = 12'000;
constexpr std::int64_t kThreshold = 8 * kMiB;

ClientSpace space(const TransferSpaceOptions& options, const ClientProgram& program) {
  const TransferBounds bounds = transfer_bounds(options);
  const bool has_crt = !program.version.starts_with("1.");
  const auto values = [&](const ConnectionsAndPart& point) {
    Json json(Json::Object{{std::string(kRequests), point.connections},
                           {std::string(kMultipartChunksize), point.part}});
    if (has_crt) json.set(kTransferClient, kThreads);
    return json;
  };
  SpaceParts parts{
      .parameters = {{std::string(kRequests), log_rand_int(1, bounds.most_connections)},
                     {std::string(kMultipartChunksize),
                      log_rand_int(bounds.smallest_part, bounds.largest_part)}},
      .constraints = {parts_constraint(options, kRequests, kMultipartChunksize)},
      .defaults = values(nearest_parts(options, {.connections = 10, .part = 8 * kMiB})),
      .engine_like = values(engine_parts(options))};
  if (has_crt) {
    parts.parameters.push_back(
        {std::string(kTransferClient), choice({Json(kThreads), Json("crt")})});
    parts.parameters.push_back(
        {std::string(kBandwidth), log_rand_int(kLeastBandwidth, kMostBandwidth)});
    parts.conditions = {{std::string(kRequests), std::string(kTransferClient) + " != 'crt'"},
                        {std::string(kBandwidth), std::string(kTransferClient) + " == 'crt'"}};
  }
  return make_space(options, std::move(parts));
}

/// Lines of the section; empty if nothing is set.
std::string section(const Configuration& values) {
  std::string text;
  const auto add = [&](std::string_view name, const std::optional<std::string>& value) {
    if (value) text += "    " + std::string(name) + " = " + *value + "\n";
  };
  for (const std::string_view name : {kRequests, kMultipartChunksize, kTransferClient})
    add(name, value_text(values, name));
  if (const auto part = value_text(values, kMultipartChunksize))
    add("multipart_threshold",
        std::to_string(std::min(values.at(kMultipartChunksize).as_int(), kThreshold)));
  if (const auto bandwidth = value_text(values, kBandwidth))
    add("target_bandwidth", *bandwidth + "MB/s");
  return text;
}

ClientCommand command(const CommandRequest& request) {
  const MeasurementTarget& target = request.target;
  ClientCommand command{.words = {target.program, "s3", "cp", target.object,
                                  request.destination.string(), "--only-show-errors"},
                        .environment = key_environment(request)};
  if (is_folder_uri(target.object)) command.words.emplace_back("--recursive");
  if (!target.endpoint_url.empty())
    command.words.insert(command.words.end(), {"--endpoint-url", target.endpoint_url});
  if (request.keys.anonymous()) command.words.emplace_back("--no-sign-request");
  command.environment.emplace_back("AWS_CONFIG_FILE", request.config_file.string());
  command.config_text = "[default]\ns3 =\n    addressing_style = " +
                        (wants_path_style(target) ? std::string("path") : target.addressing_style) +
                        "\n" + section(request.configuration);
  return command;
}

std::string ready(const ReadyRequest& request) {
  return "# For ~/.aws/config, in the section of the profile that is used:\n[default]\ns3 =\n" +
         section(request.values);
}

}  // namespace

Client aws_cli_client() {
  return {.name = "awscli",
          .label = "AWS CLI",
          .program = "aws",
          .version_word = "--version",
          .version_after = "aws-cli/",
          .install = "pip install awscli",
          .space = space,
          .command = command,
          .ready_file = "aws_config",
          .ready = ready};
}

}  // namespace skipjack::s3tune
