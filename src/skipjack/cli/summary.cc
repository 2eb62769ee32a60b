// Sentences and JSON about an experiment.
#include "skipjack/cli/summary.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/base/shell.h"
#include "skipjack/cli/tuning_progress.h"
#include "skipjack/method/method.h"
#include "skipjack/s3tune/s3_tuning.h"
#include "skipjack/s3tune/s3_verdict.h"
#include "skipjack/s3tune/search_jobs.h"
#include "skipjack/study/snapshot.h"

namespace skipjack::cli {
namespace {

std::string configuration_lines(const TuningDefinition& definition,
                                const Configuration& configuration) {
  std::string text;
  for (const auto& [name, domain] : definition.space.searched()) {
    const Json* value = configuration.find(name);
    text += "  " + one_line(name) + ": " + (value ? one_line(to_python_text(*value)) : "-") + "\n";
  }
  return text;
}

// How sure the recommendation is, and what else may be as good.
std::string alternatives_sentence(const Recommendation& found) {
  if (!found.probability_best) return {};
  const auto percent = [](double probability) {
    return std::to_string(std::lround(100 * probability)) + " %";
  };
  std::string text =
      "the best of those measured with probability " + percent(*found.probability_best);
  if (found.indistinguishable.empty()) return text + "\n";
  text += "; not told apart from it: trial";
  constexpr std::size_t kNamed = 5;
  const std::size_t number = found.indistinguishable.size();
  if (number > 1) text += "s";
  for (std::size_t i = 0; i < std::min(number, kNamed); ++i)
    text += std::string(i > 0 ? "," : "") + " " + std::to_string(found.indistinguishable[i].trial) +
            " (" + percent(found.indistinguishable[i].probability_best) + ")";
  if (number > kNamed) text += " and " + std::to_string(number - kNamed) + " more";
  return text + "\n";
}

std::string feasibility_sentence(const Recommendation& found) {
  if (!found.probability_feasible) return {};
  const long percent = std::lround(100 * *found.probability_feasible);
  if (*found.probability_feasible >= 0.5)
    return "satisfies the constraints with probability " + std::to_string(percent) + " %\n";
  return "no configuration is likely to satisfy the constraints; this one is the closest, with "
         "probability " +
         std::to_string(percent) + " %\n";
}

std::vector<Metric> objectives_of(const TuningDefinition& definition) {
  return metrics_with(MetricRole::Objective, definition.metrics);
}

/// One row a trial that no other is better than.
std::string front_text(const TuningDefinition& definition, const History& history) {
  const auto front = pareto_front(history, definition.metrics, comparable_trials(definition));
  if (front.empty())
    return "no trial has a value of every objective" +
           std::string(metrics_with(MetricRole::Constraint, definition.metrics).empty()
                           ? ""
                           : " and satisfies the constraints") +
           " yet\n";
  std::vector<std::vector<std::string>> rows{{"TRIAL"}};
  for (const Metric& objective : objectives_of(definition))
    rows[0].push_back(one_line(objective.name));
  for (const auto& [name, domain] : definition.space.searched()) rows[0].push_back(one_line(name));
  for (const FrontMember& member : front) {
    auto& row = rows.emplace_back(1, std::to_string(member.trial));
    for (const double value : member.values) row.push_back(short_number(value));
    for (const auto& [name, domain] : definition.space.searched()) {
      const Json* value = member.configuration.find(name);
      row.push_back(value && !value->is_null() ? value_cell(*value) : "-");
    }
  }
  return "the front, " + count_of(std::ssize(front), "trial") + " that no other is better than:\n" +
         aligned(rows);
}

/// last: what is said of the trials that have not ended.
using Part = std::pair<std::int64_t, const char*>;
std::string sentence_of(const History& history, const std::vector<Part>& last) {
  std::vector<Part> parts = {{history.num_with(TrialStatus::Completed), "completed"},
                             {history.num_with(TrialStatus::Stopped), "stopped"},
                             {history.num_with(TrialStatus::Failed), "failed"},
                             {history.num_with(TrialStatus::Paused), "paused"}};
  parts.insert(parts.end(), last.begin(), last.end());
  std::string text = count_of(std::ssize(history.trials()), "trial");
  const char* separator = ": ";
  for (const auto& [n, what] : parts) {
    if (n == 0) continue;
    text += std::exchange(separator, ", ") + std::to_string(n) + " " + what;
  }
  return text;
}

/// By the snapshot of the tuner that runs it.
std::int64_t queued_now(const ExperimentStore& store, const std::string& name,
                        const LeaseHolder& holder) {
  try {
    const auto snapshot = read_snapshot(store.folder(name));
    const bool is_now = snapshot && !snapshot->ended && snapshot->host == holder.host &&
                        snapshot->pid == holder.pid;
    return is_now ? snapshot->num_queued : 0;
  } catch (const Error&) {
    return 0;  // a snapshot is good to have, and no more
  }
}

}  // namespace

std::string value_cell(const Json& value) {
  return one_line(value.is_double() ? short_number(value.as_double()) : to_python_text(value));
}

bool has_front(const TuningDefinition& definition) { return objectives_of(definition).size() > 1; }

StoredExperiment read_experiment(const ExperimentStore& store, const std::string& name) {
  StoredExperiment experiment;
  experiment.holder = store.holder(name);
  JournalContents contents = store.read(name);
  experiment.header = std::move(contents.header);
  experiment.events = std::move(contents.events);
  experiment.running_time = contents.running_time;
  experiment.definition = read_definition(experiment.header);
  experiment.history = fold(experiment.events);
  if (experiment.holder) experiment.num_queued = queued_now(store, name, *experiment.holder);
  return experiment;
}

std::string status_word(const StoredExperiment& experiment) {
  if (experiment.holder) return "running";
  switch (experiment_status(experiment.events)) {
    case ExperimentStatus::Empty:
      return "new";
    case ExperimentStatus::Unfinished:
      return "interrupted";  // nobody holds the lease: its tuner died
    case ExperimentStatus::Interrupted:
      return "interrupted";
    case ExperimentStatus::Failed:
      return "failed";
    case ExperimentStatus::Finished:
      return "finished";
  }
  return "new";
}

std::string trials_sentence(const History& history) {
  const auto open = std::ssize(history.running());
  return sentence_of(history, {{open, "not ended"}});
}

std::string trials_sentence(const StoredExperiment& experiment) {
  if (!experiment.holder) return trials_sentence(experiment.history);
  const auto open = std::ssize(experiment.history.running());
  const auto queued = std::min<std::int64_t>(open, experiment.num_queued);
  return sentence_of(experiment.history, {{open - queued, "running"}, {queued, "queued"}});
}

std::function<bool(const Trial&)> comparable_trials(const TuningDefinition& definition) {
  if (!s3tune::is_s3_tuning(definition)) return {};
  return [](const Trial& trial) { return s3tune::phase_of(trial) != "verdict"; };
}

Comparison comparison_of(const TuningDefinition& definition, const History& history) {
  Metric metric = definition.metrics.at(0);
  if (s3tune::is_cluster_tuning(definition)) {
    metric.name = s3tune::kRatioName;
    return {metric, [jobs = s3tune::search_jobs(history, s3tune::baseline_arm_of(definition))](
                        const Trial& trial) { return jobs.value(trial.id); }};
  }
  return {metric,
          [metric, is_comparable =
                       comparable_trials(definition)](const Trial& trial) -> std::optional<double> {
            if (is_comparable && !is_comparable(trial)) return std::nullopt;
            return measured_value(trial, metric);
          }};
}

BestOf best_compared(const TuningDefinition& definition) {
  return [definition](const History& history) -> std::optional<Snapshot::Best> {
    const auto [metric, value_of] = comparison_of(definition, history);
    const auto best = best_value(history, definition.metrics, metric.mode, value_of);
    if (!best) return std::nullopt;
    return Snapshot::Best{best->trial, metric.name, best->value,
                          history.find(best->trial)->configuration};
  };
}

std::string findings_text(const TuningDefinition& definition, const History& history) {
  // A tuning of a download has trials of several clients; what it found is its verdict.
  if (s3tune::is_s3_tuning(definition))
    return "\n" + s3tune::to_text(s3tune::s3_verdict(definition, history), definition);
  if (has_front(definition)) return front_text(definition, history);
  const Metric& metric = definition.metrics.at(0);
  const std::string name = one_line(metric.name);
  const auto found = recommend(definition.space, history, metric, definition.metrics,
                               resource_attr_of(definition.method, definition.method_options));
  if (!found) return "no trial has a value of '" + name + "' yet\n";
  std::string text = "recommended (trial " + std::to_string(found->trial) + "): " + name + " ";
  if (found->source == RecommendationSource::Model) {
    text += "about " + short_number(found->mean);
    if (found->lower && found->upper)
      text += " (95 %: " + short_number(*found->lower) + " to " + short_number(*found->upper) + ")";
    text += " by the model";
  } else {
    text += short_number(found->mean) +
            (found->num_measurements == 1 ? " measured once" : " on average");
  }
  text += "\n" + configuration_lines(definition, found->configuration);
  text += feasibility_sentence(*found);
  text += alternatives_sentence(*found);
  text += "best single value: " + name + " " + short_number(found->best_value) + " (trial " +
          std::to_string(found->best_value_trial) + ")";
  if (found->best_value_trial != found->trial) text += ", which may owe something to luck";
  return text + "\n";
}

std::string command_line(const Context& context, const std::string& command) {
  std::string line = "skipjack " + command;
  if (!context.experiments_dir.empty())
    line += " --experiments-dir " + shell_word(context.experiments_dir);
  return line;
}

std::string summary_text(const Context& context, const ExperimentStore& store,
                         const std::string& name, const TuningDefinition& definition,
                         const TuningResult& result) {
  std::string text = "experiment " + name + ": " + trials_sentence(result.history) + " in " +
                     format_duration(result.time) + "; ended by: " + one_line(result.reason) + "\n";
  text += findings_text(definition, result.history);
  text += "results: " + store.folder(name).string() + "\n";
  text += "  " + command_line(context, "show " + name) + "\n";
  text += "  " + command_line(context, "plot " + name + " -o best.svg") + "\n";
  text += "  " + command_line(context, "export " + name + " --format csv") + "\n";
  if (result.reason == "max_trials_started")
    text += "  " + command_line(context, "resume " + name + " --max-trials +10") + "\n";
  else if (result.reason == "interrupted")
    text += "  " + command_line(context, "resume " + name) + "\n";
  else
    text += "  " + command_line(context, "resume " + name + " --max-time +60s") + "\n";
  return text;
}

Json to_json(const Recommendation& recommendation) {
  Json json;
  json.set("configuration", recommendation.configuration);
  json.set("trial_id", recommendation.trial);
  json.set("source",
           recommendation.source == RecommendationSource::Model ? "model" : "observed_mean");
  json.set("mean", recommendation.mean);
  if (recommendation.lower) json.set("lower", *recommendation.lower);
  if (recommendation.upper) json.set("upper", *recommendation.upper);
  json.set("num_measurements", recommendation.num_measurements);
  if (recommendation.probability_best)
    json.set("probability_best", *recommendation.probability_best);
  if (recommendation.probability_feasible)
    json.set("probability_feasible", *recommendation.probability_feasible);
  Json::Array alternatives;
  for (const auto& alternative : recommendation.indistinguishable) {
    Json entry;
    entry.set("trial_id", alternative.trial);
    entry.set("mean", alternative.mean);
    entry.set("probability_best", alternative.probability_best);
    alternatives.push_back(std::move(entry));
  }
  json.set("indistinguishable", Json(std::move(alternatives)));
  return json;
}

std::string utc_time(double unix_time) {
  const auto seconds = static_cast<std::time_t>(std::clamp(unix_time, 0.0, 253402300799.0));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

}  // namespace skipjack::cli
