// Quasi-random search: the points of a scrambled Sobol sequence in the encoded space, one after the
// other. Like random search it looks at no result, but leaves no large hole and tries no region
// twice as densely as another. Not for categories in particular: their cells are just intervals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "skipjack/search/searcher.h"

namespace skipjack {

struct SobolSearchOptions {
  SearchSpace space;
  /// Decides the scrambling.
  std::uint64_t seed = 0;
};

/// suggest() skips points that were started already or violate a constraint. Where more than
/// 200 points per trial were looked at so far, a random configuration is taken instead; Exhausted
/// as in random search.
std::unique_ptr<Searcher> make_sobol_search(SobolSearchOptions options);

/// Of such points, how many go before the first that a model proposes: as asked, else max(5, d + 1)
/// in d dimensions. Throws InvalidArgument for less than 1.
std::int64_t num_initial_points(std::optional<std::int64_t> asked, std::size_t dimension);

}  // namespace skipjack
