// A tuning's definition as JSON, the form that the journal stores. Unknown fields are refused: a
// typing error must not silently become a default.
#include <limits>

#include "skipjack/base/error.h"
#include "skipjack/base/json_field.h"
#include "skipjack/study/tuning.h"

namespace skipjack {
namespace {

template <class Enum>
struct Named {
  Enum value;
  std::string_view name;
};
constexpr Named<Mode> kModes[] = {{Mode::Min, "min"}, {Mode::Max, "max"}};
constexpr Named<MetricRole> kRoles[] = {{MetricRole::Objective, "objective"},
                                        {MetricRole::Constraint, "constraint"},
                                        {MetricRole::Cost, "cost"}};
constexpr Named<MetricKind> kKinds[] = {{MetricKind::Plain, "plain"}, {MetricKind::Time, "time"}};
constexpr Named<AtEnd> kAtEnds[] = {{AtEnd::StopRunning, "stop_running"},
                                    {AtEnd::WaitForRunning, "wait_for_running"}};
constexpr Named<PassBy> kPassBys[] = {{PassBy::Arguments, "arguments"},
                                      {PassBy::JsonFile, "json_file"},
                                      {PassBy::Template, "template"}};

template <class Enum, std::size_t n>
Json name_of(const Named<Enum> (&names)[n], Enum value) {
  for (const auto& named : names)
    if (named.value == value) return named.name;
  check_failed("a named enumerator", __FILE__, __LINE__);
}

template <class Enum, std::size_t n>
Enum value_of(const Named<Enum> (&names)[n], const std::string& field, const Json& json) {
  std::string known;
  for (const auto& named : names) {
    if (json == Json(named.name)) return named.value;
    known += (known.empty() ? "" : ", ") + std::string(named.name);
  }
  throw Error(ErrorCode::InvalidArgument, field + " = " + to_json_text(json) + " is not known",
              "one of " + known);
}

[[noreturn]] void unknown_field(const std::string& where, const std::string& key) {
  throw Error(ErrorCode::InvalidArgument, where + " has an unknown field '" + key + "'");
}

Json strings_to_json(const std::vector<std::string>& strings) {
  return Json::Array(strings.begin(), strings.end());
}

std::string string_from_json(const std::string& field, const Json& json) {
  return read_field(field, [&] { return json.as_string(); });
}

const Json::Array& array_from_json(const std::string& field, const Json& json) {
  return *read_field(field, [&] { return &json.as_array(); });
}

const Json::Object& object_from_json(const std::string& field, const Json& json) {
  return *read_field(field, [&] { return &json.as_object(); });
}

std::vector<std::string> strings_from_json(const std::string& field, const Json& json) {
  std::vector<std::string> strings;
  for (const Json& item : array_from_json(field, json))
    strings.push_back(string_from_json(field, item));
  return strings;
}

/// Seconds that fit into a Duration, 0 included.
Duration duration_from_json(const std::string& field, const Json& json) {
  const double seconds = read_field(field, [&] { return json.as_double(); });
  if (!(seconds >= 0 && seconds < 6.3e9))
    throw Error(ErrorCode::InvalidArgument,
                field + " = " + shortest_decimal(seconds) + " must be in [0, 6.3e9) seconds");
  return from_seconds(seconds);
}

std::int64_t int64_from_json(const std::string& field, const Json& json) {
  return read_field(field, [&] { return json.as_int(); });
}

int int_from_json(const std::string& field, const Json& json) {
  const std::int64_t value = int64_from_json(field, json);
  if (value < 0 || value > std::numeric_limits<int>::max())
    throw Error(ErrorCode::InvalidArgument,
                field + " = " + std::to_string(value) + " must be in [0, 2147483647]");
  return static_cast<int>(value);
}

Json metric_to_json(const Metric& metric) {
  Json::Object object{{"name", metric.name},
                      {"mode", name_of(kModes, metric.mode)},
                      {"role", name_of(kRoles, metric.role)},
                      {"kind", name_of(kKinds, metric.kind)}};
  if (metric.role == MetricRole::Constraint) object.emplace_back("bound", metric.bound);
  return object;
}

Metric metric_from_json(const Json& json) {
  Metric metric;
  for (const auto& [key, value] : object_from_json("metric", json)) {
    const std::string field = "metric." + key;
    if (key == "name")
      metric.name = string_from_json(field, value);
    else if (key == "mode")
      metric.mode = value_of(kModes, field, value);
    else if (key == "role")
      metric.role = value_of(kRoles, field, value);
    else if (key == "kind")
      metric.kind = value_of(kKinds, field, value);
    else if (key == "bound")
      metric.bound = read_field(field, [&value = value] { return value.as_double(); });
    else
      unknown_field("metric", key);
  }
  return metric;
}

Json slurm_to_json(const SlurmJob& job) {
  Json json = Json::Object{{"partition", job.partition},
                           {"account", job.account},
                           {"constraint", job.constraint},
                           {"gpus", job.gpus},
                           {"extra", strings_to_json(job.extra)}};
  if (job.cpus) json.set("cpus", *job.cpus);
  if (job.memory_bytes) json.set("memory_bytes", *job.memory_bytes);
  if (job.time_limit) json.set("time_limit", to_seconds(*job.time_limit));
  return json;
}

SlurmJob slurm_from_json(const Json& json) {
  SlurmJob job;
  for (const auto& [key, value] : object_from_json("slurm", json)) {
    const std::string field = "slurm." + key;
    if (key == "partition")
      job.partition = string_from_json(field, value);
    else if (key == "account")
      job.account = string_from_json(field, value);
    else if (key == "constraint")
      job.constraint = string_from_json(field, value);
    else if (key == "cpus")
      job.cpus = int_from_json(field, value);
    else if (key == "memory_bytes")
      job.memory_bytes = int64_from_json(field, value);
    else if (key == "gpus")
      job.gpus = int_from_json(field, value);
    else if (key == "time_limit")
      job.time_limit = duration_from_json(field, value);
    else if (key == "extra")
      job.extra = strings_from_json(field, value);
    else
      unknown_field("slurm", key);
  }
  return job;
}

Json program_to_json(const ProgramDefinition& program) {
  Json::Object environment;
  for (const auto& [name, value] : program.environment) environment.emplace_back(name, value);
  Json json = Json::Object{{"entry_point", program.entry_point.string()},
                           {"interpreter", strings_to_json(program.interpreter)},
                           {"pass_by", name_of(kPassBys, program.pass_by)},
                           {"argument_template", strings_to_json(program.argument_template)},
                           {"max_resource_attr", program.max_resource_attr},
                           {"working_directory", program.working_directory.string()},
                           {"environment", std::move(environment)},
                           {"grace", to_seconds(program.grace)},
                           {"gpus", strings_to_json(program.gpus)},
                           {"gpus_per_trial", program.gpus_per_trial},
                           {"cpus", Json::Array(program.cpus.begin(), program.cpus.end())},
                           {"cpus_per_trial", program.cpus_per_trial}};
  if (program.slurm) json.set("slurm", slurm_to_json(*program.slurm));
  return json;
}

ProgramDefinition program_from_json(const Json& json) {
  ProgramDefinition program;
  for (const auto& [key, value] : object_from_json("program", json)) {
    const std::string field = "program." + key;
    if (key == "entry_point")
      program.entry_point = string_from_json(field, value);
    else if (key == "interpreter")
      program.interpreter = strings_from_json(field, value);
    else if (key == "pass_by")
      program.pass_by = value_of(kPassBys, field, value);
    else if (key == "argument_template")
      program.argument_template = strings_from_json(field, value);
    else if (key == "max_resource_attr")
      program.max_resource_attr = string_from_json(field, value);
    else if (key == "working_directory")
      program.working_directory = string_from_json(field, value);
    else if (key == "environment")
      for (const auto& [name, text] : object_from_json(field, value))
        program.environment.emplace_back(name, string_from_json(field + "." + name, text));
    else if (key == "grace")
      program.grace = duration_from_json(field, value);
    else if (key == "gpus")
      program.gpus = strings_from_json(field, value);
    else if (key == "gpus_per_trial")
      program.gpus_per_trial = int_from_json(field, value);
    else if (key == "cpus")
      for (const Json& cpu : array_from_json(field, value))
        program.cpus.push_back(int_from_json(field, cpu));
    else if (key == "cpus_per_trial")
      program.cpus_per_trial = int_from_json(field, value);
    else if (key == "slurm")
      program.slurm = slurm_from_json(value);
    else
      unknown_field("program", key);
  }
  return program;
}

}  // namespace

Json to_json(const TuningDefinition& definition) {
  Json json{Json::Object{}};
  json.set("space", definition.space.to_json());
  Json::Array metrics;
  for (const Metric& metric : definition.metrics) metrics.push_back(metric_to_json(metric));
  json.set("metrics", std::move(metrics));
  json.set("method", definition.method);
  json.set("method_options", definition.method_options);
  json.set("seed", static_cast<std::int64_t>(definition.seed));
  json.set("workers", definition.workers);
  json.set("stop", to_json(definition.stop));
  json.set("at_end", name_of(kAtEnds, definition.at_end));
  if (definition.max_failures) json.set("max_failures", *definition.max_failures);
  if (definition.trial_time_limit)
    json.set("trial_time_limit", to_seconds(*definition.trial_time_limit));
  if (definition.checkpoints.delete_checkpoints) json.set("delete_checkpoints", true);
  if (definition.checkpoints.max_checkpoints)
    json.set("max_checkpoints", *definition.checkpoints.max_checkpoints);
  if (definition.points_to_evaluate)
    json.set("points_to_evaluate", Json::Array(definition.points_to_evaluate->begin(),
                                               definition.points_to_evaluate->end()));
  if (!definition.sources.empty()) {
    Json::Array sources;
    for (const SourceExperiment& source : definition.sources) sources.push_back(to_json(source));
    json.set("sources", std::move(sources));
  }
  json.set("program", program_to_json(definition.program));
  json.set("extra", definition.extra);
  return json;
}

TuningDefinition tuning_definition_from_json(const Json& json) {
  TuningDefinition definition;
  for (const auto& [key, value] : object_from_json("the definition", json)) {
    if (key == "space")
      definition.space = SearchSpace::from_json(value);
    else if (key == "metrics")
      for (const Json& metric : array_from_json(key, value))
        definition.metrics.push_back(metric_from_json(metric));
    else if (key == "method")
      definition.method = string_from_json(key, value);
    else if (key == "method_options")
      definition.method_options = value;
    else if (key == "seed")
      definition.seed = static_cast<std::uint64_t>(int64_from_json(key, value));
    else if (key == "workers")
      definition.workers = int_from_json(key, value);
    else if (key == "stop")
      definition.stop = stopping_criterion_from_json(value);
    else if (key == "at_end")
      definition.at_end = value_of(kAtEnds, key, value);
    else if (key == "max_failures")
      definition.max_failures = int64_from_json(key, value);
    else if (key == "trial_time_limit")
      definition.trial_time_limit = duration_from_json(key, value);
    else if (key == "delete_checkpoints")
      definition.checkpoints.delete_checkpoints =
          read_field(key, [&value = value] { return value.as_bool(); });
    else if (key == "max_checkpoints")
      definition.checkpoints.max_checkpoints = int64_from_json(key, value);
    else if (key == "points_to_evaluate")
      definition.points_to_evaluate = array_from_json(key, value);
    else if (key == "sources")
      for (const Json& source : array_from_json(key, value))
        definition.sources.push_back(source_experiment_from_json(source));
    else if (key == "program")
      definition.program = program_from_json(value);
    else if (key == "extra")
      definition.extra = value;
    else
      unknown_field("the definition", key);
  }
  put_objectives_first(definition.metrics);
  return definition;
}

}  // namespace skipjack
