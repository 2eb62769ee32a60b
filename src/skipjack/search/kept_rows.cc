#include "skipjack/search/kept_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

namespace skipjack {
namespace {

using Eigen::Index;

constexpr std::size_t kMaxRows = 400, kEarliestRows = 100, kBestRows = 100;
// Of one configuration among the best.
constexpr std::size_t kRowsEach = 10;
// Configurations whose means are asked for at once.
constexpr std::size_t kBlock = 256;
// The median of a squared standard normal variable.
constexpr double kMedianSquare = 0.4549364;
// Noise below this share of the signal's variance makes nothing lucky.
constexpr double kNegligibleNoise = 1e-3;

/// A configuration that was measured.
struct Configured {
  std::span<const std::size_t> rows;
  /// Of its targets; of what is expected there.
  double mean = 0, expected = 0;
};

std::vector<Configured> configurations(std::span<const std::vector<std::size_t>> rows_by_point,
                                       std::span<const double> targets) {
  std::vector<Configured> result;
  for (const std::vector<std::size_t>& rows : rows_by_point) {
    Configured configured{.rows = rows};
    for (const std::size_t row : rows) configured.mean += targets[row];
    configured.mean /= static_cast<double>(rows.size());
    result.push_back(configured);
  }
  return result;
}

GaussianProcess process_of(const MetricProcessOptions& options, std::span<const double> targets,
                           std::span<const std::size_t> rows,
                           const std::optional<GpHyperparameters>& previous) {
  std::vector<UnitPoint> points;
  std::vector<double> some_targets;
  for (const std::size_t row : rows) {
    points.push_back(options.points[row]);
    some_targets.push_back(targets[row]);
  }
  return fit_process({.space = options.space,
                      .points = points,
                      .targets = some_targets,
                      .previous = previous,
                      .fit = Fit::Keep,
                      .num_measured = rows.size()});
}

/// Sets what is expected of each.
void predict(std::vector<Configured>& measured, const MetricProcessOptions& options,
             const GaussianProcess& process) {
  std::vector<UnitPoint> points;
  for (std::size_t first = 0; first < measured.size(); first += kBlock) {
    const std::size_t size = std::min(kBlock, measured.size() - first);
    points.clear();
    for (std::size_t i = 0; i < size; ++i)
      points.push_back(options.points[measured[first + i].rows.front()]);
    const Eigen::VectorXd means = process.predict_means(options.space.model_matrix(points));
    for (std::size_t i = 0; i < size; ++i)
      measured[first + i].expected = means[static_cast<Index>(i)];
  }
}

/// How far values lie from what is expected of them (squared, typically): noise, and what the
/// process can't follow.
double squared_distance(std::span<const Configured> measured, std::span<const double> targets) {
  std::vector<double> squares;
  for (const Configured& c : measured)
    for (const std::size_t row : c.rows) squares.push_back(std::pow(targets[row] - c.expected, 2));
  const auto middle = squares.begin() + static_cast<std::ptrdiff_t>(squares.size() / 2);
  std::nth_element(squares.begin(), middle, squares.end());
  return *middle / kMedianSquare;
}

/// Best first, of what is expected. noise: the variance of repetitions; outputscale: that of the
/// process.
void rank(std::vector<Configured>& measured, std::span<const double> targets, double noise,
          double outputscale) {
  const std::size_t quarter = measured.size() / 4 + 1;
  std::nth_element(
      measured.begin(), measured.begin() + static_cast<std::ptrdiff_t>(quarter - 1), measured.end(),
      [](const Configured& a, const Configured& b) { return a.expected < b.expected; });
  // Where values differ from what is expected by luck rather than by what they are, choosing by
  // them would choose the lucky.
  const bool is_luck = noise > kNegligibleNoise * outputscale &&
                       squared_distance(std::span(measured).first(quarter), targets) < 2 * noise;
  const auto place = [&](const Configured& c) {
    return std::pair(is_luck ? c.expected : c.mean, c.rows.front());
  };
  std::sort(measured.begin(), measured.end(),
            [&](const Configured& a, const Configured& b) { return place(a) < place(b); });
}

/// Of n rows the earliest, which were spread, the best and the latest.
std::vector<std::size_t> choose(const std::vector<Configured>& best_first, std::size_t n) {
  std::vector<std::size_t> kept;
  std::vector<bool> is_kept(n);
  const auto keep = [&](std::size_t row, std::size_t limit) {
    if (is_kept[row] || kept.size() >= limit) return;
    is_kept[row] = true;
    kept.push_back(row);
  };
  for (std::size_t row = 0; row < kEarliestRows; ++row) keep(row, kEarliestRows);
  for (const Configured& c : best_first)
    for (std::size_t i = 0; i < std::min(c.rows.size(), kRowsEach); ++i)
      keep(c.rows[i], kEarliestRows + kBestRows);
  for (std::size_t row = n; row > 0; --row) keep(row - 1, kMaxRows);
  std::sort(kept.begin(), kept.end());
  return kept;
}

}  // namespace

std::vector<std::size_t> rows_to_keep(const MetricProcessOptions& options) {
  const std::size_t n = options.points.size();
  std::vector<std::size_t> rows(std::min(n, kMaxRows));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i * n / rows.size();
  if (n <= kMaxRows) return rows;

  const TargetTransform transform(options.values, options.metric, options.scale);
  std::vector<double> targets;
  for (const double value : options.values) targets.push_back(transform.to_target(value));
  const std::vector<std::vector<std::size_t>> groups = rows_by_point(options.points);
  std::vector<Configured> measured = configurations(groups, targets);
  std::optional<GpHyperparameters> previous = options.previous;
  // Twice, since the rows that are kept first tell more of where the best lie.
  for (int i = 0; i < 2; ++i) {
    const GaussianProcess process = process_of(options, targets, rows, previous);
    previous = process.hyperparameters();
    predict(measured, options, process);
    rank(measured, targets, variance_of_repetitions(groups, targets, previous->noise_variance),
         previous->outputscale);
    rows = choose(measured, n);
  }
  return rows;
}

}  // namespace skipjack
