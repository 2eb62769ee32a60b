// Searchers that go through a fixed sequence of points and look at no result.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "skipjack/search/searcher.h"

namespace skipjack {

struct PointSequenceOptions {
  SearchSpace space;
  /// Of the random search that takes over.
  std::uint64_t seed = 0;
  /// The index-th point, one coordinate in [0, 1] a searched parameter; a function of index alone.
  /// Asked for indexes in ascending order, from 0 again for another history.
  std::function<std::vector<double>(std::uint64_t index)> point;
};

/// suggest() skips points that were started already or violate a constraint. Where more than
/// 200 points per trial were looked at so far, a random configuration is taken instead; Exhausted
/// as in random search.
std::unique_ptr<Searcher> make_point_sequence_search(PointSequenceOptions options);

}  // namespace skipjack
