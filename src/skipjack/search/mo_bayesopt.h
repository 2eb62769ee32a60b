// Bayesian optimisation of several objectives at once: a Gaussian process each, and the
// configuration that is expected to add most to the hypervolume of the front [Emmerich2006,
// Yang2019]. Sources and deviations: docs/methods/mo_bayesopt.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/search/searcher.h"

namespace skipjack {

struct MoBayesOptOptions {
  SearchSpace space;
  /// Two to four.
  std::vector<Metric> objectives;
  /// To be kept, as measured: of role Constraint.
  std::vector<Metric> constraints = {};
  std::uint64_t seed = 0;
  /// As of BayesOptOptions.
  std::optional<std::int64_t> num_initial = std::nullopt;
};

/// A trial that completes without reporting all objectives and constraints counts as failed. No
/// configuration is proposed twice. Throws InvalidArgument for another number of objectives and
/// for num_initial out of range.
std::unique_ptr<Searcher> make_mo_bayesopt_search(MoBayesOptOptions options);

}  // namespace skipjack
