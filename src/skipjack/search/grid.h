// Grid search: every combination of a few values per parameter, in random order by default. The
// values lie at the middles of equal cells of the encoded axis, so a log domain gets a log grid; a
// category is there in full. Follows Syne Tune's grid search.
// Deviation: the order is a keyed permutation of the combinations' numbers, so that a grid of any
// size costs no memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "skipjack/search/searcher.h"

namespace skipjack {

enum class GridOrder { Shuffled, Sorted };

struct GridSearchOptions {
  SearchSpace space;
  std::uint64_t seed = 0;
  /// Values per parameter, by name; >= 1. A parameter not named here gets min(5, number of its
  /// values). Categories and finite domains with fewer values than asked for are taken in full.
  std::map<std::string, std::int64_t> num_samples = {};
  /// Sorted: first parameter slowest.
  GridOrder order = GridOrder::Shuffled;
};

/// Throws InvalidArgument for num_samples that names no parameter or is < 1, or a grid of more than
/// 2^62 points. suggest() skips configurations that were started already or violate a constraint;
/// Exhausted at the grid's end.
std::unique_ptr<Searcher> make_grid_search(GridSearchOptions options);

}  // namespace skipjack
