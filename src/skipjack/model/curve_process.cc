#include "skipjack/model/curve_process.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/box_ascent.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Rate of the Gamma prior of v.
constexpr double kWhiteRate = 30, kRepeatRate = 3;

VectorXd to_theta(const CurveHyperparameters& h) {
  const Index d = h.inverse_squared_lengthscales.size(), p = h.resource.size();
  VectorXd theta(d + 2 + p);
  theta.head(d) = h.inverse_squared_lengthscales.array().log();
  theta[d] = std::log(h.outputscale);
  theta[d + 1] = std::log(h.noise_variance);
  theta.tail(p) = h.resource.array().log();
  return theta;
}

CurveHyperparameters from_theta(const VectorXd& theta, Index d) {
  return {.inverse_squared_lengthscales = theta.head(d).array().exp(),
          .outputscale = std::exp(theta[d]),
          .noise_variance = std::max(std::exp(theta[d + 1]), kMinNoiseVariance),
          .resource = theta.tail(theta.size() - d - 2).array().exp()};
}

double noise_rate(ResourceKernel kernel) {
  return row_noise(kernel) == RowNoise::White ? kWhiteRate : kRepeatRate;
}

// What B is multiplied by between trials: g (rows of own, columns of own). own: 1 where two are one
// trial; deltas: sum of unscaled deltas.
MatrixXd addend_factor(const CurveData& data, const VectorXd& parameters, const MatrixXd& own,
                       const MatrixXd& deltas) {
  switch (addend_reach(data.kernel)) {
    case AddendReach::Nowhere:
      return MatrixXd::Zero(own.rows(), own.cols());
    case AddendReach::Everywhere:
      return MatrixXd::Ones(own.rows(), own.cols());
    case AddendReach::WithinTrial:
      return own;
    case AddendReach::ByDistance:
      return matern52(parameters[kFoldLengthscale] * deltas.array());
  }
  check_failed("a known reach", __FILE__, __LINE__);
}

// Deltas summed over dimensions; rough ones are part of their parameter.
VectorXd plain(const std::vector<DimensionKind>& kinds) {
  VectorXd s = VectorXd::Ones(static_cast<Index>(kinds.size()));
  for (std::size_t k = 0; k < kinds.size(); ++k)
    if (kinds[k] == DimensionKind::Rough) s[static_cast<Index>(k)] = 0;
  return s;
}

double shared_noise(const CurveData& data, const CurveRow& one, const CurveRow& other, double v) {
  return one.trial == other.trial ? v / std::max(data.levels[one.level], data.levels[other.level])
                                  : 0.0;
}

// c of mean c b + o by generalised least squares, from the rows with targets alone.
double least_squares_mean(const MatrixXd& lower, const VectorXd& basis, const VectorXd& target) {
  const auto triangle = lower.triangularView<Eigen::Lower>();
  const VectorXd u = triangle.solve(basis), w = triangle.solve(target);
  const double weight = u.squaredNorm();
  return weight > 0 ? u.dot(w) / weight : 0.0;
}

// An entry of each row's level.
VectorXd by_row(const std::vector<CurveRow>& rows, const VectorXd& by_level, Index number) {
  VectorXd result(number);
  for (Index i = 0; i < number; ++i) result[i] = by_level[rows[static_cast<std::size_t>(i)].level];
  return result;
}

CurveData with_targets_alone(CurveData data) {
  SKIPJACK_CHECK(data.y.size() >= 1 && static_cast<Index>(data.rows.size()) >= data.y.size() &&
                 static_cast<Index>(data.kinds.size()) == data.x.cols());
  data.rows.resize(static_cast<std::size_t>(data.y.size()));
  return data;
}

}  // namespace

CurveHyperparameters default_curve_hyperparameters(ResourceKernel kernel,
                                                   const std::vector<DimensionKind>& kinds) {
  const auto& parameters = resource_parameters(kernel);
  CurveHyperparameters h{
      .inverse_squared_lengthscales = default_inverse_squared_lengthscales(kinds),
      .resource = VectorXd(static_cast<Index>(parameters.size()))};
  for (std::size_t k = 0; k < parameters.size(); ++k)
    h.resource[static_cast<Index>(k)] = parameters[k].start;
  return h;
}

/// What an evaluation has computed on the way.
struct CurveLogPosterior::Parts {
  VectorXd s, parameters;
  double a = 0, v = 0;
  MatrixXd distances, correlation;   // (T, T): D, rho
  MatrixXd plain_distances, factor;  // (T, T): D with s = 1, g
  LevelCovariance levels;
  LevelMean mean;
};

CurveLogPosterior::CurveLogPosterior(const CurveData& data)
    : data_(with_targets_alone(data)), deltas_(pairwise_deltas(data_.kinds, data_.x)) {}

MatrixXd CurveLogPosterior::covariance(const Parts& p) const {
  const Index n = data_.y.size();
  const bool is_white = row_noise(data_.kernel) == RowNoise::White;
  MatrixXd kernel(n, n);
  for (Index j = 0; j < n; ++j) {
    const CurveRow& column = data_.rows[static_cast<std::size_t>(j)];
    for (Index i = j; i < n; ++i) {
      const CurveRow& row = data_.rows[static_cast<std::size_t>(i)];
      kernel(i, j) =
          p.a * p.correlation(row.trial, column.trial) * p.levels.scale(row.level, column.level) +
          p.levels.addend(row.level, column.level) * p.factor(row.trial, column.trial);
      if (!is_white) kernel(i, j) += shared_noise(data_, row, column, p.v);
    }
    kernel(j, j) += is_white ? p.v : kMinNoiseVariance;
  }
  return kernel;
}

double CurveLogPosterior::add_priors(const VectorXd& theta, VectorXd& slope) const {
  const Index d = data_.x.cols();
  slope = VectorXd::Zero(theta.size());
  VectorXd by_lengthscale;
  double value = log_prior_of_lengthscales(data_.kinds, theta.head(d), by_lengthscale);
  slope.head(d) = by_lengthscale;
  const double a = std::exp(theta[d]), v = std::exp(theta[d + 1]), rate = noise_rate(data_.kernel);
  value += theta[d] - a + 0.1 * theta[d + 1] - rate * v;
  slope[d] = 1 - a;
  slope[d + 1] = 0.1 - rate * v;
  const auto& parameters = resource_parameters(data_.kernel);
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const Index at = d + 2 + static_cast<Index>(k);
    const double z = (theta[at] - std::log(parameters[k].start)) / parameters[k].deviation;
    value -= 0.5 * z * z;
    slope[at] = -z / parameters[k].deviation;
  }
  return value;
}

CurveLogPosterior::Parts CurveLogPosterior::parts(const VectorXd& theta, Slopes slopes) const {
  const Index d = data_.x.cols(), num_trials = data_.x.rows();
  Parts p{.s = theta.head(d).array().exp(),
          .parameters = theta.tail(theta.size() - d - 2).array().exp(),
          .a = std::exp(theta[d]),
          .v = std::exp(theta[d + 1]),
          .distances = MatrixXd::Zero(num_trials, num_trials),
          .plain_distances = MatrixXd::Zero(num_trials, num_trials)};
  const VectorXd scaled = deltas_ * p.s, unscaled = deltas_ * plain(data_.kinds);
  for (Index j = 0, pair = 0; j < num_trials; ++j)
    for (Index i = j + 1; i < num_trials; ++i, ++pair) {
      p.distances(i, j) = p.distances(j, i) = scaled[pair];
      p.plain_distances(i, j) = p.plain_distances(j, i) = unscaled[pair];
    }
  p.correlation = matern52(p.distances);
  p.factor = addend_factor(data_, p.parameters, MatrixXd::Identity(num_trials, num_trials),
                           p.plain_distances);
  const LevelQuestion question{.kernel = data_.kernel,
                               .parameters = p.parameters,
                               .max_resource = data_.max_resource,
                               .slopes = slopes};
  p.levels = level_covariance(question, data_.levels, data_.levels);
  p.mean = level_mean(question, data_.levels);
  return p;
}

double CurveLogPosterior::evaluate(const VectorXd& theta, VectorXd* gradient) {
  const Index n = data_.y.size();
  const Parts p = parts(theta, gradient ? Slopes::Compute : Slopes::Leave);
  const Eigen::LLT<MatrixXd, Eigen::Lower> llt(covariance(p));
  if (llt.info() != Eigen::Success) return -std::numeric_limits<double>::infinity();
  const MatrixXd& lower = llt.matrixLLT();
  const VectorXd target = data_.y - by_row(data_.rows, p.mean.offset, n),
                 basis = by_row(data_.rows, p.mean.basis, n);
  const double mean = least_squares_mean(lower, basis, target);
  const VectorXd residual = target - mean * basis, alpha = llt.solve(residual);
  VectorXd prior_slope;
  const double value = add_priors(theta, prior_slope) - 0.5 * residual.dot(alpha) -
                       lower.diagonal().array().log().sum() -
                       0.5 * static_cast<double>(n) * kLogTwoPi;
  if (gradient != nullptr) *gradient = slopes(p, lower, alpha, mean) + prior_slope;
  return value;
}

// d/dt log p(y) = 1/2 tr((alpha alpha' - K^-1) dK/dt) + alpha' d(c b + o)/dt; c itself contributes
// nothing, being optimal. The weights of the rows are summed up by pairs of trials and of levels
// first.
VectorXd CurveLogPosterior::slopes(const Parts& p, const MatrixXd& lower, const VectorXd& alpha,
                                   double mean) const {
  const Index n = data_.y.size(), d = data_.x.cols(), num_trials = data_.x.rows(),
              num_levels = data_.levels.size();
  const MatrixXd inverse = lower_of_inverse(lower);  // only i >= j
  MatrixXd by_correlation = MatrixXd::Zero(num_trials, num_trials), by_factor = by_correlation,
           by_scale = MatrixXd::Zero(num_levels, num_levels), by_addend = by_scale;
  const bool is_white = row_noise(data_.kernel) == RowNoise::White;
  double by_noise = 0;
  for (Index j = 0; j < n; ++j) {
    const CurveRow& column = data_.rows[static_cast<std::size_t>(j)];
    for (Index i = j; i < n; ++i) {
      const CurveRow& row = data_.rows[static_cast<std::size_t>(i)];
      // Off the diagonal each pair stands for (i, j) and (j, i).
      const double weight = (i == j ? 0.5 : 1.0) * (alpha[i] * alpha[j] - inverse(i, j));
      by_correlation(row.trial, column.trial) +=
          weight * p.a * p.levels.scale(row.level, column.level);
      by_factor(row.trial, column.trial) += weight * p.levels.addend(row.level, column.level);
      by_scale(row.level, column.level) += weight * p.a * p.correlation(row.trial, column.trial);
      by_addend(row.level, column.level) += weight * p.factor(row.trial, column.trial);
      if (!is_white)
        by_noise += weight * shared_noise(data_, row, column, p.v);
      else if (i == j)
        by_noise += weight * p.v;
    }
  }
  VectorXd slope = VectorXd::Zero(d + 2 + p.parameters.size());
  const MatrixXd by_distance = by_correlation.array() * matern52_slope(p.distances);
  VectorXd by_pair(deltas_.rows());
  for (Index j = 0, pair = 0; j < num_trials; ++j)
    for (Index i = j + 1; i < num_trials; ++i)
      by_pair[pair++] = by_distance(i, j) + by_distance(j, i);
  slope.head(d) = (deltas_.transpose() * by_pair).array() * p.s.array();
  slope[d] = by_correlation.cwiseProduct(p.correlation).sum();
  slope[d + 1] = by_noise;
  for (Index k = 0; k < p.parameters.size(); ++k) {
    const auto at = static_cast<std::size_t>(k);
    const VectorXd by_mean = mean * p.mean.basis_slopes[at] + p.mean.offset_slopes[at];
    slope[d + 2 + k] = by_scale.cwiseProduct(p.levels.scale_slopes[at]).sum() +
                       by_addend.cwiseProduct(p.levels.addend_slopes[at]).sum() +
                       alpha.dot(by_row(data_.rows, by_mean, n));
  }
  if (addend_reach(data_.kernel) == AddendReach::ByDistance) {
    const Eigen::ArrayXXd distances = p.parameters[kFoldLengthscale] * p.plain_distances.array();
    slope[d + 2 + kFoldLengthscale] +=
        (by_factor.array() * matern52_slope(distances) * distances).sum();
  }
  return slope;
}

double CurveLogPosterior::evaluate(const CurveHyperparameters& hyperparameters) {
  return evaluate(to_theta(hyperparameters), nullptr);
}

CurveHyperparameters fit_curve_hyperparameters(const CurveData& data,
                                               const CurveFitOptions& options) {
  const Index d = data.x.cols();
  CurveLogPosterior posterior(data);
  std::vector<CurveHyperparameters> starts = options.starts;
  if (starts.empty()) starts.push_back(default_curve_hyperparameters(data.kernel, data.kinds));
  const auto& parameters = resource_parameters(data.kernel);
  const Index size = d + 2 + static_cast<Index>(parameters.size());
  BoxAscentOptions box{.lower = VectorXd::Constant(size, kMinLogS),
                       .upper = VectorXd::Constant(size, kMaxLogS),
                       .max_evaluations = options.max_evaluations};
  box.lower[d] = kMinLogScale, box.upper[d] = kMaxLogScale;
  box.lower[d + 1] = std::log(kMinNoiseVariance), box.upper[d + 1] = kMaxLogNoise;
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    box.lower[d + 2 + static_cast<Index>(k)] = std::log(parameters[k].lower);
    box.upper[d + 2 + static_cast<Index>(k)] = std::log(parameters[k].upper);
  }
  const auto function = [&](const VectorXd& theta, VectorXd* gradient) {
    return posterior.evaluate(theta, gradient);
  };
  std::optional<BoxAscentResult> best;
  for (const CurveHyperparameters& start : starts) {
    BoxAscentResult found = maximize_in_box(function, to_theta(start), box);
    if (!best || found.value > best->value) best = std::move(found);
  }
  return from_theta(best->x, d);
}

CurveProcess::CurveProcess(CurveData data, CurveHyperparameters hyperparameters)
    : data_(std::move(data)), hyperparameters_(std::move(hyperparameters)) {
  const Index n = size(), num_targets = data_.y.size();
  SKIPJACK_CHECK(num_targets >= 1 && n >= num_targets &&
                 static_cast<Index>(data_.kinds.size()) == data_.x.cols());
  const double v = hyperparameters_.noise_variance;
  const bool is_white = row_noise(data_.kernel) == RowNoise::White;
  MatrixXd kernel(n, n);
  for (Index level = 0; level < data_.levels.size(); ++level) {
    const MatrixXd cross = cross_covariance(
        data_.x, MatrixXd::Identity(data_.x.rows(), data_.x.rows()), data_.levels[level]);
    for (Index j = 0; j < n; ++j)
      if (const CurveRow& row = data_.rows[static_cast<std::size_t>(j)]; row.level == level)
        kernel.col(j) = cross.col(row.trial);
  }
  for (Index j = 0; j < n; ++j) {
    if (is_white) kernel(j, j) += v;
    for (Index i = 0; i < n && !is_white; ++i)
      kernel(i, j) += shared_noise(data_, data_.rows[static_cast<std::size_t>(i)],
                                   data_.rows[static_cast<std::size_t>(j)], v);
  }
  for (double relative = 0; relative < 2e-4; relative = relative == 0 ? 1e-10 : 10 * relative) {
    MatrixXd noisy = kernel;
    noisy.diagonal().array() +=
        relative * hyperparameters_.outputscale + (is_white ? 0.0 : kMinNoiseVariance);
    const Eigen::LLT<MatrixXd, Eigen::Lower> llt(noisy);
    if (llt.info() != Eigen::Success) continue;
    cholesky_ = llt.matrixL();
    const LevelMean mean = level_mean(question(), data_.levels);
    const MatrixXd top = cholesky_.topLeftCorner(num_targets, num_targets);
    const VectorXd target = data_.y - by_row(data_.rows, mean.offset, num_targets),
                   basis = by_row(data_.rows, mean.basis, num_targets);
    mean_ = least_squares_mean(top, basis, target);
    // What is believed is where it was expected: 0 once whitened.
    whitened_ = VectorXd::Zero(n);
    whitened_.head(num_targets) = top.triangularView<Eigen::Lower>().solve(target - mean_ * basis);
    return;
  }
  throw Error(ErrorCode::Exhausted,
              "covariance of " + std::to_string(n) +
                  " measurements is not positive definite, even with jitter 1e-4");
}

LevelQuestion CurveProcess::question() const {
  return {.kernel = data_.kernel,
          .parameters = hyperparameters_.resource,
          .max_resource = data_.max_resource};
}

MatrixXd CurveProcess::cross_covariance(const MatrixXd& x_new, const MatrixXd& own,
                                        double level) const {
  const MatrixXd correlation = matern52(
      scaled_distances(data_.kinds, data_.x, x_new, hyperparameters_.inverse_squared_lengthscales));
  MatrixXd plain_distances;
  if (addend_reach(data_.kernel) == AddendReach::ByDistance)
    plain_distances = scaled_distances(data_.kinds, data_.x, x_new, plain(data_.kinds));
  const MatrixXd factor = addend_factor(data_, hyperparameters_.resource, own, plain_distances);
  const LevelCovariance levels =
      level_covariance(question(), data_.levels, VectorXd::Constant(1, level));
  MatrixXd cross(size(), x_new.rows());
  for (Index i = 0; i < size(); ++i) {
    const CurveRow& row = data_.rows[static_cast<std::size_t>(i)];
    cross.row(i) =
        hyperparameters_.outputscale * levels.scale(row.level, 0) * correlation.row(row.trial) +
        levels.addend(row.level, 0) * factor.row(row.trial);
  }
  return cross;
}

GpPrediction CurveProcess::predict(const MatrixXd& x_new, const MatrixXd& own, double level) const {
  const VectorXd at = VectorXd::Constant(1, level);
  const LevelCovariance self = level_covariance(question(), at, at);
  const LevelMean mean = level_mean(question(), at);
  const MatrixXd solved =
      cholesky_.triangularView<Eigen::Lower>().solve(cross_covariance(x_new, own, level));
  const double a = hyperparameters_.outputscale, prior = a * self.scale(0, 0) + self.addend(0, 0);
  return {.mean = (solved.transpose() * whitened_).array() + mean_ * mean.basis[0] + mean.offset[0],
          // Rounding may leave a hair below zero where the data are.
          .variance = (prior - solved.colwise().squaredNorm().transpose().array()).max(1e-12 * a)};
}

GpPrediction CurveProcess::predict(const MatrixXd& x_new, double level) const {
  return predict(x_new, MatrixXd::Zero(data_.x.rows(), x_new.rows()), level);
}

GpPrediction CurveProcess::predict(std::span<const Index> trials, double level) const {
  const auto number = static_cast<Index>(trials.size());
  MatrixXd x_new(number, data_.x.cols()), own = MatrixXd::Zero(data_.x.rows(), number);
  for (Index i = 0; i < number; ++i) {
    const Index trial = trials[static_cast<std::size_t>(i)];
    x_new.row(i) = data_.x.row(trial);
    own(trial, i) = 1;
  }
  return predict(x_new, own, level);
}

}  // namespace skipjack
