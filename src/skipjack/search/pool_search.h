// The frame of searchers that draw a pool of candidates and take the one that a model, trained anew
// on what was seen, scores best. What differs between them is the model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "skipjack/search/candidates.h"
#include "skipjack/search/searcher.h"
#include "skipjack/search/training_rows.h"

namespace skipjack {

struct PoolQuestion {
  const TrainingRows& rows;
  /// Of trials that run.
  std::span<const UnitPoint> pending;
  /// To be scored; at least one.
  std::span<const UnitPoint> points;
  ScoreUse use;
};
/// A score for each point, larger is better; among equals the first is taken.
using PoolModel = std::function<std::vector<double>(const PoolQuestion&, Rng&)>;

struct PoolSearchOptions {
  SearchSpace space;
  /// The one metric to optimise.
  Metric metric;
  std::uint64_t seed = 0;
  /// Trials before the first that the model proposes: Sobol points. Range >= 1.
  std::int64_t num_initial = 5;
  /// Probability of a random configuration instead of the model's. Range [0, 1].
  double random_fraction = 0.0;
  /// CandidateOptions::num_random. Range [1, 100000].
  std::int64_t num_candidates = 500;
  /// As of training_rows().
  std::size_t max_rows = 400;
  /// What is learnt from a history. Unset: collect_observations().
  std::function<Observations(const History&)> observe = {};
  PoolModel model;
};

/// No configuration is proposed twice: Exhausted when all were. Throws InvalidArgument for
/// num_initial, random_fraction or num_candidates out of range.
std::unique_ptr<Searcher> make_pool_search(PoolSearchOptions options);

}  // namespace skipjack
