#include "skipjack/model/rank_ensemble.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "skipjack/base/error.h"

namespace skipjack {

using Eigen::ArrayXd;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// Per sample, what it costs that f(x_low) should be less than f(x_high): 0, 1/2 or 1.
template <class Low, class High>
ArrayXd pair_losses(const Low& low, const High& high) {
  return 0.5 * ((low > high).template cast<double>() + (low >= high).template cast<double>());
}

}  // namespace

MatrixXd gaussian_samples(const VectorXd& mean, const MatrixXd& covariance, const MatrixXd& z) {
  SKIPJACK_CHECK(covariance.rows() == mean.size() && z.cols() == mean.size());
  // Pivoting copes with covariances of less than full rank: inputs that come twice.
  const Eigen::LDLT<MatrixXd> ldlt(covariance);
  MatrixXd root = ldlt.matrixL();
  root *= ldlt.vectorD().cwiseMax(0.0).cwiseSqrt().asDiagonal();
  const MatrixXd factor = ldlt.transpositionsP().transpose() * root;
  return (z * factor.transpose()).rowwise() + mean.transpose();
}

VectorXd ranking_losses(const MatrixXd& f, const VectorXd& y) {
  SKIPJACK_CHECK(f.cols() == y.size());
  ArrayXd losses = ArrayXd::Zero(f.rows());
  for (Index j = 0; j < y.size(); ++j)
    for (Index k = 0; k < y.size(); ++k)
      if (y(j) < y(k)) losses += pair_losses(f.col(j).array(), f.col(k).array());
  return losses;
}

LeaveOneOut leave_one_out(const MatrixXd& precision, const VectorXd& y, double noise_variance) {
  SKIPJACK_CHECK(precision.rows() == y.size());
  const ArrayXd diagonal = precision.diagonal().array();
  const VectorXd alpha = precision * y;
  LeaveOneOut result;
  result.mean = y.array() - alpha.array() / diagonal;
  result.variance = (1.0 / diagonal - noise_variance).cwiseMax(0.0);
  // Without observation j, alpha becomes alpha - precision.col(j) alpha_j / precision_jj, and the
  // mean at an observed input is its observation less noise_variance times its alpha.
  result.means.resize(y.size(), y.size());
  for (Index j = 0; j < y.size(); ++j) {
    const VectorXd alpha_without = alpha - precision.col(j) * (alpha(j) / diagonal(j));
    result.means.row(j) = (y - noise_variance * alpha_without).transpose();
    result.means(j, j) = result.mean(j);
  }
  return result;
}

VectorXd leave_one_out_losses(const LeaveOneOut& left_out, const VectorXd& y, const MatrixXd& z) {
  SKIPJACK_CHECK(left_out.mean.size() == y.size() && z.cols() == y.size());
  ArrayXd losses = ArrayXd::Zero(z.rows());
  for (Index j = 0; j < y.size(); ++j) {
    const ArrayXd own = left_out.mean(j) + std::sqrt(left_out.variance(j)) * z.col(j).array();
    for (Index k = 0; k < y.size(); ++k) {
      const ArrayXd other = ArrayXd::Constant(z.rows(), left_out.means(j, k));
      // Every pair comes twice, once with either end left out.
      if (y(j) < y(k)) losses += 0.5 * pair_losses(own, other);
      if (y(k) < y(j)) losses += 0.5 * pair_losses(other, own);
    }
  }
  return losses;
}

double transfer_factor(double num_observations, double horizon) {
  SKIPJACK_CHECK(horizon > 0);
  return std::clamp(1.0 - num_observations / horizon, 0.0, 1.0);
}

VectorXd rank_weights(const MatrixXd& losses, double transfer_factor) {
  SKIPJACK_CHECK(losses.rows() >= 1 && losses.cols() >= 1);
  SKIPJACK_CHECK(transfer_factor >= 0 && transfer_factor <= 1);
  VectorXd share = VectorXd::Zero(losses.cols());
  for (Index s = 0; s < losses.rows(); ++s) {
    const ArrayXd best =
        (losses.row(s).array() == losses.row(s).minCoeff()).cast<double>().transpose();
    share += (best / best.sum()).matrix();
  }
  const double num_samples = static_cast<double>(losses.rows());
  VectorXd weights = share / num_samples;
  for (Index i = 1; i < losses.cols(); ++i) {
    const double worse = pair_losses(losses.col(i).array(), losses.col(0).array()).sum();
    weights(i) *= transfer_factor * (1.0 - worse / num_samples);
  }
  weights(0) = 0;
  weights(0) = std::max(0.0, 1.0 - weights.sum());
  return weights;
}

}  // namespace skipjack
