// NSGA-II [Deb2002]: the population are the trials of the first fronts, those that lie apart first;
// parents win tournaments by that order, and children are made by simulated binary crossover and
// polynomial mutation.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "skipjack/search/searcher.h"

namespace skipjack {

struct Nsga2Options {
  SearchSpace space;
  /// At least two.
  std::vector<Metric> objectives = {};
  /// To be kept, as measured: of role Constraint. Trials that break fewer are better.
  std::vector<Metric> constraints = {};
  std::uint64_t seed = 0;
  /// Members of the population, and random trials at the start; >= 2; default 20, Syne Tune's.
  /// Larger spreads over more of the front and comes to it later.
  std::int64_t population_size = 20;
  /// Of a child to be crossed from two parents rather than copied from one. Range [0, 1]; default
  /// 0.9 [Deb2002].
  double crossover_probability = 0.9;
};

/// No configuration is proposed twice. A trial that completes without a value of each objective
/// counts as failed. Throws InvalidArgument for options out of range. Exhausted as in random
/// search, which takes over where no child may be proposed.
std::unique_ptr<Searcher> make_nsga2_search(Nsga2Options options);

}  // namespace skipjack
