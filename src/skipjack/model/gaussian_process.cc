#include "skipjack/model/gaussian_process.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlopt.hpp>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kSqrt5 = 2.2360679774997896964;
constexpr double kLogTwoPi = 1.83787706640934548356;
// Bounds of a fit, in logarithms: lengthscales of 0.02 to 100, scales and noise far outside what
// standardised targets need.
constexpr double kMinLogS = -9.2, kMaxLogS = 7.8;
constexpr double kMinLogScale = -7.0, kMaxLogScale = 5.0;
constexpr double kMaxLogNoise = 2.0;

double delta(DimensionKind kind, double a, double b) {
  if (kind == DimensionKind::Unordered) return a == b ? 0.0 : 1.0;
  return (a - b) * (a - b);
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

GpHyperparameters default_hyperparameters(Index dimension) {
  return {.inverse_squared_lengthscales = VectorXd::Ones(dimension)};
}

GpLogPosterior::GpLogPosterior(const GpData& data) : data_(data) {
  const Index n = data_.x.rows(), d = data_.x.cols();
  SKIPJACK_CHECK(n >= 1 && data_.y.size() == n && static_cast<Index>(data_.kinds.size()) == d);
  deltas_.resize(n * (n - 1) / 2, d);
  for (Index k = 0; k < d; ++k) {
    const DimensionKind kind = data_.kinds[static_cast<std::size_t>(k)];
    Index pair = 0;
    for (Index j = 0; j < n; ++j)
      for (Index i = j + 1; i < n; ++i)
        deltas_(pair++, k) = delta(kind, data_.x(i, k), data_.x(j, k));
  }
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

  const double shift = d > 10 ? static_cast<double>(d) / 10.0 : 1.0;
  value -= (0.1 / (shift * s.array()) + 0.1 * shift * s.array()).sum();
  value += theta[d] - a;
  value += 0.1 * theta[d + 1] - 30.0 * v;
  if (gradient == nullptr) return value;

  // d/dt log p(y) = 1/2 tr((alpha alpha' - K^-1) dK/dt); c contributes nothing, being optimal.
  const MatrixXd inverse = llt.solve(MatrixXd::Identity(n, n));
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
  gradient->head(d).array() += 0.1 / (shift * s.array()) - 0.1 * shift * s.array();
  (*gradient)[d] = by_scale * a + 1.0 - a;
  (*gradient)[d + 1] = 0.5 * (alpha.squaredNorm() - inverse.diagonal().sum()) * v + 0.1 - 30.0 * v;
  return value;
}

GpHyperparameters fit_hyperparameters(const GpData& data, const GpFitOptions& options) {
  const Index d = data.x.cols();
  GpLogPosterior posterior(data);
  std::vector<GpHyperparameters> starts = options.starts;
  if (starts.empty()) starts.push_back(default_hyperparameters(d));

  const auto size = static_cast<std::size_t>(d + 2);
  std::vector<double> low(size, kMinLogS), high(size, kMaxLogS);
  low[size - 2] = kMinLogScale, high[size - 2] = kMaxLogScale;
  low[size - 1] = std::log(kMinNoiseVariance), high[size - 1] = kMaxLogNoise;

  VectorXd best_theta = to_theta(starts.front());
  double best = -std::numeric_limits<double>::infinity();
  struct Target {
    GpLogPosterior* posterior;
    VectorXd* best_theta;
    double* best;
  } target{&posterior, &best_theta, &best};
  const auto objective = [](const std::vector<double>& point, std::vector<double>& gradient,
                            void* context) -> double {
    auto& t = *static_cast<Target*>(context);
    const VectorXd theta =
        Eigen::Map<const VectorXd>(point.data(), static_cast<Index>(point.size()));
    VectorXd slope = VectorXd::Zero(theta.size());
    const double value = t.posterior->evaluate(theta, gradient.empty() ? nullptr : &slope);
    if (!std::isfinite(value)) {
      std::fill(gradient.begin(), gradient.end(), 0.0);
      return 1e10;
    }
    if (value > *t.best) *t.best = value, *t.best_theta = theta;
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = -slope[static_cast<Index>(i)];
    return -value;
  };

  for (const GpHyperparameters& start : starts) {
    const VectorXd theta = to_theta(start);
    std::vector<double> point(theta.data(), theta.data() + theta.size());
    for (std::size_t i = 0; i < size; ++i) point[i] = std::clamp(point[i], low[i], high[i]);
    nlopt::opt optimizer(nlopt::LD_LBFGS, static_cast<unsigned>(size));
    optimizer.set_min_objective(objective, &target);
    optimizer.set_lower_bounds(low);
    optimizer.set_upper_bounds(high);
    optimizer.set_maxeval(options.max_evaluations);
    optimizer.set_ftol_abs(1e-3);
    double value = 0;
    try {
      optimizer.optimize(point, value);
    } catch (const nlopt::roundoff_limited&) {
      // The best point visited is kept by the objective itself.
    } catch (const std::runtime_error&) {
      // NLopt's general failure: a line search that found no descent. The same holds.
    }
  }
  return from_theta(best_theta);
}

GaussianProcess::GaussianProcess(GpData data, GpHyperparameters hyperparameters)
    : data_(std::move(data)), hyperparameters_(std::move(hyperparameters)) {
  const Index n = data_.x.rows();
  SKIPJACK_CHECK(n >= 1 && data_.y.size() == n &&
                 static_cast<Index>(data_.kinds.size()) == data_.x.cols() &&
                 hyperparameters_.inverse_squared_lengthscales.size() == data_.x.cols());
  const MatrixXd kernel = cross_covariance(data_.x);
  for (double relative = 0; relative < 2e-4; relative = relative == 0 ? 1e-10 : 10 * relative) {
    jitter_ = relative * hyperparameters_.outputscale;
    MatrixXd noisy = kernel;
    noisy.diagonal().array() += hyperparameters_.noise_variance - persistent_variance() + jitter_;
    const Eigen::LLT<MatrixXd, Eigen::Lower> llt(noisy);
    if (llt.info() != Eigen::Success) continue;
    cholesky_ = llt.matrixL();
    mean_ = least_squares_mean(cholesky_, data_.y);
    alpha_ = llt.solve((data_.y.array() - mean_).matrix());
    return;
  }
  throw Error(ErrorCode::Exhausted,
              "covariance of " + std::to_string(n) +
                  " observations is not positive definite, even with jitter 1e-4");
}

MatrixXd GaussianProcess::cross_covariance(const MatrixXd& x_new) const {
  const Index n = data_.x.rows(), m = x_new.rows(), d = data_.x.cols();
  const VectorXd& s = hyperparameters_.inverse_squared_lengthscales;
  MatrixXd result(n, m);
  Eigen::ArrayXd distance(n);
  for (Index j = 0; j < m; ++j) {
    distance.setZero();
    for (Index k = 0; k < d; ++k) {
      const double at = x_new(j, k);
      if (data_.kinds[static_cast<std::size_t>(k)] == DimensionKind::Unordered)
        distance += s[k] * (data_.x.col(k).array() != at).cast<double>();
      else
        distance += s[k] * (data_.x.col(k).array() - at).square();
    }
    const Eigen::ArrayXd shared = persistent_variance() * (distance == 0).cast<double>();
    distance = kSqrt5 * distance.sqrt();
    result.col(j) = shared.matrix() +
                    hyperparameters_.outputscale *
                        ((1.0 + distance + distance.square() / 3.0) * (-distance).exp()).matrix();
  }
  return result;
}

GpPrediction GaussianProcess::predict(const MatrixXd& x_new) const {
  MatrixXd cross = cross_covariance(x_new);
  GpPrediction result;
  result.mean = (cross.transpose() * alpha_).array() + mean_;
  cholesky_.triangularView<Eigen::Lower>().solveInPlace(cross);
  // Rounding may leave a hair below zero where the data are.
  result.variance = (hyperparameters_.outputscale + persistent_variance() -
                     cross.colwise().squaredNorm().transpose().array())
                        .max(1e-12 * hyperparameters_.outputscale);
  return result;
}

VectorXd GaussianProcess::predict_means_at_data() const {
  // K alpha + c with K = (K + v I) - v I.
  return data_.y.array() -
         (hyperparameters_.noise_variance - persistent_variance() + jitter_) * alpha_.array();
}

void GaussianProcess::append(const VectorXd& x, double y) {
  const Index n = size();
  const VectorXd cross = cross_covariance(x.transpose());
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
  alpha_ = data_.y.array() - mean_;
  cholesky_.triangularView<Eigen::Lower>().solveInPlace(alpha_);
  cholesky_.triangularView<Eigen::Lower>().transpose().solveInPlace(alpha_);
}

}  // namespace skipjack
