// What an entry of the table of clients (client.h) is made of. Private to the entries and the
// table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skipjack/s3tune/client.h"

namespace skipjack::s3tune {

// The entries, each in a file of its own.
Client engine_client();
Client boto3_client();
Client boto3_crt_client();
Client aws_cli_client();
Client s5cmd_client();
Client rclone_client();

struct ConnectionsAndPart {
  std::int64_t connections = 1, part = 1;
};
/// Moved into transfer_bounds(), with no more connections than parts.
ConnectionsAndPart nearest_parts(const TransferSpaceOptions& options, ConnectionsAndPart wanted);
/// Where our engine would begin; of a folder, as if it were one object.
TransferPoint engine_point(const TransferSpaceOptions& options);
/// The same of connections and parts, moved into the bounds.
ConnectionsAndPart engine_parts(const TransferSpaceOptions& options);
struct SpaceParts {
  std::vector<Parameter> parameters;
  std::vector<std::string> constraints;
  std::vector<Condition> conditions{};
  /// Values of the parameters.
  Json defaults, engine_like;
};
/// The space of boto3's TransferConfig, which is our engine's too.
ClientSpace transfer_config_space(const TransferSpaceOptions& options, const ClientProgram&);
/// With the options' constants behind the parameters.
ClientSpace make_space(const TransferSpaceOptions& options, SpaceParts parts);
/// Keys, region and certificates where the AWS SDKs look for them first, and no other place to
/// look.
std::vector<std::pair<std::string, std::string>> key_environment(const CommandRequest& request);
/// As the engine decides it: a custom endpoint has no host names for buckets.
bool wants_path_style(const MeasurementTarget& target);
/// One line for a POSIX shell, quoted where it has to be.
std::string shell_line(const std::vector<std::string>& words);

}  // namespace skipjack::s3tune
