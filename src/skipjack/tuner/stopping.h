// When a tuning ends. A criterion is data; Progress folds the events into what it asks about. The
// fields are those of Syne Tune's StoppingCriterion, but exact: max_trials_started = 6 starts six
// trials, where Syne Tune starts seven. Pure: no clock, no input, no output.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

/// Ends the tuning when the best values stop differing [Syne Tune's PlateauStopper].
struct PlateauCriterion {
  std::string metric;
  Mode mode = Mode::Min;
  /// How many of the best trials are compared. Range [2, inf).
  int num_trials = 10;
  /// The plateau is reached when the standard deviation of their values is at most this. Range [0,
  /// inf).
  double standard_deviation = 0.001;
  /// How many further trials may end on the plateau before the tuning does. Range [0, inf).
  int patience = 0;
};

/// Any one that holds ends the tuning; none set: it ends when the scheduler has nothing more to
/// try.
struct StoppingCriterion {
  /// Running time of the experiment, summed over runs. At that time what runs is stopped (or waited
  /// for: see AtEnd). Range (0, inf).
  std::optional<Duration> max_time;
  /// Reports taken in; the tuning takes in this many and not one more. Range [1, inf).
  std::optional<std::int64_t> max_reports;
  /// Trials: no more than this many are started, and those end by themselves; paused ones that the
  /// method lets go on are resumed. Range [1, inf).
  std::optional<std::int64_t> max_trials_started;
  /// Trials that ended with exit code 0. While several run, a new one starts only if all of them
  /// together can't exceed the number. Range [1, inf).
  std::optional<std::int64_t> max_trials_completed;
  /// The same for completed, stopped and failed trials. Range [1, inf).
  std::optional<std::int64_t> max_trials_finished;
  /// Sum over all attempts of the last value that each reported of cost_metric; the tuning ends
  /// once it is at least this. Range (0, inf).
  std::optional<double> max_cost;
  std::string cost_metric = "st_worker_cost";
  /// Ends once some report's metric is at most (at least) the number named.
  std::vector<std::pair<std::string, double>> min_metric_value;
  std::vector<std::pair<std::string, double>> max_metric_value;
  std::optional<PlateauCriterion> plateau;
};

/// Throws InvalidArgument naming the field, its value and the bound.
void validate(const StoppingCriterion& criterion);

/// {"max_time": seconds, ...}, set fields only. from_json throws InvalidArgument for unknown
/// fields, wrong types and values out of range.
Json to_json(const StoppingCriterion& criterion);
StoppingCriterion stopping_criterion_from_json(const Json& json);

/// What the events so far mean to a criterion. Copyable; apply is O(metrics named), O(log trials)
/// for a plateau.
class Progress {
 public:
  explicit Progress(StoppingCriterion criterion);

  /// Every event in order; history has taken it in already.
  void apply(const Event& event, const History& history);

  /// Why the tuning ends now, whatever runs: "max_time", "max_reports", "max_cost",
  /// "min_metric_value", "max_metric_value", "plateau", "max_trials_completed",
  /// "max_trials_finished"; nullopt if it doesn't.
  std::optional<std::string> fired(Duration now) const;
  /// max_trials_started of them have been.
  bool starts_full() const;
  /// How many more attempts may begin while num_running trials run, so that max_trials_completed
  /// and max_trials_finished can't be exceeded whatever becomes of them.
  std::int64_t allowed_attempts(std::int64_t num_running) const;
  /// Another report would be one too many.
  bool reports_full() const;
  /// Fraction of the budget left, in [0, 1]: the smallest over all bounds set; nullopt if there is
  /// none.
  std::optional<double> remaining_fraction(Duration now) const;

  std::int64_t num_started() const { return num_started_; }
  std::int64_t num_completed() const { return num_completed_; }
  std::int64_t num_stopped() const { return num_stopped_; }
  std::int64_t num_failed() const { return num_failed_; }
  std::int64_t num_finished() const { return num_completed_ + num_stopped_ + num_failed_; }
  double cost() const { return cost_; }

 private:
  void apply_report(const Reported& reported);
  void finish(TrialId trial, Outcome outcome, const History& history);
  void apply_plateau(TrialId id, const History& history);
  std::int64_t& count_of(Outcome outcome);

  StoppingCriterion criterion_;
  std::int64_t num_started_ = 0, num_completed_ = 0, num_stopped_ = 0, num_failed_ = 0;
  std::int64_t num_reports_ = 0;
  double cost_ = 0;
  /// Trials that count as finished, and how they ended.
  std::map<TrialId, Outcome> finished_;
  std::map<AttemptId, double> attempt_cost_;
  std::optional<std::string> metric_reached_;
  std::vector<double> best_;
  int num_on_plateau_ = 0;
  bool plateau_reached_ = false;
};

}  // namespace skipjack
