// BORE: instead of modelling the metric, a classifier learns which configurations are among the
// best quarter; the one it is surest of is tried next [Tiao2021]. The probability of that class is
// a monotone function of the ratio of two densities, and so of the probability of improvement.
// Sources, deviations and figures: docs/methods/bore.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "skipjack/search/searcher.h"
#include "skipjack/trial/levels.h"

namespace skipjack {

enum class BoreClassifier {
  Boosting,         ///< gradient-boosted trees, logistic loss
  Forest,           ///< extremely randomised trees
  GaussianProcess,  ///< regression on the labels; at most 200 observations
};

struct BoreOptions {
  SearchSpace space;
  /// The one metric to optimise.
  Metric metric = {};
  std::uint64_t seed = 0;
  /// Part of the observations that counts as good. Range (0, 1); default 0.25, as Syne Tune.
  /// Smaller is greedier, and has fewer good ones to learn from.
  double gamma = 0.25;
  BoreClassifier classifier = BoreClassifier::Boosting;
  /// Trials, points_to_evaluate included, before the first that a model proposes. Range >= 1;
  /// default 6, as Syne Tune.
  std::int64_t num_initial = 6;
  /// Probability of a random configuration instead of the model's. Range [0, 1]; default 0, as Syne
  /// Tune. Larger explores more.
  double random_fraction = 0.0;
  /// Random configurations that the classifier looks at, beside those near the best. Range
  /// [1, 100000]; default 500, as Syne Tune.
  std::int64_t num_candidates = 500;
  /// Set for schedulers that look at reports on the way: what is good is learnt at the highest
  /// level that at least num_initial trials came to, and what was left behind below it is not good.
  std::optional<LevelOptions> levels = std::nullopt;
};

/// No configuration is proposed twice: Exhausted when all were. Throws InvalidArgument for options
/// out of range.
std::unique_ptr<Searcher> make_bore_search(BoreOptions options);

}  // namespace skipjack
