// Adaptive capping around any scheduler: where the metric is the time that a trial takes, a trial
// which has already run longer than the best configuration by a margin can no longer win, and is
// stopped. What it would have taken is then known to be at least that: a censored observation
// [Hutter2013]. Each running trial has a deadline, set again whenever the best changes, so that a
// trial which never reports is stopped as well, and one that another has just beaten too. A trial
// that reports its progress is stopped long before, once its end can be foreseen.
#pragma once

#include <memory>
#include <optional>

#include "skipjack/schedule/progress.h"
#include "skipjack/schedule/scheduler.h"

namespace skipjack {

struct CappingOptions {
  /// Proposes; everything but deadlines and stops is its own. Must not be null.
  std::unique_ptr<Scheduler> inner;
  /// Tells configurations apart.
  SearchSpace space;
  /// Kind Time, mode Min: the seconds that the trial's own work takes.
  Metric metric;
  /// A trial is stopped once it has taken this many times what the best configuration takes, which
  /// is
  ///   min over configurations of exp(mean log time + 2 s / sqrt(r)), times exp(2 s),
  /// r the configuration's measurements and s the pooled standard deviation of the logarithms
  /// between measurements of one configuration (0 while none is repeated): neither does a single
  /// lucky value set the bound, nor does an unlucky one of the best break it. Range [1, inf). Less
  /// saves more time and tells the model less: 1.2 cost regret on one of two tables
  /// (docs/capping.md).
  double slack = 1.5;
  /// Set: trials report their progress, and one is stopped once it is unlikely to take less than
  /// the best configuration (schedule/progress.h). Its bound is then what it is expected to take.
  std::optional<ProgressOptions> progress = std::nullopt;
};

/// Throws InvalidArgument for a null inner scheduler, another kind of metric, slack below 1,
/// progress options out of range.
std::unique_ptr<Scheduler> make_capping(CappingOptions options);

}  // namespace skipjack
