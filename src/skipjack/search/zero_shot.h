// Zero-shot transfer: the configurations of earlier experiments in the order of a greedy portfolio,
// each the one that adds most to what the best of those before it is in every source
// [Wistuba2015]. It looks at no result. Deviations: docs/methods/zero_shot.md.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "skipjack/search/searcher.h"
#include "skipjack/search/warm_start.h"

namespace skipjack {

/// ranks[s][i]: of candidate i in source s, smaller is better; all of the same length. The
/// candidates in an order such that each has the least mean over sources of the best rank up to
/// it, the first of equal ones. Where none of those left lowers that mean, a portfolio of those
/// left begins. O(sources candidates^2).
std::vector<std::size_t> portfolio_order(const std::vector<std::vector<double>>& ranks);

struct ZeroShotOptions {
  SearchSpace space;
  std::uint64_t seed = 0;
  std::vector<SourceExperiment> sources = {};
};

/// The portfolio, then a random search. Of each source the better half takes part, of all at
/// most 1000. No configuration is proposed twice; Exhausted as in random search.
std::unique_ptr<Searcher> make_zero_shot_search(ZeroShotOptions options);

}  // namespace skipjack
