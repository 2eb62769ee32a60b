// Gradient boosting: a sum of small trees, each fitted to what the ones before leave
// [Friedman2001]. Squares, a quantile (leaves are re-estimated as quantiles of the residuals in
// them [Friedman2001, sec. 4.3]) or a logistic loss (leaves are Newton steps [Chen2016]). No early
// stop: with a hundred rows there is nothing to spare for one.
//
//   F(x) = F_0 + r sum_t f_t(x)      r  learning rate      w (n)  weights of the rows
//   Squared    L = w (y - F)^2 / 2                              F estimates the mean of y
//   Pinball    L = w (q - [y < F]) (y - F)                      F estimates the q-quantile of y
//   Logistic   L = -w (y log p + (1 - y) log(1 - p)), p = 1 / (1 + exp(-F))    F is the log odds
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "skipjack/model/tree.h"

namespace skipjack {

enum class BoostingLoss { Squared, Pinball, Logistic };

struct BoostingOptions {
  BoostingLoss loss = BoostingLoss::Squared;
  /// The q of Pinball. Range (0, 1).
  double quantile = 0.5;
  /// Range >= 0; default 100, as scikit-learn and XGBoost.
  int num_trees = 100;
  /// The r. Range (0, 1]; default 0.1, as scikit-learn. Smaller needs more trees and smooths.
  double learning_rate = 0.1;
  /// Part of the rows, drawn without replacement, that a tree is grown on [Friedman2002]. Range
  /// (0, 1]; default 1: all of them.
  double row_fraction = 1.0;
  TreeOptions tree = {};
  std::uint64_t seed = 0;
};

struct BoostingTargets {
  /// (n), finite; 0 or 1 for Logistic.
  Eigen::VectorXd y;
  /// (n), > 0; empty: all 1.
  Eigen::VectorXd weights = {};
};

/// Immutable; safe to share between threads.
class GradientBoosting {
 public:
  /// targets: one for each row of inputs. O(num_trees n d depth).
  GradientBoosting(const TreeInputs& inputs, const BoostingTargets& targets,
                   const BoostingOptions& options);

  /// F at x_new (m, d). O(num_trees m depth).
  Eigen::VectorXd predict(const Eigen::MatrixXd& x_new) const;

 private:
  double start_ = 0;
  double learning_rate_;
  std::vector<RegressionTree> trees_;
};

/// The smallest value whose weight, with that of all smaller ones, is at least q of the whole.
/// values: at least one pair of value and weight; reordered. q in [0, 1].
double weighted_quantile(std::vector<std::pair<double, double>>& values, double q);

}  // namespace skipjack
