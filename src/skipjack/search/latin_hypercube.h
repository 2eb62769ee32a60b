// Latin hypercube search: designs of a declared size, each spread evenly over every axis and with
// its points apart [McKay1979, Morris1995], one after the other. Like random search it looks at no
// result. For a budget known beforehand; a Sobol sequence is as even for any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "skipjack/search/searcher.h"

namespace skipjack {

struct LatinHypercubeSearchOptions {
  SearchSpace space;
  /// Decides the designs.
  std::uint64_t seed = 0;
  /// Points of a design, in [1, 10000]; best the number of trials. Unset: 10 d [Jones1998], at
  /// least 1 and at most 10000. More than are measured leave slices of each axis without a trial.
  std::optional<std::int64_t> num_samples = std::nullopt;
};

/// Throws InvalidArgument for options out of range. Points that were started already or violate a
/// constraint are skipped; Exhausted as in random search.
std::unique_ptr<Searcher> make_latin_hypercube_search(LatinHypercubeSearchOptions options);

}  // namespace skipjack
