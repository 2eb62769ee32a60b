// How an experiment went: each trial's value and the best so far, over running time and over
// trials. Pure functions of the history. A trial's value is what it reported last, as everywhere in
// Skipjack (observe() in trial/history.h), so a running mean counts once it is complete.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

struct TrialPoint {
  TrialId trial = 0;
  /// Running time of the experiment when the value was known, or when the trial failed.
  Duration time{0};
  /// Finite. Unset for a trial that failed or ended without a value.
  std::optional<double> value;
  /// The best value of this trial and those before it in the curve's order; unset until there is
  /// one.
  std::optional<double> best;
};

/// Running trials have no point.
struct Curve {
  /// In order of time (then of number).
  std::vector<TrialPoint> over_time;
  /// In order of number.
  std::vector<TrialPoint> over_trials;
  /// Where the best value was seen first; unset if there is none.
  std::optional<TrialId> best_trial;
  std::optional<double> best_value;
  /// The experiment's running time so far.
  Duration end{0};
};

struct CurveOptions {
  /// Name and mode of the metric.
  Metric metric{};
  /// Trials that take part; empty: all.
  std::function<bool(const Trial&)> include{};
  /// What a trial that has ended counts with; empty: what it says of the metric.
  std::function<std::optional<double>(const Trial&)> value{};
};

/// O(n log n).
Curve best_so_far(const History& history, const CurveOptions& options);

}  // namespace skipjack
