// Several objectives as one: a weighted sum with weights that stay, or a weighted Chebyshev
// distance with weights drawn anew for each suggestion, which goes all along the front
// [Knowles2006]. What comes out is a Gaussian process's, searched by expected improvement. Sources
// and deviations: docs/methods/scalarization.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/search/searcher.h"

namespace skipjack {

struct ScalarizationOptions {
  SearchSpace space;
  /// At least two.
  std::vector<Metric> objectives;
  /// To be kept, as measured: of role Constraint.
  std::vector<Metric> constraints = {};
  std::uint64_t seed = 0;
  /// As of BayesOptOptions.
  std::optional<std::int64_t> num_initial = std::nullopt;
};

/// Throws InvalidArgument for fewer than two objectives and for num_initial out of range. A trial
/// that completes without reporting all objectives and constraints counts as failed.
std::unique_ptr<Searcher> make_random_scalarization_search(ScalarizationOptions options);

/// Minimises sum_k weights[k] * value_k, in the metrics' own units, the sign of value_k turned for
/// Max. weights: one an objective, finite, >= 0 and not all 0; else InvalidArgument.
std::unique_ptr<Searcher> make_linear_scalarization_search(ScalarizationOptions options,
                                                           std::vector<double> weights);

}  // namespace skipjack
