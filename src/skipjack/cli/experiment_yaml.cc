// YAML to JSON, with limits: aliases can blow up a small text.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>

#include "skipjack/base/invalid.h"
#include "skipjack/cli/experiment_file.h"

namespace skipjack::cli {
namespace {

constexpr int kMaxYamlNodes = 100000;
constexpr int kMaxYamlDepth = 50;

constexpr std::string_view kKeys[] = {"name",
                                      "entry_point",
                                      "program",
                                      "interpreter",
                                      "template",
                                      "pass_by",
                                      "space",
                                      "metric",
                                      "mode",
                                      "metric_kind",
                                      "objectives",
                                      "constraints",
                                      "method",
                                      "method_options",
                                      "workers",
                                      "seed",
                                      "max_time",
                                      "max_trials",
                                      "max_trials_completed",
                                      "max_trials_finished",
                                      "max_reports",
                                      "max_cost",
                                      "cost_metric",
                                      "target",
                                      "stop",
                                      "at_end",
                                      "max_failures",
                                      "trial_time_limit",
                                      "delete_checkpoints",
                                      "max_checkpoints",
                                      "points_to_evaluate",
                                      "warm_start_from",
                                      "max_resource_attr",
                                      "working_directory",
                                      "environment",
                                      "grace",
                                      "gpus",
                                      "gpus_per_trial",
                                      "cpus",
                                      "cpus_per_trial",
                                      "backend",
                                      "slurm_partition",
                                      "slurm_account",
                                      "slurm_constraint",
                                      "slurm_cpus",
                                      "slurm_memory",
                                      "slurm_gpus",
                                      "slurm_time",
                                      "slurm_options"};

Json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "null" || text == "~" || text.empty()) return nullptr;
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  // JSON's numbers, but nothing that only looks like one ("1_000", "0x10", "1:30").
  if (text.find_first_not_of("0123456789+-.eE") == std::string::npos) {
    std::int64_t integer = 0;
    const char* end = text.data() + text.size();
    if (const auto [at, error] = std::from_chars(text.data(), end, integer);
        error == std::errc() && at == end)
      return integer;
    double number = 0;
    if (const auto [at, error] = std::from_chars(text.data(), end, number);
        error == std::errc() && at == end)
      return number;
  }
  return text;
}

class YamlReader {
 public:
  Json read(const YAML::Node& node, int depth = 0) {
    if (++num_nodes_ > kMaxYamlNodes || depth > kMaxYamlDepth)
      invalid("the YAML text is too large or too deep",
              "at most " + std::to_string(kMaxYamlNodes) + " values in " +
                  std::to_string(kMaxYamlDepth) + " levels");
    if (!node.IsDefined() || node.IsNull()) return nullptr;
    if (node.IsScalar()) return scalar(node);
    if (node.IsSequence()) {
      Json::Array items;
      for (const auto& item : node) items.push_back(read(item, depth + 1));
      return items;
    }
    Json object = Json::Object{};
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) invalid("a key of the YAML text is not a word");
      const std::string& key = entry.first.Scalar();
      if (object.find(key)) invalid("the key '" + key + "' occurs twice");
      object.set(key, read(entry.second, depth + 1));
    }
    return object;
  }

 private:
  int num_nodes_ = 0;
};

YAML::Node parse_yaml(std::string_view text) {
  try {
    return YAML::Load(std::string(text));
  } catch (const YAML::Exception& error) {
    invalid("line " + std::to_string(error.mark.line + 1) + ": " + error.msg,
            "write YAML: 'key: value' lines");
  }
}

std::string closest_key(std::string_view wrong) {
  for (std::string_view key : kKeys)
    if (key.substr(0, 4) == wrong.substr(0, 4)) return "did you mean '" + std::string(key) + "'?";
  return "docs/cli.md lists the keys";
}

std::filesystem::path in_folder(const std::string& path, const std::filesystem::path& folder) {
  return std::filesystem::absolute(folder / path);
}

}  // namespace

Json experiment_from_yaml(std::string_view text, const std::filesystem::path& folder) {
  const YAML::Node root = parse_yaml(text);
  if (!root.IsMap()) invalid("an experiment must be 'key: value' lines", "see docs/cli.md");
  Json experiment = Json::Object{};
  for (const auto& entry : root) {
    if (!entry.first.IsScalar()) invalid("a key of the experiment is not a word");
    const std::string& key = entry.first.Scalar();
    if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys))
      invalid("line " + std::to_string(entry.first.Mark().line + 1) + ": unknown key '" + key + "'",
              closest_key(key));
    if (experiment.find(key))
      invalid("line " + std::to_string(entry.first.Mark().line + 1) + ": the key '" + key +
              "' occurs twice");
    const bool is_text = entry.second.IsScalar();
    if (key == "space")
      experiment.set(
          key, is_text
                   ? Json(Json::Object{{"file", in_folder(entry.second.Scalar(), folder).string()}})
                   : Json(Json::Object{{"text", YAML::Dump(entry.second)}}));
    else if (is_text && (key == "entry_point" || key == "program" || key == "points_to_evaluate" ||
                         key == "working_directory"))
      experiment.set(key, in_folder(entry.second.Scalar(), folder).string());
    else
      experiment.set(key, YamlReader().read(entry.second));
  }
  return experiment;
}

Json points_from_text(std::string_view text) {
  if (auto json = try_parse_json(text)) return *json;
  return YamlReader().read(parse_yaml(text));
}

}  // namespace skipjack::cli
