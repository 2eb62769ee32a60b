// What the Gaussian processes of this folder share: Matern-5/2 over dimensions with and without
// order, the prior of its lengthscales, and the inverse that gradients need.
//
//   s (d)  1/lengthscale^2      D   sum_k s_k delta_k(x, x')
//   rho(D) = (1 + r + r^2 / 3) exp(-r), r = sqrt(5 D)
// delta: squared difference, or 0/1 without order. Sources: [Rasmussen2006, 4.2]; prior
// [Optuna2025].
#pragma once

#include <Eigen/Core>
#include <vector>

namespace skipjack {

enum class DimensionKind {
  Ordered,
  Unordered,  ///< values are equal or different, nothing else
  Rough,      ///< the same, beside an Ordered one of the same parameter: what single values have of
              ///< their own, over and above a smooth course; expected to be little
};

double delta(DimensionKind kind, double a, double b);

/// (n (n - 1) / 2, d): delta of the pairs i > j of rows of x (n, d), j slowest.
Eigen::MatrixXd pairwise_deltas(const std::vector<DimensionKind>& kinds, const Eigen::MatrixXd& x);

/// (rows of x, rows of x_new): D. O(n m d).
Eigen::MatrixXd scaled_distances(const std::vector<DimensionKind>& kinds, const Eigen::MatrixXd& x,
                                 const Eigen::MatrixXd& x_new, const Eigen::VectorXd& s);

/// rho of each D.
Eigen::ArrayXXd matern52(const Eigen::ArrayXXd& distances);
/// d rho / d D of each D.
Eigen::ArrayXXd matern52_slope(const Eigen::ArrayXXd& distances);

/// Where a fit starts that knows nothing: 1, for rough dimensions 0.03.
Eigen::VectorXd default_inverse_squared_lengthscales(const std::vector<DimensionKind>& kinds);
/// sum_k -(0.1/s_k + 0.1 s_k), weak and symmetric in the logarithm: all lengthscales of 0.3..3 are
/// alike; for rough dimensions log s is Normal(log 0.03, 1.5^2); for d > 10 moved up by sqrt(d /
/// 10). log_s (d); slope (d): the derivatives.
double log_prior_of_lengthscales(const std::vector<DimensionKind>& kinds,
                                 const Eigen::VectorXd& log_s, Eigen::VectorXd& slope);

/// L^-T L^-1 of a lower triangle L, lower triangle only. O(n^3).
Eigen::MatrixXd lower_of_inverse(const Eigen::MatrixXd& lower);

/// Bounds of a fit, in logarithms: lengthscales of 0.02 to 100, scales and noise far outside what
/// standardised targets need.
inline constexpr double kMinLogS = -9.2, kMaxLogS = 7.8;
inline constexpr double kMinLogScale = -7.0, kMaxLogScale = 5.0;
inline constexpr double kMaxLogNoise = 2.0;
inline constexpr double kLogTwoPi = 1.83787706640934548356;

}  // namespace skipjack
