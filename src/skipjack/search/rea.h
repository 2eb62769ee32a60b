// Regularised evolution [Real2019]: a population of the latest trials; the best of a random sample
// of it has a child that differs in one parameter; the oldest member leaves, however good it is.
// Forgetting is what makes it robust against noise: a lucky value dies with its age. Of several
// objectives the best of a sample is the first by front and spread (pareto_order.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/search/random.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

struct ReaOptions {
  SearchSpace space;
  /// The metric to optimise.
  Metric metric = {};
  /// Further objectives; a trial that completes without a value of each counts as failed.
  std::vector<Metric> others = {};
  /// To be kept, as measured: of role Constraint. Trials that break fewer are better; only where
  /// there are others.
  std::vector<Metric> constraints = {};
  std::uint64_t seed = 0;
  /// Members of the population, and random trials at the start; >= 1. Unset: 20, for tunings of
  /// some hundred trials, or sample_size if that is more. Larger begins to select later and forgets
  /// later: [Real2019], with thousands of trials, has 100, and so has Syne Tune.
  std::optional<std::int64_t> population_size = std::nullopt;
  /// Draws from the population, with replacement, of which the best is the parent, in [1, 10000].
  /// Unset: a quarter of the population, as in [Real2019]; at least 1. Larger is greedier. Syne
  /// Tune has 10 of 100.
  std::optional<std::int64_t> sample_size = std::nullopt;
  /// Allow: a measured configuration may be proposed again, a failed or running one never.
  Duplicates duplicates = Duplicates::Avoid;
};

/// Throws InvalidArgument for options out of range. Exhausted as in random search, which takes over
/// where no child may be proposed.
std::unique_ptr<Searcher> make_rea_search(ReaOptions options);

}  // namespace skipjack
