// Evolution strategy with covariance matrix adaptation: generations of draws from a normal
// distribution over the unit cube that moves and turns towards the better half [Hansen2016]; with a
// margin that keeps integers moving [Hamano2022], and with probabilities of categories
// [Hamano2024]. Restarts from another place with twice the members when a run has come to its end
// [Auger2005]. For hundreds of trials and more; below some fifty a model learns faster. Sources and
// deviations: docs/methods/cmaes.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "skipjack/search/random.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

struct CmaesSearchOptions {
  SearchSpace space;
  /// The one metric to optimise.
  Metric metric = {};
  std::uint64_t seed = 0;
  /// Members of a generation of the first run, in [4, 10000]. Unset: 4 + floor(3 log d)
  /// [Hansen2016]. More resist noise and many optima, and learn slower.
  std::optional<std::int64_t> population_size = std::nullopt;
  /// Standard deviation at the start, in units of an axis, in (0, 1]; default 0.25, so that the
  /// space lies within two of them. Smaller trusts the middle of the space.
  double initial_sigma = 0.25;
  /// Allow: a measured configuration may be proposed again, a failed or running one never.
  Duplicates duplicates = Duplicates::Avoid;
};

/// Throws InvalidArgument for options out of range. Any number of trials may run at once: proposals
/// beyond a generation come from the same distribution, and every trial that ends counts for the
/// generation that is being gathered. Exhausted as in random search, which takes over where no draw
/// may be proposed.
std::unique_ptr<Searcher> make_cmaes_search(CmaesSearchOptions options);

}  // namespace skipjack
