// For times of trials that report their progress: nothing can be foreseen before a trial has come
// to its end, and the first one may be the slowest of all. So the first few are only looked at:
// each is stopped at its first report, and the one whose report projects the least time is started
// again and runs on. The scheduler within proposes.
#pragma once

#include <cstdint>
#include <memory>

#include "skipjack/schedule/progress.h"
#include "skipjack/schedule/scheduler.h"

namespace skipjack {

struct FirstLooksOptions {
  /// Must not be null. It is not told of the start that is not its own.
  std::unique_ptr<Scheduler> inner;
  Metric metric;
  ProgressOptions progress;
  /// Trials that are only looked at. Range [0, inf); default 5, as many as the first model takes at
  /// least. Trials that first report after half of their work run on, and looks end with the first
  /// that completes.
  std::int64_t num_looks = 5;
  /// Of the tuning's budget (time, trials), where it has one: looks end once so much is used.
  /// Range (0, 1].
  double most_budget = 0.2;
};

/// Throws InvalidArgument for options out of range.
std::unique_ptr<Scheduler> make_first_looks(FirstLooksOptions options);

}  // namespace skipjack
