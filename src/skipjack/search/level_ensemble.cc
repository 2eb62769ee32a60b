#include "skipjack/search/level_ensemble.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/search/candidates.h"
#include "skipjack/search/kept_rows.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t kFolds = 5, kMaxRanked = 100, kMaxFailures = 100;

/// A level that takes part.
struct Level {
  std::size_t milestone = 0;
  std::vector<UnitPoint> points;
  std::vector<double> values;
};

std::vector<Level> levels_of(const LevelLog& log) {
  std::vector<Level> levels;
  for (std::size_t m = 0; m < log.milestones().size(); ++m) {
    Level level{.milestone = m, .points = {}, .values = {}};
    for (const LevelRecord& record : log.records())
      for (const LevelValue& value : record.values)
        if (value.resource == log.milestones()[m]) {
          level.points.push_back(record.point);
          level.values.push_back(value.value);
        }
    if (level.points.size() >= LevelEnsemble::kLeastValues) levels.push_back(std::move(level));
  }
  return levels;
}

std::vector<UnitPoint> failed_points(const LevelLog& log) {
  std::vector<UnitPoint> failed;
  for (const LevelRecord& record : log.records())
    if (record.is_bad()) failed.push_back(record.point);
  if (failed.size() > kMaxFailures)
    failed.erase(failed.begin(), failed.end() - static_cast<std::ptrdiff_t>(kMaxFailures));
  return failed;
}

MetricProcess process_of(const LevelEnsembleOptions& options, const Level& level,
                         std::span<const UnitPoint> failed) {
  std::vector<UnitPoint> points;
  std::vector<double> values;
  for (const std::size_t i : rows_to_keep({.space = options.space,
                             .metric = options.metric,
                             .points = level.points,
                             .values = level.values})) {
    points.push_back(level.points[i]);
    values.push_back(level.values[i]);
  }
  return MetricProcess({.space = options.space,
                        .metric = options.metric,
                        .points = points,
                        .values = values,
                        .failed = failed});
}

/// One column a draw of the latent function at the points.
MatrixXd draws(const GaussianProcess& process, const MatrixXd& x, std::int64_t number, Rng& rng) {
  MatrixXd covariance = process.covariance(x);
  covariance.diagonal().array() += 1e-8 * process.hyperparameters().outputscale;
  const Eigen::LLT<MatrixXd> llt(covariance);
  MatrixXd normal(x.rows(), number);
  for (double& z : normal.reshaped()) z = rng.normal();
  // Where rounding leaves no root the points are drawn independently.
  MatrixXd result =
      llt.info() == Eigen::Success
          ? MatrixXd(llt.matrixL() * normal)
          : MatrixXd(covariance.diagonal().cwiseMax(0).cwiseSqrt().asDiagonal() * normal);
  result.colwise() += process.predict_means(x);
  return result;
}

// The points that are ranked: their values, smaller is better, and the draws of each level.
struct Contest {
  std::vector<double> values;
  std::vector<MatrixXd> draws;
};

double loss(const MatrixXd& drawn, Index column, const std::vector<double>& values) {
  double misranked = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = i + 1; j < values.size(); ++j)
      if ((drawn(static_cast<Index>(i), column) < drawn(static_cast<Index>(j), column)) !=
          (values[i] < values[j]))
        ++misranked;
  return misranked;
}

// Fold k has the points k, k + 5, ...; what is drawn for it knows the others alone.
MatrixXd draws_of_folds(const MetricProcess& highest, const MatrixXd& x, const VectorXd& y,
                        const UnitSpace& space, std::int64_t number, Rng& rng) {
  const auto n = static_cast<std::size_t>(x.rows());
  MatrixXd result(x.rows(), number);
  for (std::size_t fold = 0; fold < std::min(kFolds, n); ++fold) {
    std::vector<Index> inside, outside;
    for (std::size_t i = 0; i < n; ++i)
      (i % kFolds == fold ? inside : outside).push_back(static_cast<Index>(i));
    const GaussianProcess process(
        {.kinds = space.model_kinds(), .x = x(outside, Eigen::all), .y = y(outside)},
        highest.hyperparameters());
    result(inside, Eigen::all) = draws(process, x(inside, Eigen::all), number, rng);
  }
  return result;
}

Contest contest_of(const LevelEnsembleOptions& options, const Level& top,
                   std::span<const MetricProcess> processes, Rng& rng) {
  const std::size_t first = top.points.size() - std::min(top.points.size(), kMaxRanked);
  const std::vector<UnitPoint> points(top.points.begin() + static_cast<std::ptrdiff_t>(first),
                                      top.points.end());
  const MetricProcess& highest = processes.back();
  Contest contest;
  for (std::size_t i = first; i < top.values.size(); ++i)
    contest.values.push_back(highest.transform().to_target(top.values[i]));
  const MatrixXd x = options.space.model_matrix(points);
  const VectorXd y = Eigen::Map<const VectorXd>(contest.values.data(), x.rows());
  for (const MetricProcess& process : processes.first(processes.size() - 1))
    contest.draws.push_back(draws(process.process(), x, options.num_samples, rng));
  contest.draws.push_back(draws_of_folds(highest, x, y, options.space, options.num_samples, rng));
  return contest;
}

// By level: the share of draws in which its loss is the least.
std::vector<double> shares(const Contest& contest) {
  std::vector<double> result(contest.draws.size(), 0.0);
  const Index number = contest.draws.front().cols();
  for (Index s = 0; s < number; ++s) {
    std::vector<double> losses;
    for (const MatrixXd& drawn : contest.draws) losses.push_back(loss(drawn, s, contest.values));
    const double least = *std::min_element(losses.begin(), losses.end());
    const auto winners = static_cast<double>(std::count(losses.begin(), losses.end(), least));
    for (std::size_t k = 0; k < losses.size(); ++k)
      if (losses[k] == least) result[k] += 1 / winners / static_cast<double>(number);
  }
  return result;
}

}  // namespace

std::optional<LevelEnsemble> LevelEnsemble::make(const LevelEnsembleOptions& options) {
  SKIPJACK_CHECK(options.num_samples >= 1);
  const std::vector<Level> levels = levels_of(options.log);
  if (levels.empty()) return std::nullopt;
  const std::vector<UnitPoint> failed = failed_points(options.log);
  std::vector<MetricProcess> processes;
  for (const Level& level : levels) processes.push_back(process_of(options, level, failed));
  std::vector<double> theta = {1};
  if (levels.size() > 1) {
    Rng rng(options.seed, "ensemble", options.log.num_values());
    theta = shares(contest_of(options, levels.back(), processes, rng));
  }
  LevelEnsemble result;
  result.weights_.resize(levels.back().milestone + 1);
  result.is_ranked_ = levels.size() > 1;
  for (std::size_t k = 0; k < levels.size(); ++k) {
    result.weights_[levels[k].milestone] = theta[k];
    if (!(theta[k] > 0)) continue;
    for (const LevelRecord& record : options.log.records())
      if (record.state == LevelRecord::State::Running && !record.is_bad() &&
          record.reached() < options.log.milestones()[levels[k].milestone])
        processes[k].believe(record.point);
    result.members_.push_back({theta[k], std::move(processes[k])});
  }
  result.highest_ = levels.back().points;
  return result;
}

std::size_t LevelEnsemble::num_rows() const {
  // Costs add up by their squares.
  double squares = 0;
  for (const Member& member : members_)
    squares += std::pow(static_cast<double>(member.process.process().size()), 2);
  return static_cast<std::size_t>(std::sqrt(squares));
}

GpPrediction LevelEnsemble::predict(std::span<const UnitPoint> points) const {
  GpPrediction sum{.mean = VectorXd::Zero(static_cast<Index>(points.size())),
                   .variance = VectorXd::Zero(static_cast<Index>(points.size()))};
  for (const Member& member : members_) {
    const GpPrediction p = member.process.predict(points);
    sum.mean += member.weight * p.mean;
    sum.variance += member.weight * member.weight * p.variance;
  }
  return sum;
}

double LevelEnsemble::best_mean() const { return predict(highest_).mean.minCoeff(); }

std::vector<UnitPoint> LevelEnsemble::best_points(std::size_t number) const {
  const VectorXd means = predict(highest_).mean;
  std::vector<UnitPoint> result;
  for (const std::size_t i : best_first(highest_, -means, {})) {
    if (result.size() == number) break;
    if (std::find(result.begin(), result.end(), highest_[i]) == result.end())
      result.push_back(highest_[i]);
  }
  return result;
}

}  // namespace skipjack
