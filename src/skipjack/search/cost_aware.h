// Bayesian optimisation that minds what a trial costs: expected improvement per predicted cost at
// first, and less and less of that as the budget runs out (cost cooling [Lee2020]). Sources and
// deviations: docs/methods/cost_aware_bayesopt.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/search/searcher.h"

namespace skipjack {

struct CostAwareOptions {
  SearchSpace space;
  Metric metric = {};
  /// To be kept, as measured: of role Constraint.
  std::vector<Metric> constraints = {};
  /// What a trial cost, as it reports it: positive numbers, of any unit. Unset: the seconds from
  /// its start to its end. Trials without a positive cost say nothing of it.
  std::optional<std::string> cost_metric = std::nullopt;
  std::uint64_t seed = 0;
  /// As of BayesOptOptions.
  std::optional<std::int64_t> num_initial = std::nullopt;
};

/// No configuration is proposed twice. Throws InvalidArgument for num_initial out of range.
std::unique_ptr<Searcher> make_cost_aware_search(CostAwareOptions options);

}  // namespace skipjack
