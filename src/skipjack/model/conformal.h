// Conformalised quantile regression: one boosted model a quantile, and bands between opposite
// quantiles widened (or narrowed) until they hold on rows that were set aside [Romano2019].
//
//   levels q_k = k / (K + 1), k = 1..K          m  rows set aside
//   E_i = max(F_k(x_i) - y_i, y_i - F_{K+1-k}(x_i))     how far row i lies outside band k
//   e_k = the ceil((m + 1)(1 - 2 q_k))-th smallest E_i  added above, taken off below; the median
//   stays
//
// Deviation: where that is past the m-th the largest is taken; the paper's band is then infinite.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "skipjack/model/boosting.h"

namespace skipjack {

struct ConformalOptions {
  /// The K: odd, range [1, 99]; default 5, as Syne Tune's CQR.
  int num_quantiles = 5;
  /// Part of the rows that are set aside for the correction, rounded up. Range (0, 1); default 0.1,
  /// as Syne Tune's CQR.
  double validation_fraction = 0.1;
  /// With no more rows than this none are set aside and nothing is corrected. Range >= 2; default
  /// 32, as Syne Tune's CQR: a tenth of fewer says nothing.
  Eigen::Index max_uncorrected_rows = 32;
  /// Loss, quantile and seed are set for each model.
  BoostingOptions boosting = {};
  /// Decides which rows are set aside, and the models' chance.
  std::uint64_t seed = 0;
};

/// Immutable; safe to share between threads.
class ConformalQuantiles {
 public:
  /// x (n, d), n >= 1, finite; kinds: d entries; y (n), finite. K fits.
  ConformalQuantiles(const Eigen::MatrixXd& x, const std::vector<DimensionKind>& kinds,
                     const Eigen::VectorXd& y, const ConformalOptions& options);

  /// q_k, ascending.
  const std::vector<double>& levels() const { return levels_; }
  /// Quantiles at x_new (m, d), a column a level. They may cross.
  Eigen::MatrixXd predict(const Eigen::MatrixXd& x_new) const;
  /// What predict() adds to level k's model: -e_k, 0 for the median, e_{K+1-k} above it.
  const Eigen::VectorXd& corrections() const { return corrections_; }

 private:
  std::vector<double> levels_;
  std::vector<GradientBoosting> models_;
  Eigen::VectorXd corrections_;
};

}  // namespace skipjack
