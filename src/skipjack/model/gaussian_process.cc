#include "skipjack/model/gaussian_process.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/box_ascent.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kSqrt5 = 2.2360679774997896964;

// 1 where a difference is not zero, else 0. A comparison would not be vectorised.
template <class Differences>
auto differs(const Eigen::ArrayBase<Differences>& differences) {
  return (differences.derived().abs() * 1e300).min(1.0);
}

VectorXd to_theta(const GpHyperparameters& h) {
  const Index d = h.inverse_squared_lengthscales.size();
  VectorXd theta(d + 2);
  theta.head(d) = h.inverse_squared_lengthscales.array().log();
  theta[d] = std::log(h.outputscale);
  theta[d + 1] = std::log(h.noise_variance);
  return theta;
}

GpHyperparameters from_theta(const VectorXd& theta) {
  const Index d = theta.size() - 2;
  return {.inverse_squared_lengthscales = theta.head(d).array().exp(),
          .outputscale = std::exp(theta[d]),
          .noise_variance = std::max(std::exp(theta[d + 1]), kMinNoiseVariance)};
}

// The mean by generalised least squares: 1' K^-1 y / 1' K^-1 1.
double least_squares_mean(const MatrixXd& lower, const VectorXd& y) {
  const VectorXd u = lower.triangularView<Eigen::Lower>().solve(VectorXd::Ones(y.size()));
  const VectorXd w = lower.triangularView<Eigen::Lower>().solve(y);
  return u.dot(w) / u.squaredNorm();
}

}  // namespace

GpHyperparameters default_hyperparameters(const std::vector<DimensionKind>& kinds) {
  return {.inverse_squared_lengthscales = default_inverse_squared_lengthscales(kinds)};
}

GpHyperparameters default_hyperparameters(Index dimension) {
  return default_hyperparameters(
      std::vector<DimensionKind>(static_cast<std::size_t>(dimension), DimensionKind::Ordered));
}

GpLogPosterior::GpLogPosterior(const GpData& data) : data_(data) {
  const Index n = data_.x.rows(), d = data_.x.cols();
  SKIPJACK_CHECK(n >= 1 && data_.y.size() == n && static_cast<Index>(data_.kinds.size()) == d);
  deltas_ = pairwise_deltas(data_.kinds, data_.x);
}

double GpLogPosterior::evaluate(const VectorXd& theta, VectorXd* gradient) {
  const Index n = data_.x.rows(), d = data_.x.cols();
  const VectorXd s = theta.head(d).array().exp();
  const double a = std::exp(theta[d]), v = std::exp(theta[d + 1]);

  // Pairs: the correlation, and later its derivative with respect to D.
  const VectorXd root = (5.0 * (deltas_ * s).array()).sqrt();
  const VectorXd decay = (-root.array()).exp();
  const VectorXd correlation = (1.0 + root.array() + root.array().square() / 3.0) * decay.array();
  MatrixXd kernel(n, n);
  for (Index j = 0, pair = 0; j < n; ++j) {
    kernel(j, j) = a + v;
    for (Index i = j + 1; i < n; ++i) kernel(i, j) = a * correlation[pair++];
  }
  const Eigen::LLT<MatrixXd, Eigen::Lower> llt(kernel);
  if (llt.info() != Eigen::Success) return -std::numeric_limits<double>::infinity();
  const MatrixXd& lower = llt.matrixLLT();

  const VectorXd residual = data_.y.array() - least_squares_mean(lower, data_.y);
  const VectorXd alpha = llt.solve(residual);
  const double log_determinant = 2.0 * lower.diagonal().array().log().sum();
  double value =
      -0.5 * (residual.dot(alpha) + log_determinant + static_cast<double>(n) * kLogTwoPi);

  VectorXd prior_slope;
  value += log_prior_of_lengthscales(data_.kinds, theta.head(d), prior_slope);
  value += theta[d] - a;
  value += 0.1 * theta[d + 1] - 30.0 * v;
  if (gradient == nullptr) return value;

  // d/dt log p(y) = 1/2 tr((alpha alpha' - K^-1) dK/dt); c contributes nothing, being optimal.
  const MatrixXd inverse = lower_of_inverse(lower);  // only i >= j
  VectorXd weight(deltas_.rows());
  double by_scale = 0;
  for (Index j = 0, pair = 0; j < n; ++j) {
    by_scale += 0.5 * (alpha[j] * alpha[j] - inverse(j, j));
    for (Index i = j + 1; i < n; ++i, ++pair) {
      weight[pair] = alpha[i] * alpha[j] - inverse(i, j);
      by_scale += weight[pair] * correlation[pair];
    }
  }
  // dk/dD = -5/6 a (1 + r) exp(-r), r = sqrt(5 D); each pair stands for (i, j) and (j, i).
  const VectorXd by_distance =
      (-5.0 / 6.0 * a) * weight.array() * (1.0 + root.array()) * decay.array();
  gradient->resize(d + 2);
  gradient->head(d) = (deltas_.transpose() * by_distance).array() * s.array();
  gradient->head(d) += prior_slope;
  (*gradient)[d] = by_scale * a + 1.0 - a;
  (*gradient)[d + 1] = 0.5 * (alpha.squaredNorm() - inverse.diagonal().sum()) * v + 0.1 - 30.0 * v;
  return value;
}

double GpLogPosterior::evaluate(const GpHyperparameters& hyperparameters) {
  return evaluate(to_theta(hyperparameters), nullptr);
}

GpHyperparameters fit_hyperparameters(const GpData& data, const GpFitOptions& options) {
  const Index d = data.x.cols();
  GpLogPosterior posterior(data);
  std::vector<GpHyperparameters> starts = options.starts;
  if (starts.empty()) starts.push_back(default_hyperparameters(data.kinds));

  BoxAscentOptions box{.lower = VectorXd::Constant(d + 2, kMinLogS),
                       .upper = VectorXd::Constant(d + 2, kMaxLogS),
                       .max_evaluations = options.max_evaluations};
  box.lower[d] = kMinLogScale, box.upper[d] = kMaxLogScale;
  box.lower[d + 1] = std::log(kMinNoiseVariance), box.upper[d + 1] = kMaxLogNoise;
  const auto function = [&](const VectorXd& theta, VectorXd* gradient) {
    return posterior.evaluate(theta, gradient);
  };
  std::optional<BoxAscentResult> best;
  for (const GpHyperparameters& start : starts) {
    BoxAscentResult found = maximize_in_box(function, to_theta(start), box);
    if (!best || found.value > best->value) best = std::move(found);
  }
  return from_theta(best->x);
}

GaussianProcess::GaussianProcess(GpData data, GpHyperparameters hyperparameters)
    : data_(std::move(data)), hyperparameters_(std::move(hyperparameters)) {
  const Index n = data_.x.rows();
  SKIPJACK_CHECK(n >= 1 && data_.y.size() == n &&
                 static_cast<Index>(data_.kinds.size()) == data_.x.cols() &&
                 hyperparameters_.inverse_squared_lengthscales.size() == data_.x.cols());
  const MatrixXd kernel = cross_covariance(data_.x, data_.x);
  for (double relative = 0; relative < 2e-4; relative = relative == 0 ? 1e-10 : 10 * relative) {
    jitter_ = relative * hyperparameters_.outputscale;
    MatrixXd noisy = kernel;
    noisy.diagonal().array() += hyperparameters_.noise_variance - persistent_variance() + jitter_;
    const Eigen::LLT<MatrixXd, Eigen::Lower> llt(noisy);
    if (llt.info() != Eigen::Success) continue;
    cholesky_ = llt.matrixL();
    mean_ = least_squares_mean(cholesky_, data_.y);
    solve_targets();
    return;
  }
  throw Error(ErrorCode::Exhausted,
              "covariance of " + std::to_string(n) +
                  " observations is not positive definite, even with jitter 1e-4");
}

// K(x, x_new) of the latent function, (rows of x, rows of x_new).
MatrixXd GaussianProcess::cross_covariance(const MatrixXd& x, const MatrixXd& x_new) const {
  const Index n = x.rows(), m = x_new.rows(), d = x.cols();
  const VectorXd& s = hyperparameters_.inverse_squared_lengthscales;
  MatrixXd result(n, m);
  Eigen::ArrayXd distance(n);
  for (Index j = 0; j < m; ++j) {
    distance.setZero();
    for (Index k = 0; k < d; ++k) {
      const double at = x_new(j, k);
      if (data_.kinds[static_cast<std::size_t>(k)] != DimensionKind::Ordered)
        distance += s[k] * differs(x.col(k).array() - at);
      else
        distance += s[k] * (x.col(k).array() - at).square();
    }
    auto column = result.col(j).array();
    column = persistent_variance() * (1.0 - differs(distance));
    distance = kSqrt5 * distance.sqrt();
    column += hyperparameters_.outputscale *
              ((1.0 + distance + distance.square() / 3.0) * (-distance).exp());
  }
  return result;
}

void GaussianProcess::solve_targets() {
  whitened_ = data_.y.array() - mean_;
  cholesky_.triangularView<Eigen::Lower>().solveInPlace(whitened_);
  alpha_ = whitened_;
  cholesky_.triangularView<Eigen::Lower>().transpose().solveInPlace(alpha_);
}

GpPrediction GaussianProcess::predict(const MatrixXd& x_new) const {
  TrackedPoints points = track(x_new);
  return predict(points);
}

VectorXd GaussianProcess::predict_means(const MatrixXd& x_new) const {
  return (cross_covariance(data_.x, x_new).transpose() * alpha_).array() + mean_;
}

MatrixXd GaussianProcess::whiten(const MatrixXd& columns) const {
  return cholesky_.triangularView<Eigen::Lower>().solve(columns);
}

TrackedPoints GaussianProcess::track(const MatrixXd& x) const {
  TrackedPoints points;
  points.x_ = x;
  points.variance_ =
      VectorXd::Constant(x.rows(), hyperparameters_.outputscale + persistent_variance());
  catch_up(points);
  return points;
}

// With L = [A 0; B C] and V the rows that the points have, the rows to add are C^-1 (K_new - B V).
void GaussianProcess::catch_up(TrackedPoints& points) const {
  const Index n = size(), old = points.rows_, more = n - old;
  if (more == 0) return;
  if (points.solved_.rows() < n)
    // Room for some more, so that appending row after row does not copy all of it each time.
    points.solved_.conservativeResize(old == 0 ? n : n + std::max<Index>(8, n / 8),
                                      points.x_.rows());
  MatrixXd added = cross_covariance(data_.x.bottomRows(more), points.x_);
  if (old > 0) added.noalias() -= cholesky_.block(old, 0, more, old) * points.solved_.topRows(old);
  cholesky_.bottomRightCorner(more, more).triangularView<Eigen::Lower>().solveInPlace(added);
  points.variance_ -= added.colwise().squaredNorm().transpose();
  points.solved_.middleRows(old, more) = added;
  points.rows_ = n;
}

GpPrediction GaussianProcess::predict(TrackedPoints& points) const {
  catch_up(points);
  GpPrediction result;
  result.mean = (points.solved_.topRows(size()).transpose() * whitened_).array() + mean_;
  // Rounding may leave a hair below zero where the data are.
  result.variance = points.variance_.cwiseMax(1e-12 * hyperparameters_.outputscale);
  return result;
}

GpGradient GaussianProcess::predict_with_gradient(const VectorXd& x) const {
  const Index n = size(), d = data_.x.cols();
  const VectorXd& s = hyperparameters_.inverse_squared_lengthscales;
  const double a = hyperparameters_.outputscale;
  const VectorXd cross = cross_covariance(data_.x, x.transpose());
  const VectorXd half = cholesky_.triangularView<Eigen::Lower>().solve(cross);
  const VectorXd weights = cholesky_.triangularView<Eigen::Lower>().transpose().solve(half);
  GpGradient result;
  result.mean = cross.dot(alpha_) + mean_;
  result.variance = std::max(a + persistent_variance() - half.squaredNorm(), 1e-12 * a);
  // dk/dx_k = -5/3 a (1 + r) exp(-r) s_k (x_k - x'_k)
  Eigen::ArrayXd distance = Eigen::ArrayXd::Zero(n);
  for (Index k = 0; k < d; ++k)
    if (data_.kinds[static_cast<std::size_t>(k)] != DimensionKind::Ordered)
      distance += s[k] * differs(data_.x.col(k).array() - x[k]);
    else
      distance += s[k] * (data_.x.col(k).array() - x[k]).square();
  const Eigen::ArrayXd r = kSqrt5 * distance.sqrt();
  const Eigen::ArrayXd steepness = (-5.0 / 3.0 * a) * (1.0 + r) * (-r).exp();
  result.mean_slope = VectorXd::Zero(d);
  result.variance_slope = VectorXd::Zero(d);
  for (Index k = 0; k < d; ++k) {
    if (data_.kinds[static_cast<std::size_t>(k)] != DimensionKind::Ordered) continue;
    const VectorXd slope = steepness * s[k] * (x[k] - data_.x.col(k).array());
    result.mean_slope[k] = slope.dot(alpha_);
    result.variance_slope[k] = -2.0 * slope.dot(weights);
  }
  return result;
}

GpJointPrediction GaussianProcess::predict_jointly(const MatrixXd& x) const {
  const TrackedPoints points = track(x);
  GpJointPrediction result{.mean = (points.solved_.transpose() * whitened_).array() + mean_,
                           .covariance = cross_covariance(x, x)};
  result.covariance.noalias() -= points.solved_.transpose() * points.solved_;
  return result;
}

MatrixXd GaussianProcess::covariance(const MatrixXd& x) const {
  return predict_jointly(x).covariance;
}

MatrixXd GaussianProcess::covariance(const MatrixXd& x, TrackedPoints& points) const {
  catch_up(points);
  const TrackedPoints left = track(x);
  MatrixXd result = cross_covariance(x, points.x_);
  result.noalias() -= left.solved_.transpose() * points.solved_.topRows(size());
  return result;
}

VectorXd GaussianProcess::predict_means_at_data() const {
  // K alpha + c with K = (K + v I) - v I.
  return data_.y.array() -
         (hyperparameters_.noise_variance - persistent_variance() + jitter_) * alpha_.array();
}

void GaussianProcess::append(const VectorXd& x, double y) {
  const Index n = size();
  const VectorXd cross = cross_covariance(data_.x, x.transpose());
  const VectorXd row = cholesky_.triangularView<Eigen::Lower>().solve(cross);
  const double pivot =
      hyperparameters_.outputscale + hyperparameters_.noise_variance + jitter_ - row.squaredNorm();
  cholesky_.conservativeResize(n + 1, n + 1);
  cholesky_.col(n).setZero();
  cholesky_.row(n).head(n) = row.transpose();
  cholesky_(n, n) = std::sqrt(std::max(pivot, kMinNoiseVariance * hyperparameters_.outputscale));
  data_.x.conservativeResize(n + 1, Eigen::NoChange);
  data_.x.row(n) = x.transpose();
  data_.y.conservativeResize(n + 1);
  data_.y[n] = y;
  solve_targets();
}

void GaussianProcess::set_target(Index i, double y) {
  SKIPJACK_CHECK(i >= 0 && i < size());
  data_.y[i] = y;
  solve_targets();
}

}  // namespace skipjack
