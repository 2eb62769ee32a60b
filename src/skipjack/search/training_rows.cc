#include "skipjack/search/training_rows.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "skipjack/base/error.h"
#include "skipjack/search/process_fit.h"

namespace skipjack {
namespace {

// Indexes in ascending order of their targets; the earlier first among equals.
std::vector<std::size_t> by_target(const std::vector<double>& targets) {
  std::vector<std::size_t> order(targets.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return targets[a] < targets[b]; });
  return order;
}

// Of each row the mean of all at its point: to choose rows of repeated configurations by their own
// values would keep the lucky ones.
std::vector<double> means_by_point(const std::vector<UnitPoint>& points,
                                   const std::vector<double>& targets) {
  std::vector<double> means(targets.size());
  for (const std::vector<std::size_t>& rows : rows_by_point(points)) {
    double sum = 0;
    for (const std::size_t row : rows) sum += targets[row];
    for (const std::size_t row : rows) means[row] = sum / static_cast<double>(rows.size());
  }
  return means;
}

}  // namespace

TrainingRows training_rows(const Observations& seen, const Metric& metric, std::size_t max_rows) {
  SKIPJACK_CHECK(!seen.values.empty() && max_rows >= 4);
  std::vector<double> values;
  std::vector<UnitPoint> points;
  for (const auto& value : seen.values) {
    values.push_back(value.value);
    points.push_back(value.point);
  }
  const TargetTransform transform(values, metric);
  std::vector<double> targets;
  for (const double value : values) targets.push_back(transform.to_target(value));

  const std::size_t num_failed = std::min(seen.invalid.size(), max_rows / 2);
  const std::size_t num_kept = std::min(values.size(), max_rows - num_failed);
  std::vector<std::size_t> kept = by_target(means_by_point(points, targets));
  std::sort(kept.begin() + static_cast<std::ptrdiff_t>(std::min(max_rows / 4, num_kept)),
            kept.end(), std::greater<>());
  kept.resize(num_kept);
  std::sort(kept.begin(), kept.end());

  TrainingRows rows;
  for (const std::size_t i : kept) {
    const auto& value = seen.values[i];
    rows.points.push_back(value.point);
    rows.kinds.push_back(value.bounded ? RowKind::Bounded : RowKind::Measured);
    rows.targets.push_back(targets[i]);
  }
  rows.points.insert(rows.points.end(),
                     seen.invalid.end() - static_cast<std::ptrdiff_t>(num_failed),
                     seen.invalid.end());
  rows.kinds.resize(num_kept + num_failed, RowKind::Failed);
  rows.targets.resize(num_kept + num_failed, *std::max_element(targets.begin(), targets.end()));
  return rows;
}

std::vector<UnitPoint> best_points(const TrainingRows& rows, std::size_t number) {
  std::vector<UnitPoint> points;
  std::vector<double> targets;
  for (std::size_t i = 0; i < rows.points.size(); ++i) {
    if (rows.kinds[i] != RowKind::Measured) continue;
    points.push_back(rows.points[i]);
    targets.push_back(rows.targets[i]);
  }
  std::vector<UnitPoint> result;
  for (const std::size_t i : by_target(means_by_point(points, targets))) {
    if (result.size() == number) break;
    if (std::find(result.begin(), result.end(), points[i]) == result.end())
      result.push_back(points[i]);
  }
  return result;
}

}  // namespace skipjack
