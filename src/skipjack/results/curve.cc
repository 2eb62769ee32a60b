// One pass to collect, two to accumulate.
#include "skipjack/results/curve.h"

#include <algorithm>
#include <tuple>

namespace skipjack {
namespace {

void accumulate_best(std::vector<TrialPoint>& points, Mode mode) {
  std::optional<double> best;
  for (TrialPoint& point : points) {
    if (point.value && (!best || is_better(*point.value, *best, mode))) best = point.value;
    point.best = best;
  }
}

}  // namespace

Curve best_so_far(const History& history, const CurveOptions& options) {
  const Metric& metric = options.metric;
  Curve curve;
  curve.end = history.time();
  for (const Trial& trial : history.trials()) {
    if (trial.status == TrialStatus::Running || (options.include && !options.include(trial)))
      continue;
    TrialPoint point{.trial = trial.id,
                     .time = trial.ended.value_or(history.time()),
                     .value = options.value ? options.value(trial) : measured_value(trial, metric),
                     .best = {}};
    if (point.value && !trial.reports.empty()) point.time = trial.reports.back().time;
    curve.over_trials.push_back(point);
  }
  curve.over_time = curve.over_trials;
  std::sort(curve.over_time.begin(), curve.over_time.end(),
            [](const TrialPoint& a, const TrialPoint& b) {
              return std::tie(a.time, a.trial) < std::tie(b.time, b.trial);
            });
  accumulate_best(curve.over_time, metric.mode);
  accumulate_best(curve.over_trials, metric.mode);
  for (const TrialPoint& point : curve.over_time)
    if (point.value &&
        (!curve.best_value || is_better(*point.value, *curve.best_value, metric.mode))) {
      curve.best_value = point.value;
      curve.best_trial = point.trial;
    }
  return curve;
}

}  // namespace skipjack
