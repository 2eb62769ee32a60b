// Median stopping around any scheduler: a trial whose value at a level of the resource is in the
// worse half of what trials had there is stopped [Golovin2017]. The scheduler within proposes, and
// may stop and pause for reasons of its own.
#pragma once

#include <memory>
#include <string>

#include "skipjack/schedule/scheduler.h"

namespace skipjack {

enum class MedianOf {
  Values,          ///< a trial's value at the level
  RunningAverage,  ///< the mean of its values up to it: less swayed by noise, slower to see a turn
};

struct MedianStoppingOptions {
  /// Must not be null.
  std::unique_ptr<Scheduler> inner;
  /// The one objective.
  Metric metric;
  /// As in ResourceOptions.
  std::string resource_attr = "epoch";
  MedianOf median_of = MedianOf::RunningAverage;
  /// No trial is stopped below this level. Range [1, inf).
  std::int64_t grace_time = 1;
  /// Nor at a level to which fewer trials have come than this, itself among them. Range [1, inf).
  std::int64_t grace_population = 5;
  /// A trial is stopped if more than this part of all values at the level are better than its own.
  /// Range (0, 1); default 0.5, the median [Golovin2017]; smaller stops more.
  double rank_cutoff = 0.5;
};

/// Values that are not finite rank as the worst, and stay out of running averages. O(log n) a
/// report. Throws InvalidArgument for options out of range.
std::unique_ptr<Scheduler> make_median_stopping(MedianStoppingOptions options);

}  // namespace skipjack
