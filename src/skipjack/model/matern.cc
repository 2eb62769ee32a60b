#include "skipjack/model/matern.h"

#include <algorithm>
#include <cmath>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kSqrt5 = 2.2360679774997896964;
// Prior of log s of a rough dimension: with s = 0.03 two values that differ in it alone correlate
// by 0.98, so that roughness has to show itself.
constexpr double kLogRoughS = -3.5065578973199818, kRoughDeviation = 1.5;

}  // namespace

double delta(DimensionKind kind, double a, double b) {
  if (kind != DimensionKind::Ordered) return a == b ? 0.0 : 1.0;
  return (a - b) * (a - b);
}

MatrixXd pairwise_deltas(const std::vector<DimensionKind>& kinds, const MatrixXd& x) {
  const Index n = x.rows(), d = x.cols();
  MatrixXd deltas(n * (n - 1) / 2, d);
  for (Index k = 0; k < d; ++k) {
    const DimensionKind kind = kinds[static_cast<std::size_t>(k)];
    Index pair = 0;
    for (Index j = 0; j < n; ++j)
      for (Index i = j + 1; i < n; ++i) deltas(pair++, k) = delta(kind, x(i, k), x(j, k));
  }
  return deltas;
}

MatrixXd scaled_distances(const std::vector<DimensionKind>& kinds, const MatrixXd& x,
                          const MatrixXd& x_new, const VectorXd& s) {
  MatrixXd result = MatrixXd::Zero(x.rows(), x_new.rows());
  for (Index j = 0; j < x_new.rows(); ++j)
    for (Index k = 0; k < x.cols(); ++k) {
      const double at = x_new(j, k);
      if (kinds[static_cast<std::size_t>(k)] != DimensionKind::Ordered)
        result.col(j).array() += s[k] * (x.col(k).array() != at).cast<double>();
      else
        result.col(j).array() += s[k] * (x.col(k).array() - at).square();
    }
  return result;
}

Eigen::ArrayXXd matern52(const Eigen::ArrayXXd& distances) {
  const Eigen::ArrayXXd r = kSqrt5 * distances.sqrt();
  return (1.0 + r + r.square() / 3.0) * (-r).exp();
}

Eigen::ArrayXXd matern52_slope(const Eigen::ArrayXXd& distances) {
  const Eigen::ArrayXXd r = kSqrt5 * distances.sqrt();
  return (-5.0 / 6.0) * (1.0 + r) * (-r).exp();
}

VectorXd default_inverse_squared_lengthscales(const std::vector<DimensionKind>& kinds) {
  VectorXd s = VectorXd::Ones(static_cast<Index>(kinds.size()));
  for (std::size_t k = 0; k < kinds.size(); ++k)
    if (kinds[k] == DimensionKind::Rough) s[static_cast<Index>(k)] = std::exp(kLogRoughS);
  return s;
}

double log_prior_of_lengthscales(const std::vector<DimensionKind>& kinds, const VectorXd& log_s,
                                 VectorXd& slope) {
  const Index d = log_s.size();
  const double shift = d > 10 ? static_cast<double>(d) / 10.0 : 1.0;
  slope.resize(d);
  double value = 0;
  for (Index k = 0; k < d; ++k) {
    if (kinds[static_cast<std::size_t>(k)] == DimensionKind::Rough) {
      const double z = (log_s[k] - kLogRoughS) / kRoughDeviation;
      value -= 0.5 * z * z;
      slope[k] = -z / kRoughDeviation;
    } else {
      const double s = shift * std::exp(log_s[k]);
      value -= 0.1 / s + 0.1 * s;
      slope[k] = 0.1 / s - 0.1 * s;
    }
  }
  return value;
}

// Blocks of columns leave out the zeros of L^-1, which is a third of the work of solving for the
// identity.
MatrixXd lower_of_inverse(const MatrixXd& lower) {
  constexpr Index kBlock = 32;
  const Index n = lower.rows();
  MatrixXd inverse = MatrixXd::Zero(n, n);
  for (Index j = 0; j < n; j += kBlock) {
    const Index b = std::min(kBlock, n - j), rest = n - j;
    auto block = inverse.block(j, j, rest, b);
    block.topRows(b).setIdentity();
    lower.bottomRightCorner(rest, rest).triangularView<Eigen::Lower>().solveInPlace(block);
  }
  MatrixXd result(n, n);
  for (Index j = 0; j < n; j += kBlock) {
    const Index b = std::min(kBlock, n - j);
    for (Index i = j; i < n; i += kBlock) {
      const Index c = std::min(kBlock, n - i);
      result.block(i, j, c, b).noalias() =
          inverse.block(i, i, n - i, c).transpose() * inverse.block(i, j, n - i, b);
    }
  }
  return result;
}

}  // namespace skipjack
