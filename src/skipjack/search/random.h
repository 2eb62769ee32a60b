// Random search: each configuration drawn from the domains' own distributions [Bergstra2012]. The
// searcher to beat. It looks at no result.
#pragma once

#include <cstdint>
#include <memory>

#include "skipjack/search/searcher.h"

namespace skipjack {

enum class Duplicates { Avoid, Allow };

struct RandomSearchOptions {
  SearchSpace space;
  std::uint64_t seed = 0;
  /// Avoid: no configuration twice; 100 draws are tried, then, if the space has at most 50,000
  /// configurations, the ones left are counted out; Exhausted when none is found. Allow: never
  /// exhausted.
  Duplicates duplicates = Duplicates::Avoid;
};

/// suggest() throws InvalidArgument if no configuration that satisfies the constraints can be found
/// in a space too large to be counted out.
std::unique_ptr<Searcher> make_random_search(RandomSearchOptions options);

}  // namespace skipjack
