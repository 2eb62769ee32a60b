#include "skipjack/search/transfer.h"

#include <Eigen/LU>
#include <cmath>
#include <optional>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// More say enough by themselves, and three fits of them would take tenths of a second.
constexpr std::size_t kMinValues = 3, kMaxValues = 100;
/// All weights together are expected to be this, in standard deviations of y by those of m: the
/// correlation that is expected.
constexpr double kExpectedCorrelation = 0.8;
/// Standard deviation of each weight around its share of that.
constexpr double kWeightDeviation = 0.4;
/// Logarithm of the odds for transfer before anything is known.
constexpr double kLogPriorOdds = 3.0;
/// Weights that add up to less explain too little to be worth anything.
constexpr double kMinWeight = 0.25;
constexpr int kRounds = 2;
constexpr std::size_t kCandidatesPerSource = 5;
/// Worse than anything a source says, in its standard deviations.
constexpr double kNothingYet = 1e3;
constexpr double kGain = 1e-6;

struct Evidence {
  VectorXd weights;
  double log_evidence = 0;
};

/// Columns of mean 0 and variance 1; the deviations by which they were divided, 0 for columns that
/// say nothing.
VectorXd standardise(MatrixXd& m) {
  VectorXd deviations(m.cols());
  for (Index k = 0; k < m.cols(); ++k) {
    m.col(k).array() -= m.col(k).mean();
    const double deviation = std::sqrt(m.col(k).squaredNorm() / static_cast<double>(m.rows()));
    deviations[k] = deviation > 1e-9 ? deviation : 0;
    m.col(k) *= deviation > 1e-9 ? 1 / deviation : 0.0;
  }
  return deviations;
}

/// argmin w'Pw / 2 - r'w over w >= 0, by coordinate descent.
VectorXd solve_weights(const MatrixXd& precision, const VectorXd& right, const VectorXd& w0) {
  const Index k = right.size();
  VectorXd w = w0;
  for (int round = 0; round < 100; ++round)
    for (Index i = 0; i < k; ++i) {
      const double rest = right[i] - precision.row(i).dot(w) + precision(i, i) * w[i];
      w[i] = std::max(0.0, rest / precision(i, i));
    }
  return w;
}

Evidence evidence_with(const GpData& data, const MatrixXd& m) {
  const auto k = static_cast<double>(m.cols());
  const double s2 = kWeightDeviation * kWeightDeviation;
  const VectorXd w0 = VectorXd::Constant(m.cols(), kExpectedCorrelation / k);
  // To begin with, as if all that sources leave unexplained were noise: where they contradict each
  // other, the process would otherwise explain everything by itself first.
  const double unexplained = 1 - kExpectedCorrelation * kExpectedCorrelation;
  MatrixXd information = m.transpose() * m / unexplained;
  information.diagonal().array() += 1 / s2;
  VectorXd w = solve_weights(information, m.transpose() * data.y / unexplained + w0 / s2, w0);
  Evidence result;
  GpData residual = data;
  for (int round = 0; round < kRounds; ++round) {
    residual.y = data.y - m * w;
    const GpHyperparameters h = fit_hyperparameters(residual, {});
    const GaussianProcess process(residual, h);
    const VectorXd ones = process.whiten(VectorXd::Ones(data.y.size()));
    MatrixXd a = process.whiten(m);
    VectorXd b = process.whiten(data.y);
    // The constant mean is free.
    const double norm = ones.squaredNorm();
    b -= ones * (ones.dot(b) / norm);
    a -= ones * (ones.transpose() * a / norm);
    MatrixXd precision = a.transpose() * a;
    precision.diagonal().array() += 1 / s2;
    w = solve_weights(precision, a.transpose() * b + w0 / s2, w0);
    GpData at = data;
    at.y = data.y - m * w;
    // Laplace: the likelihood at w, the prior's density there, and the width of the posterior.
    const double log_determinant = std::log(precision.determinant());
    result = {
        .weights = w,
        .log_evidence = GpLogPosterior(at).evaluate(h) -
                        0.5 * ((w - w0).squaredNorm() / s2 + k * std::log(s2) + log_determinant)};
  }
  return result;
}

}  // namespace

PriorMean choose_prior_mean(const std::shared_ptr<const SourceModels>& sources,
                            const UnitSpace& space, const Observations& seen,
                            const Metric& metric) {
  if (!sources || sources->size() == 0 || seen.values.size() < kMinValues ||
      seen.values.size() > kMaxValues)
    return {};
  std::vector<double> values;
  std::vector<UnitPoint> points;
  for (const auto& value : seen.values) {
    values.push_back(value.value);
    points.push_back(value.point);
  }
  const TargetTransform transform(values, metric);
  VectorXd y(static_cast<Index>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    y[static_cast<Index>(i)] = transform.to_target(values[i]);
  const GpData data{.kinds = space.model_kinds(), .x = space.model_matrix(points), .y = y};
  MatrixXd m = sources->predict(points);
  const VectorXd deviations = standardise(m);

  const Evidence with = evidence_with(data, m);
  const double without = GpLogPosterior(data).evaluate(fit_hyperparameters(data, {}));
  if (with.weights.sum() < kMinWeight) return {};
  if (!(with.log_evidence + kLogPriorOdds > without)) return {};
  PriorMean result{.sources = sources, .weights = with.weights};
  for (Index k = 0; k < deviations.size(); ++k)
    result.weights[k] = deviations[k] > 0 ? result.weights[k] / deviations[k] : 0.0;
  if (result.weights.isZero(1e-12)) return {};
  return result;
}

std::vector<Configuration> choose_first_points(const SourceModels& models, const SearchSpace& space,
                                               std::span<const SourceExperiment> sources,
                                               std::size_t number) {
  std::vector<Configuration> left =
      choose_transfer_points({.space = space,
                              .sources = sources,
                              .number = std::max(number, kCandidatesPerSource * sources.size())});
  if (models.size() == 0 || left.empty()) return left;
  std::vector<UnitPoint> points;
  for (const Configuration& configuration : left) points.push_back(space.encode(configuration));
  const MatrixXd said = models.predict(points);

  std::vector<Configuration> chosen;
  std::vector<bool> used(left.size());
  // Of each source, what the best of those chosen is there.
  VectorXd best = VectorXd::Constant(said.cols(), kNothingYet);
  while (chosen.size() < std::min(number, left.size())) {
    Index next = -1;
    double least = 0;
    for (Index i = 0; i < said.rows(); ++i) {
      if (used[static_cast<std::size_t>(i)]) continue;
      const double sum = best.cwiseMin(said.row(i).transpose()).sum();
      // Where nothing is gained any more the order of choose_transfer_points() holds.
      if (next < 0 || sum < least - kGain) next = i, least = sum;
    }
    best = best.cwiseMin(said.row(next).transpose());
    used[static_cast<std::size_t>(next)] = true;
    chosen.push_back(left[static_cast<std::size_t>(next)]);
  }
  return chosen;
}

}  // namespace skipjack
