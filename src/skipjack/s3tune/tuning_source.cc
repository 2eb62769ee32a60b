#include "skipjack/s3tune/tuning_source.h"

#include <optional>
#include <utility>

#include "skipjack/s3tune/s3_tuning.h"
#include "skipjack/s3tune/search_jobs.h"
#include "skipjack/s3tune/trial_beliefs.h"
#include "skipjack/s3tune/trial_reports.h"

namespace skipjack::s3tune {
namespace {

/// A trial's configuration as its space has it, whatever its downloads were told beside.
Configuration searched_values(const SearchSpace& space, const Configuration& configuration) {
  Json values{Json::Object{}};
  for (const auto& [name, domain] : space.searched())
    if (const Json* value = configuration.find(name)) values.set(name, *value);
  return space.complete(values);
}

}  // namespace

SourceExperiment tuning_source(std::string name, const TuningDefinition& definition,
                               const History& history, const Metric& metric) {
  if (!is_s3_tuning(definition) || metric.name != download_time_metric().name)
    return source_experiment(std::move(name), history, metric);
  const std::string baseline_arm = baseline_arm_of(definition);
  const bool is_cluster = is_cluster_tuning(definition);
  const SearchJobs jobs = search_jobs(history, baseline_arm);
  const TrialBeliefs beliefs(history, baseline_arm);
  SourceExperiment source{.name = std::move(name), .mode = metric.mode, .observations = {}};
  bool has_baseline = false;
  for (const Trial& trial : history.trials()) {
    const bool is_first = !has_baseline && is_of_arm(trial, baseline_arm);
    if (!has_ended(trial) || (!is_first && phase_of(trial) != kSearchPhase)) continue;
    has_baseline = true;
    std::optional<double> value = is_cluster ? jobs.value(trial.id) : beliefs.of(trial).value;
    if (is_cluster && is_first && jobs.baseline(trial.id)) value = 1.0;
    if (!value) continue;
    source.observations.push_back({is_first
                                       ? definition.extra.at("baseline_point")
                                       : searched_values(definition.space, trial.configuration),
                                   *value});
  }
  return source;
}

}  // namespace skipjack::s3tune
