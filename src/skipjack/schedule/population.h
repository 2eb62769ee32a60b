// Population-based training [Jaderberg2017]: a fixed number of trials train side by side. Every so
// many steps of the resource a trial compares itself; one among the worst is stopped, and in its
// place a new trial goes on from a copy of the checkpoint of one among the best, with a
// configuration near that one's. What is found is a schedule of configurations rather than one. The
// program must write checkpoints and begin from the one that it is given.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

struct PopulationOptions {
  SearchSpace space;
  /// Proposes what members begin with; that may be the same more than once. Must not be null.
  std::unique_ptr<Searcher> searcher;
  /// Complete configurations, with which the first members begin instead.
  std::vector<Configuration> points_to_evaluate = {};
  /// The one that ranks.
  Metric metric = {};
  std::uint64_t seed = 0;
  /// Key of the resource in reports: a whole number >= 1 that grows within an attempt.
  std::string resource_attr = "epoch";
  /// The largest resource, at which a member is done. Range [2, 2^53]; no default.
  std::int64_t max_t = 0;
  /// Members. Range [2, 10000]; default 4, Syne Tune's. Larger searches more broadly and longer.
  std::int64_t population_size = 4;
  /// Steps of the resource between comparisons; a trial that begins from a checkpoint compares
  /// itself first at its first step. Range [1, max_t); unset: max_t / 10, at least 1. Smaller
  /// selects more often, by values that say less.
  std::optional<std::int64_t> perturbation_interval = std::nullopt;
  /// Of the members, how many count as worst, and as many as best. Range (0, 0.5]; default 0.25.
  double quantile_fraction = 0.25;
  /// Of a parameter of the copied configuration, to be drawn anew instead of moved by a step.
  /// Range [0, 1]; default 0.25. See explore.h.
  double resample_probability = 0.25;
};

/// Where there are fewer workers than members these take turns: a trial that has compared itself
/// pauses if a member waits that is behind it. A member whose trial fails or comes to max_t is
/// given another, as one of the worst is; after three in a row that never reported its place stays
/// empty. A worker that no member needs begins the next population; members compare themselves
/// within their own. Never finished. A trial's tag is {"population", "member"}. O(log n) an event
/// for n members, but O(n log n) where one compares itself. Throws InvalidArgument for a null
/// searcher and options out of range, a population of one among them; decide() does for reports
/// that make no sense (see ResourceLog).
std::unique_ptr<Scheduler> make_population_training(PopulationOptions options);

}  // namespace skipjack
