// Hyper-Tune: a Gaussian process a level of the resource, the levels weighed by how well each ranks
// the trials at the highest one; expected improvement of the weighted sum proposes, and the weights
// say in which bracket a trial should begin [Li2022]. Sources and deviations:
// docs/methods/hypertune.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/search/searcher.h"
#include "skipjack/trial/levels.h"

namespace skipjack {

struct HyperTuneOptions {
  SearchSpace space;
  /// The one metric to optimise.
  Metric metric = {};
  std::uint64_t seed = 0;
  /// The resource axis.
  LevelOptions levels = {};
  /// Trials, points_to_evaluate included, before the first that the model proposes; >= 1. Unset:
  /// max(5, d + 1).
  std::optional<std::int64_t> num_initial = std::nullopt;
  /// Draws from each posterior that rank the trials. Range [1, 10000]; default 50, as Syne Tune.
  /// More makes weights steadier.
  std::int64_t num_samples = 50;
};

/// Of each level, from the lowest on; unset where it has fewer than six values and those of the
/// others say nothing of it. They sum to 1.
using Theta = std::vector<std::optional<double>>;
/// Up to the highest level that has six values; nullopt while fewer than two levels have: there is
/// nothing to rank by.
using LevelWeights = std::function<std::optional<Theta>(const History&)>;

struct HyperTuneSearch {
  /// No configuration is proposed twice: Exhausted when all were.
  std::unique_ptr<Searcher> searcher;
  /// Of the same model. Works as long as it is kept, whatever becomes of the searcher.
  LevelWeights weights;
};

/// Weights of the brackets, each >= 0: in proportion to theta_r / r, r the first level of the
/// bracket [Li2022, sec. 4.2], where theta has one. Those brackets share what they have in
/// standard; the others are left as they are there, and so are all where theta says nothing of
/// them. levels: as many as standard has weights, or more.
std::vector<double> bracket_shares(const Theta& theta, const std::vector<std::int64_t>& levels,
                                   std::vector<double> standard);

/// Throws InvalidArgument for options out of range.
HyperTuneSearch make_hypertune_search(HyperTuneOptions options);

}  // namespace skipjack
