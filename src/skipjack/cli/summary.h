// What an experiment found, in words and as JSON: the recommended configuration first, the best
// single value named as such, where everything is, which commands go on from here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/cli/context.h"
#include "skipjack/journal/experiment_store.h"
#include "skipjack/search/front.h"
#include "skipjack/search/recommend.h"
#include "skipjack/study/tuning.h"

namespace skipjack::cli {

/// An experiment read from its journal.
struct StoredExperiment {
  JournalHeader header;
  TuningDefinition definition;
  std::vector<Event> events;
  History history;
  /// Of all runs; also what a killed one ran after its last event.
  Duration running_time{0};
  /// Set while a tuner runs it.
  std::optional<LeaseHolder> holder;
  /// Of the trials that have not ended, those that wait in a cluster's queue, by the snapshot of
  /// the tuner that runs; 0 where none does.
  std::int64_t num_queued = 0;
};
/// Throws what ExperimentStore::read throws; Corrupted if the definition can't be understood.
StoredExperiment read_experiment(const ExperimentStore& store, const std::string& name);

/// "running", "finished", "interrupted", "failed", "new".
std::string status_word(const StoredExperiment& experiment);

/// "12 trials: 9 completed, 1 stopped, 2 failed".
std::string trials_sentence(const History& history);
/// The same, and while a tuner runs it "3 running, 1 queued" of those that have not ended.
std::string trials_sentence(const StoredExperiment& experiment);

/// Which trials may be compared with each other: all, except that those of an S3 tuning's verdict
/// are other clients'.
std::function<bool(const Trial&)> comparable_trials(const TuningDefinition& definition);

/// By what a tuning's trials are set beside each other.
struct Comparison {
  /// Its name is for people.
  Metric metric;
  /// Of a trial that has ended; nullopt: it has none, or is none of those compared.
  std::function<std::optional<double>(const Trial&)> value;
};
/// By the tuned metric, among comparable_trials(); an S3 tuning's on a cluster by the ratio to the
/// baseline, as its search does, since seconds on nodes that differ say little.
Comparison comparison_of(const TuningDefinition& definition, const History& history);

/// For RunOptions::best: the best by that, of trials that satisfy the constraints.
BestOf best_compared(const TuningDefinition& definition);

/// The recommendation and the best single value, several lines; says so if there is none. With
/// several objectives the front, a line a trial. Of an S3 tuning the verdict.
std::string findings_text(const TuningDefinition& definition, const History& history);

/// "skipjack show NAME" and so on, with --experiments-dir where it was given.
std::string command_line(const Context& context, const std::string& command);

/// Everything that tune and resume print at their end.
std::string summary_text(const Context& context, const ExperimentStore& store,
                         const std::string& name, const TuningDefinition& definition,
                         const TuningResult& result);

/// A value in a table.
std::string value_cell(const Json& value);

/// More than one objective.
bool has_front(const TuningDefinition& definition);

Json to_json(const Recommendation& recommendation);
/// "2026-11-22 01:05:07 UTC"
std::string utc_time(double unix_time);

}  // namespace skipjack::cli
