// JSON to a definition, key by key.
#include "skipjack/cli/experiment_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/invalid.h"
#include "skipjack/cli/flag_text.h"

namespace skipjack::cli {
namespace {

/// Access to the keys of the experiment, with their names in every message.
class Keys {
 public:
  explicit Keys(const Json& experiment) : experiment_(experiment) {}

  const Json* find(std::string_view key) const {
    const Json* value = experiment_.find(key);
    return value && !value->is_null() ? value : nullptr;
  }
  /// The first key given whose name begins so.
  std::optional<std::string> first_with(std::string_view prefix) const {
    if (!experiment_.is_object()) return std::nullopt;
    for (const auto& [key, value] : experiment_.as_object())
      if (key.starts_with(prefix) && !value.is_null()) return key;
    return std::nullopt;
  }
  std::string text(std::string_view key, std::string fallback) const {
    const Json* value = find(key);
    if (!value) return fallback;
    if (value->is_array() || value->is_object()) wrong(key, "one value", *value);
    return value->is_string() ? value->as_string() : to_json_text(*value);
  }
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t lower) const {
    const Json* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_int()) wrong(key, "a whole number", *value);
    if (value->as_int() < lower)
      invalid(std::string(key) + " = " + std::to_string(value->as_int()) +
              " must be >= " + std::to_string(lower));
    return value->as_int();
  }
  bool yes(std::string_view key) const {
    const Json* value = find(key);
    if (!value) return false;
    if (!value->is_bool()) wrong(key, "true or false", *value);
    return value->as_bool();
  }
  std::optional<double> number(std::string_view key) const {
    const Json* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_number()) wrong(key, "a number", *value);
    return value->as_double();
  }
  std::optional<Duration> duration(std::string_view key) const {
    if (!find(key)) return std::nullopt;
    const std::string value = text(key, "");
    try {
      return parse_duration(value);
    } catch (const Error& error) {
      throw Error(error.code(), std::string(key) + ": " + error.what(), error.try_this());
    }
  }
  /// A list of texts, or one text split into words.
  std::vector<std::string> words(std::string_view key) const {
    const Json* value = find(key);
    if (!value) return {};
    if (!value->is_array()) return split_words(text(key, ""));
    std::vector<std::string> result;
    for (const Json& word : value->as_array())
      result.push_back(word.is_string() ? word.as_string() : to_json_text(word));
    return result;
  }
  template <class T>
  T one_of(std::string_view key, std::string_view fallback,
           std::initializer_list<std::pair<std::string_view, T>> choices) const {
    const std::string value = text(key, std::string(fallback));
    std::string names;
    for (const auto& [name, choice] : choices) {
      if (value == name) return choice;
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    invalid(std::string(key) + " = '" + value + "' is unknown", "use one of " + names);
  }

 private:
  [[noreturn]] static void wrong(std::string_view key, const std::string& wanted,
                                 const Json& value) {
    invalid(std::string(key) + " = " + to_json_text(value) + " must be " + wanted);
  }
  const Json& experiment_;
};

/// Errors of reading a file that a key names begin with the file's path.
template <class Read>
auto from_file(const std::string& path, Read read) {
  const std::string text = read_file(path);
  try {
    return read(text);
  } catch (const Error& error) {
    throw Error(error.code(), path + ": " + error.what(), error.try_this());
  }
}

SearchSpace space_of(const Keys& keys) {
  const Json* space = keys.find("space");
  if (!space)
    invalid("no search space is given", "name its file with --space, or write it under 'space:'");
  if (const Json* file = space->find("file"))
    return from_file(file->as_string(),
                     [](const std::string& text) { return SearchSpace::from_text(text); });
  try {
    return SearchSpace::from_text(space->at("text").as_string());
  } catch (const Error& error) {
    throw Error(error.code(), std::string("space: ") + error.what(), error.try_this());
  }
}

Metric metric_of(const Keys& keys) {
  Metric metric;
  metric.name = keys.text("metric", "");
  if (metric.name.empty())
    invalid("no metric is given",
            "name what the program reports with --metric, such as --metric loss");
  metric.mode = keys.one_of<Mode>("mode", "min", {{"min", Mode::Min}, {"max", Mode::Max}});
  metric.kind = keys.one_of<MetricKind>("metric_kind", "plain",
                                        {{"plain", MetricKind::Plain}, {"time", MetricKind::Time}});
  return metric;
}

/// "loss", "accuracy max": a metric and which way is better.
Metric objective_from(const std::string& text) {
  const std::vector<std::string> words = split_words(text);
  const bool has_mode = words.size() == 2 && (words[1] == "min" || words[1] == "max");
  if (words.size() != 1 && !has_mode)
    invalid("objectives: '" + text + "' is no objective",
            "write a metric's name, and max after it where more is better: 'accuracy max'");
  return {.name = words[0], .mode = has_mode && words[1] == "max" ? Mode::Max : Mode::Min};
}

/// "memory <= 512", "accuracy >= 0.9", spaces or none.
Metric constraint_from(const std::string& text) {
  const auto at = std::min(text.find("<="), text.find(">="));
  const auto trimmed = [](std::string_view part) {
    const auto first = part.find_first_not_of(" \t"), last = part.find_last_not_of(" \t");
    return std::string(first == part.npos ? "" : part.substr(first, last - first + 1));
  };
  const std::string name = trimmed(std::string_view(text).substr(0, at));
  const auto bound = at == text.npos ? std::nullopt : try_parse_json(trimmed(text.substr(at + 2)));
  if (name.empty() || !bound || !bound->is_number() || !std::isfinite(bound->as_double()))
    invalid("constraints: '" + text + "' is no constraint",
            "write what has to hold of a metric: 'memory <= 512', 'accuracy >= 0.9'");
  return {.name = name,
          .mode = text[at] == '<' ? Mode::Min : Mode::Max,
          .role = MetricRole::Constraint,
          .bound = bound->as_double()};
}

/// A list, or one text that is not split.
std::vector<std::string> texts_of(const Keys& keys, std::string_view key) {
  const Json* value = keys.find(key);
  if (value && !value->is_array()) return {keys.text(key, "")};
  return keys.words(key);
}

/// The objectives, the one of "metric" or those of "objectives", then the constraints.
std::vector<Metric> metrics_of(const Keys& keys) {
  std::vector<Metric> metrics;
  const std::vector<std::string> objectives = texts_of(keys, "objectives");
  if (objectives.empty()) {
    metrics.push_back(metric_of(keys));
  } else {
    for (const char* key : {"metric", "mode", "metric_kind"})
      if (keys.find(key))
        invalid(std::string("'") + key + "' is given beside 'objectives'",
                "name every objective under 'objectives': 'loss', 'accuracy max'");
    for (const std::string& text : objectives) metrics.push_back(objective_from(text));
  }
  for (const std::string& text : texts_of(keys, "constraints"))
    metrics.push_back(constraint_from(text));
  return metrics;
}

StoppingCriterion stop_of(const Keys& keys, const Metric& metric) {
  StoppingCriterion stop;
  if (const Json* criterion = keys.find("stop")) {
    try {
      stop = stopping_criterion_from_json(*criterion);
    } catch (const Error& error) {
      throw Error(error.code(), std::string("stop: ") + error.what(), error.try_this());
    }
  }
  if (const auto time = keys.duration("max_time")) stop.max_time = time;
  if (const auto n = keys.integer("max_trials", 1)) stop.max_trials_started = n;
  if (const auto n = keys.integer("max_trials_completed", 1)) stop.max_trials_completed = n;
  if (const auto n = keys.integer("max_trials_finished", 1)) stop.max_trials_finished = n;
  if (const auto n = keys.integer("max_reports", 1)) stop.max_reports = n;
  if (const auto cost = keys.number("max_cost")) stop.max_cost = cost;
  stop.cost_metric = keys.text("cost_metric", stop.cost_metric);
  if (const auto target = keys.number("target"))
    (metric.mode == Mode::Min ? stop.min_metric_value : stop.max_metric_value)
        .emplace_back(metric.name, *target);
  return stop;
}

/// "0-3,8", or a list of such: numbers of processors as the system's own lists write them.
std::vector<int> processors_of(const Keys& keys) {
  constexpr int kMost = 1 << 16;
  std::vector<int> processors;
  for (const std::string& word : keys.words("cpus")) {
    const char* at = word.data();
    const char* const end = at + word.size();
    const auto take = [&](int& number) {
      const auto [next, error] = std::from_chars(at, end, number);
      at = next;
      return error == std::errc() && number >= 0 && number < kMost;
    };
    for (bool more = true; more;) {
      int first = 0;
      bool good = take(first);
      int last = first;
      if (good && at != end && *at == '-') {
        ++at;
        good = take(last) && first <= last;
      }
      more = at != end && *at == ',';
      if (!good || (at != end && !more))
        invalid("cpus = '" + word + "' must be numbers of processors", "such as 0-3,8");
      for (int cpu = first; cpu <= last; ++cpu) processors.push_back(cpu);
      if (more) ++at;
    }
  }
  return processors;
}

std::optional<SlurmJob> slurm_of(const Keys& keys) {
  enum class Where { Local, Slurm };
  const Where where =
      keys.one_of<Where>("backend", "local", {{"local", Where::Local}, {"slurm", Where::Slurm}});
  if (where == Where::Local) {
    if (const auto key = keys.first_with("slurm_"))
      invalid(*key + " is given, but trials run on this machine",
              "say backend: slurm, --backend slurm");
    return std::nullopt;
  }
  SlurmJob job;
  job.partition = keys.text("slurm_partition", "");
  job.account = keys.text("slurm_account", "");
  job.constraint = keys.text("slurm_constraint", "");
  if (const auto n = keys.integer("slurm_cpus", 1))
    job.cpus = static_cast<int>(std::min<std::int64_t>(*n, 1 << 20));
  if (keys.find("slurm_memory")) job.memory_bytes = parse_byte_size(keys.text("slurm_memory", ""));
  if (const auto n = keys.integer("slurm_gpus", 0))
    job.gpus = static_cast<int>(std::min<std::int64_t>(*n, 1 << 20));
  job.time_limit = keys.duration("slurm_time");
  job.extra = keys.words("slurm_options");
  return job;
}

ProgramDefinition program_of(const Keys& keys) {
  ProgramDefinition program;
  if (keys.find("entry_point") && keys.find("program"))
    invalid("entry_point and program mean the same; both are given", "leave out one of the two");
  program.entry_point = keys.text("entry_point", keys.text("program", ""));
  if (program.entry_point.empty())
    invalid("no program is given", "name the script or executable of a trial with --entry-point");
  program.interpreter = keys.words("interpreter");
  program.argument_template = keys.words("template");
  program.pass_by =
      keys.one_of<PassBy>("pass_by", program.argument_template.empty() ? "arguments" : "template",
                          {{"arguments", PassBy::Arguments},
                           {"json_file", PassBy::JsonFile},
                           {"template", PassBy::Template}});
  if (program.pass_by == PassBy::Template && program.argument_template.empty())
    invalid("pass_by = template, but no template is given",
            "write one, such as --template '--lr={lr} {act}'");
  if (program.pass_by != PassBy::Template && !program.argument_template.empty())
    invalid("a template is given, but pass_by is not template", "leave out one of the two");
  program.max_resource_attr = keys.text("max_resource_attr", "");
  program.working_directory = keys.text("working_directory", "");
  if (const Json* variables = keys.find("environment")) {
    if (!variables->is_object())
      invalid("environment = " + to_json_text(*variables) + " must be NAME: value lines");
    for (const auto& [name, value] : variables->as_object())
      program.environment.emplace_back(name,
                                       value.is_string() ? value.as_string() : to_json_text(value));
  }
  if (const auto grace = keys.duration("grace")) program.grace = *grace;
  program.gpus = keys.words("gpus");
  if (const auto n = keys.integer("gpus_per_trial", 1))
    program.gpus_per_trial = static_cast<int>(std::min<std::int64_t>(*n, 1 << 20));
  program.cpus = processors_of(keys);
  if (const auto n = keys.integer("cpus_per_trial", 1))
    program.cpus_per_trial = static_cast<int>(std::min<std::int64_t>(*n, 1 << 20));
  program.slurm = slurm_of(keys);
  return program;
}

std::optional<std::vector<Configuration>> points_of(const Keys& keys) {
  const Json* points = keys.find("points_to_evaluate");
  if (!points) return std::nullopt;
  const Json list = points->is_array() ? *points
                    : points->is_string()
                        ? from_file(points->as_string(),
                                    [](const std::string& text) { return points_from_text(text); })
                        : *points;
  if (!list.is_array())
    invalid("points_to_evaluate must be a list of configurations, [{\"name\": value, ...}, ...]");
  for (const Json& point : list.as_array())
    if (!point.is_object())
      invalid("points_to_evaluate: " + to_json_text(point) + " must be a configuration",
              "write {\"name\": value, ...}");
  return list.as_array();
}

/// A list of names, or one text with commas.
std::vector<std::string> warm_start_of(const Keys& keys) {
  constexpr const char* kKey = "warm_start_from";
  const Json* value = keys.find(kKey);
  if (!value) return {};
  return value->is_array() ? keys.words(kKey) : split_names(kKey, keys.text(kKey, ""));
}

}  // namespace

std::optional<SlurmJob> slurm_job_from_json(const Json& experiment) {
  return slurm_of(Keys(experiment));
}

Experiment experiment_from_json(const Json& experiment) {
  const Keys keys(experiment);
  Experiment result;
  result.name = keys.text("name", "");
  TuningDefinition& definition = result.definition;
  definition.program = program_of(keys);
  definition.space = space_of(keys);
  definition.metrics = metrics_of(keys);
  definition.method = keys.text("method", definition.method);
  if (const Json* options = keys.find("method_options")) definition.method_options = *options;
  if (const auto n = keys.integer("workers", 1))
    definition.workers = static_cast<int>(std::min<std::int64_t>(*n, 1 << 20));
  if (const auto n = keys.integer("seed", 0)) definition.seed = static_cast<std::uint64_t>(*n);
  definition.stop = stop_of(keys, definition.metrics.front());
  definition.at_end = keys.one_of<AtEnd>(
      "at_end", "stop", {{"stop", AtEnd::StopRunning}, {"wait", AtEnd::WaitForRunning}});
  definition.max_failures = keys.integer("max_failures", 0);
  definition.trial_time_limit = keys.duration("trial_time_limit");
  definition.checkpoints = {.delete_checkpoints = keys.yes("delete_checkpoints"),
                            .max_checkpoints = keys.integer("max_checkpoints", 1)};
  definition.points_to_evaluate = points_of(keys);
  result.warm_start_from = warm_start_of(keys);
  return result;
}

}  // namespace skipjack::cli
