#include "skipjack/results/comparison.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <iterator>
#include <limits>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"

namespace skipjack {
namespace {

/// A best value, and where it is reached.
struct Step {
  double at;
  double best;
};

std::vector<Step> steps_of(const Curve& curve, ComparedOver over) {
  std::vector<Step> steps;
  double number = 0;
  for (const TrialPoint& point : over == ComparedOver::Time ? curve.over_time : curve.over_trials) {
    ++number;
    if (point.best)
      steps.push_back({over == ComparedOver::Time ? to_seconds(point.time) : number, *point.best});
  }
  return steps;
}

double best_at(const std::vector<Step>& steps, double at) {
  const auto after =
      std::upper_bound(steps.begin(), steps.end(), at,
                       [](double value, const Step& step) { return value < step.at; });
  return std::prev(after)->best;
}

ComparisonPoint point_of(double at, const std::vector<double>& values, double confidence) {
  const auto n = static_cast<double>(values.size());
  ComparisonPoint point{.at = at};
  for (const double value : values) point.mean += value / n;
  if (values.size() < 2) return point;
  double squares = 0;
  for (const double value : values) squares += (value - point.mean) * (value - point.mean);
  const double quantile =
      boost::math::quantile(boost::math::students_t(n - 1), (1 + confidence) / 2);
  const double half = quantile * std::sqrt(squares / (n - 1) / n);
  point.lower = point.mean - half;
  point.upper = point.mean + half;
  return point;
}

}  // namespace

std::vector<ComparisonPoint> compare(const ComparisonOptions& options) {
  if (options.curves.empty() || options.num_points < 2 || options.num_points > 100000)
    throw Error(ErrorCode::InvalidArgument,
                "a comparison of " + std::to_string(options.curves.size()) + " experiments at " +
                    std::to_string(options.num_points) + " points",
                "needs at least one experiment and 2 to 100000 points");
  if (!(options.confidence > 0 && options.confidence < 1))
    throw Error(ErrorCode::InvalidArgument,
                "confidence = " + shortest_decimal(options.confidence) + " must be in (0, 1)");
  std::vector<std::vector<Step>> experiments;
  double begin = 0, end = std::numeric_limits<double>::infinity();
  for (const Curve& curve : options.curves) {
    experiments.push_back(steps_of(curve, options.over));
    if (experiments.back().empty()) return {};
    begin = std::max(begin, experiments.back().front().at);
    end = std::min(end, options.over == ComparedOver::Time
                            ? to_seconds(curve.end)
                            : static_cast<double>(curve.over_trials.size()));
  }
  std::vector<ComparisonPoint> points;
  for (std::size_t i = 0; i < options.num_points && begin <= end; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(options.num_points - 1);
    double at = begin + part * (end - begin);
    if (options.over == ComparedOver::Trials) at = std::round(at);
    if (!points.empty() && at <= points.back().at) continue;
    std::vector<double> values;
    for (const std::vector<Step>& steps : experiments) values.push_back(best_at(steps, at));
    points.push_back(point_of(at, values, options.confidence));
  }
  return points;
}

}  // namespace skipjack
