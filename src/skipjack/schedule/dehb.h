// DEHB [Awad2021]: synchronous Hyperband whose trials come from differential evolution. Each level
// has a population; a new trial is a mutant of good members, crossed with the member whose place it
// is after, which it takes if it is no worse at that level.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/schedule/resource.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

struct DehbOptions {
  SearchSpace space;
  /// Proposes the first members, and where evolution finds nothing new. Must not be null.
  std::unique_ptr<Searcher> searcher;
  /// Complete configurations (SearchSpace::complete), started first and in this order.
  std::vector<Configuration> points_to_evaluate = {};
  /// The one that ranks.
  Metric metric = {};
  /// Brackets of so many levels that one would begin with more than a million trials are refused.
  ResourceOptions resource = {};
  /// As of SyncHyperbandOptions.
  std::optional<std::int64_t> brackets = std::nullopt;
  std::uint64_t seed = 0;
  /// F: of the difference of two members that is added to a third. Range (0, 2]; default 0.5
  /// [Awad2021]. Larger goes farther.
  double mutation_factor = 0.5;
  /// Of a parameter to come from the mutant, not from the member whose place it is after. Range [0,
  /// 1]; default 0.5 [Awad2021]. At least one does.
  double crossover_probability = 0.5;
};

/// In everything but its proposals as make_sync_hyperband, until each ladder has had one bracket;
/// from then on the rungs of brackets are all filled with new trials. Throws InvalidArgument for a
/// null searcher and options out of range.
std::unique_ptr<Scheduler> make_dehb(DehbOptions options);

}  // namespace skipjack
