// Synchronous Hyperband [Li2018]: brackets of successive halving that differ in how early they
// judge. All trials of a rung are measured at its level and rest there; once each has a result, the
// best go on to the next rung, from where they were. Brackets take turns, and while one waits for
// its last results, workers that are free begin the next one, so that none idles. What ranks is the
// value at the same level for all; what is paid is that the best wait for the slowest.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/schedule/resource.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

struct SyncHyperbandOptions {
  /// Proposes once points_to_evaluate are used up, told of the level and the bracket that the trial
  /// begins with. Must not be null.
  std::unique_ptr<Searcher> searcher;
  /// Complete configurations (SearchSpace::complete), started first and in this order.
  std::vector<Configuration> points_to_evaluate;
  /// The one that ranks.
  Metric metric;
  /// Brackets of so many levels that one would begin with more than a million trials are refused.
  ResourceOptions resource;
  /// Brackets that take turns: the first halves most often, the last (where there are as many as
  /// levels) runs few trials to the end. Range [1, levels]; unset: all. Fewer trust early levels
  /// more.
  std::optional<std::int64_t> brackets;
};

/// A trial's tag is {"bracket": the bracket's number, counted over all of them}. A level that a
/// report jumps over is judged by that report. A trial that ends by itself below its level keeps
/// its last value in all further rungs; one that fails ranks last and goes on nowhere. Finished
/// when the searcher is exhausted and every trial has come as far as it may. Throws InvalidArgument
/// for a null searcher and options out of range; decide() does for reports that make no sense (see
/// ResourceLog).
std::unique_ptr<Scheduler> make_sync_hyperband(SyncHyperbandOptions options);

}  // namespace skipjack
