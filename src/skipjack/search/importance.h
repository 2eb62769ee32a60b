// Which parameters matter: by how much a forest predicts worse once it is told a wrong value of
// one. Permutation importance [Breiman2001, sec. 10] with two differences: forests judge trials
// that they have not seen (five folds) instead of the rows that single trees lack, and the wrong
// value is each time that of another trial, drawn ten times. For a sum of functions of independent
// parameters the increases are as the variances of the summands. What a method did not vary, or
// varied together, can't be told apart; a search that settles early says little of what it left.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

struct ParameterImportance {
  std::string parameter;
  /// Of the sum over parameters, in [0, 1]; all 0 if nothing matters.
  double share = 0;
  /// Mean increase of the squared error, in squared units of the metric; >= 0.
  double increase = 0;
};

struct Importance {
  /// The most important first; every searched parameter.
  std::vector<ParameterImportance> parameters;
  /// Part of the metric's variance that the forests predict of trials they have not seen, at most
  /// 1. Near or below 0 the shares mean nothing.
  double explained = 0;
  /// Trials that were looked at: 2000 at most, drawn at random from those that were measured.
  std::size_t num_trials = 0;
};

/// From the trials that were measured; bounds of stopped ones are left out. A function of its
/// arguments and the seed. O(n d log n) a tree. Throws InvalidArgument for less than ten trials.
Importance parameter_importance(const SearchSpace& space, const History& history,
                                const Metric& metric, std::uint64_t seed = 0);

}  // namespace skipjack
