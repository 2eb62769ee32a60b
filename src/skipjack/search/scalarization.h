// Several objectives as one: a weighted sum with weights that stay, or a weighted Chebyshev
// distance with weights drawn anew for each suggestion, which goes all along the front
// [Knowles2006]. What comes out is a Gaussian process's, searched by expected improvement. Sources
// and deviations: docs/methods/scalarization.md.
#pragma once

#include <memory>
#include <vector>

#include "skipjack/search/multi_objective.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

/// Throws what make_multi_objective_search throws.
std::unique_ptr<Searcher> make_random_scalarization_search(MultiObjectiveOptions options);

/// Minimises sum_k weights[k] * value_k, in the metrics' own units, the sign of value_k turned for
/// Max. weights: one an objective, finite, >= 0 and not all 0; else InvalidArgument.
std::unique_ptr<Searcher> make_linear_scalarization_search(MultiObjectiveOptions options,
                                                           std::vector<double> weights);

}  // namespace skipjack
