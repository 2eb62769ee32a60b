// The machine that a download was measured on, as far as it matters to downloads. In a tuning over
// many machines it is recorded with every trial, and times are compared on machines of one kind
// only.
#pragma once

#include <optional>
#include <string>

#include "skipjack/s3/instance_metadata.h"
#include "skipjack/trial/history.h"

namespace skipjack::s3tune {

struct Node {
  std::string name;
  /// Of an EC2 instance, as its metadata say; empty: it is none, or doesn't tell.
  std::string instance_type, region;
  /// As /proc/cpuinfo names it, or the architecture.
  std::string processor;
  int cores = 0;
  std::string kernel;
};
Json to_json(const Node& node);
/// What of it can be read.
Node node_from_json(const Json& json);

/// This one. instance: asked for type and region; may be null. Takes as long as that does to see
/// that it is not there (a second).
Node this_node(std::string name, s3::InstanceMetadata* instance);

/// What machines are told apart by: "m5d.12xlarge in eu-west-1", else "Intel(R) Xeon(R) ... with 8
/// cores".
std::string kind_of(const Node& node);

/// Key of a report's Node.
inline constexpr std::string_view kNode = "node";
/// Where a trial ran, by its first report that says so.
std::optional<Node> node_of(const Trial& trial);

}  // namespace skipjack::s3tune
