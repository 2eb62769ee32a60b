#include "skipjack/s3tune/node.h"

#include <sys/utsname.h>

#include <fstream>
#include <thread>

#include "skipjack/base/bytes.h"

namespace skipjack::s3tune {
namespace {

/// "model name" of the first processor; what has no names there (aarch64) is named by its
/// architecture.
std::string processor_name(const char* architecture) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != line.npos && colon + 2 < line.size()) return line.substr(colon + 2);
  }
  return architecture;
}

std::string text_at(const Json& json, std::string_view key) {
  const Json* value = json.find(key);
  return value && value->is_string() ? value->as_string() : std::string();
}

}  // namespace

Json to_json(const Node& node) {
  Json json = Json::Object{{"name", node.name}};
  if (!node.instance_type.empty()) json.set("instance_type", node.instance_type);
  if (!node.region.empty()) json.set("region", node.region);
  json.set("processor", node.processor);
  json.set("cores", node.cores);
  json.set("kernel", node.kernel);
  return json;
}

Node node_from_json(const Json& json) {
  Node node{.name = text_at(json, "name"),
            .instance_type = text_at(json, "instance_type"),
            .region = text_at(json, "region"),
            .processor = text_at(json, "processor"),
            .kernel = text_at(json, "kernel")};
  if (const Json* cores = json.find("cores"); cores && cores->is_int())
    node.cores = static_cast<int>(cores->as_int());
  return node;
}

Node this_node(std::string name, s3::InstanceMetadata* instance) {
  struct utsname names {};
  ::uname(&names);
  Node node{.name = name.empty() ? names.nodename : std::move(name),
            .processor = processor_name(names.machine),
            .cores = static_cast<int>(std::thread::hardware_concurrency()),
            .kernel = std::string(names.sysname) + " " + names.release};
  if (instance) {
    node.instance_type = instance->instance_type().value_or("");
    node.region = instance->region().value_or("");
  }
  return node;
}

std::string kind_of(const Node& node) {
  if (!node.instance_type.empty())
    return node.instance_type + (node.region.empty() ? "" : " in " + node.region);
  return (node.processor.empty() ? "unknown processor" : node.processor) + " with " +
         count_of(node.cores, "core");
}

std::optional<Node> node_of(const Trial& trial) {
  for (const Report& report : trial.reports)
    if (const Json* node = report.metrics.find(kNode); node && node->is_object())
      return node_from_json(*node);
  return std::nullopt;
}

}  // namespace skipjack::s3tune
