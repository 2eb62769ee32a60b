// What searchers of several objectives are given, and the frame they share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/search/acquisition_search.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

struct MultiObjectiveOptions {
  SearchSpace space;
  /// At least two.
  std::vector<Metric> objectives;
  /// To be kept, as measured: of role Constraint.
  std::vector<Metric> constraints = {};
  std::uint64_t seed = 0;
  /// As of BayesOptOptions.
  std::optional<std::int64_t> num_initial = std::nullopt;
};

/// An acquisition search whose observations hold the first objective, and beside it the others,
/// then the constraints. A trial that completes without reporting all of them counts as failed. No
/// configuration is proposed twice. Throws InvalidArgument for fewer than two objectives and for
/// num_initial out of range.
std::unique_ptr<Searcher> make_multi_objective_search(
    const MultiObjectiveOptions& options,
    std::function<Acquisition(const AcquisitionQuestion&)> make);

}  // namespace skipjack
