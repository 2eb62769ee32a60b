// Tree-structured Parzen estimator: two densities over the unit cube, one of the best trials and
// one of all others, and of some draws from the first the one where their ratio is largest, which
// is the one of largest expected improvement [Bergstra2011]. Densities have one kernel a trial over
// all parameters at once [Falkner2018]. Running trials count as bad (constant liar), and so do
// failed ones. Cheap, at home among categories, and no judge of how noisy the metric is. Sources
// and deviations: docs/methods/tpe.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "skipjack/search/random.h"
#include "skipjack/search/searcher.h"
#include "skipjack/trial/levels.h"

namespace skipjack {

struct TpeOptions {
  SearchSpace space;
  /// The one metric to optimise.
  Metric metric = {};
  std::uint64_t seed = 0;
  /// Trials before the first from densities; >= 1. Unset: max(5, d + 1). More
  /// spend the budget blindly.
  std::optional<std::int64_t> num_initial = std::nullopt;
  /// Draws of which the best is proposed, in [1, 10000]; default 24 [Optuna2025]. More go for the
  /// ratio's maximum, which is sharper than what the densities know.
  std::int64_t num_candidates = 24;
  /// If set, the densities are of values at one level of the resource: the highest at which d + 3
  /// trials have one [Falkner2018]. Before there is one, and up to num_initial, Sobol points.
  std::optional<LevelOptions> levels = std::nullopt;
  /// Of the proposals, how many are random instead. Range [0, 1]; default 0. With levels a third
  /// [Falkner2018] guards against low levels that mislead.
  double random_fraction = 0;
  /// Allow: a measured configuration may be proposed again, a failed or running one never.
  Duplicates duplicates = Duplicates::Avoid;
};

/// Throws InvalidArgument for options out of range. Exhausted as in random search, which takes over
/// where no draw may be proposed.
std::unique_ptr<Searcher> make_tpe_search(TpeOptions options);

}  // namespace skipjack
