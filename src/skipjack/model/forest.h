// Forests: the mean of deep trees, each grown on its own random choice of rows or cuts. Random
// forests [Breiman2001] resample the rows, extremely randomised trees [Geurts2006] draw the cuts.
// With targets 0 and 1 the mean is a probability.
//
//   m_t(x), s_t(x)^2   mean and variance of the rows in the leaf of tree t that holds x
//   mean     (1/T) sum_t m_t
//   variance (1/T) sum_t (s_t^2 + m_t^2) - mean^2       law of total variance [Hutter2014]
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "skipjack/model/tree.h"

namespace skipjack {

enum class ForestRows {
  Resampled,  ///< n rows drawn with replacement for each tree
  All,
};

struct ForestOptions {
  /// Range >= 1; default 100, as scikit-learn.
  int num_trees = 100;
  ForestRows rows = ForestRows::Resampled;
  TreeOptions tree = {.max_depth = 64};
  std::uint64_t seed = 0;
};
/// [Geurts2006]: all rows, random cuts.
ForestOptions extra_trees_options();

/// One entry a point.
struct ForestPrediction {
  Eigen::VectorXd mean, variance;
};

/// Immutable; safe to share between threads.
class Forest {
 public:
  /// y (n), finite. O(num_trees n d log n).
  Forest(const TreeInputs& inputs, const Eigen::VectorXd& y, const ForestOptions& options);

  /// At x_new (m, d). O(num_trees m depth).
  ForestPrediction predict(const Eigen::MatrixXd& x_new) const;
  /// Means at the rows that it was fitted to, each by the trees that did not have the row
  /// [Breiman2001, sec. 3.1]; NaN for a row that no tree lacked, which is every row for
  /// ForestRows::All. (n).
  const Eigen::VectorXd& out_of_bag_mean() const { return out_of_bag_mean_; }

 private:
  std::vector<RegressionTree> trees_;
  /// By tree and node; of leaves.
  std::vector<std::vector<double>> variances_;
  Eigen::VectorXd out_of_bag_mean_;
};

}  // namespace skipjack
