#include "skipjack/search/process_fit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Bad values grow as a logarithm from here on, in units of the spread of the good half.
constexpr double kBadSide = 3.0;
constexpr double kMinLogRatio = 3.0;
// Keeps squares of the scaled values finite, whatever a program reports.
constexpr double kHuge = 1e100;
constexpr Index kMaxFitSize = 200;
constexpr Index kTwoStarts = 30;
// Cubed rows times evaluations of a warm fit; some milliseconds.
constexpr double kFitCost = 1e7;
constexpr double kPriorRepetitions = 4;

// Of sorted values, by linear interpolation.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  const double fraction = at - static_cast<double>(low);
  return sorted[low] * (1 - fraction) + sorted[high] * fraction;
}

GpData make_data(const UnitSpace& space, std::span<const UnitPoint> points,
                 std::span<const double> targets) {
  return {.kinds = space.model_kinds(),
          .x = space.model_matrix(points),
          .y = Eigen::Map<const VectorXd>(targets.data(), static_cast<Index>(targets.size()))};
}

// Fits to at most kMaxFitSize rows, evenly taken. Each observation refits, so a warm fit of many
// rows needs few steps.
GpHyperparameters fit_to(const GpData& data, const std::optional<GpHyperparameters>& warm) {
  GpFitOptions options;
  const auto size = static_cast<double>(std::min(data.x.rows(), kMaxFitSize));
  if (warm)
    options.max_evaluations = static_cast<int>(
        std::clamp(kFitCost / (size * size * size), 4.0, 1.0 * options.max_evaluations));
  if (warm) options.starts.push_back(*warm);
  if (!warm || data.x.rows() < kTwoStarts)
    options.starts.push_back(default_hyperparameters(data.kinds));
  const Index n = data.x.rows();
  if (n <= kMaxFitSize) return fit_hyperparameters(data, options);
  GpData part{
      .kinds = data.kinds, .x = MatrixXd(kMaxFitSize, data.x.cols()), .y = VectorXd(kMaxFitSize)};
  for (Index i = 0; i < kMaxFitSize; ++i) {
    part.x.row(i) = data.x.row(i * n / kMaxFitSize);
    part.y[i] = data.y[i * n / kMaxFitSize];
  }
  return fit_hyperparameters(part, options);
}

// The values' targets, then those of what failed.
std::vector<double> targets_of(const MetricProcessOptions& options,
                               const TargetTransform& transform) {
  std::vector<double> targets;
  for (const double value : options.values) targets.push_back(transform.to_target(value));
  targets.resize(targets.size() + options.failed.size(),
                 *std::max_element(targets.begin(), targets.end()));
  return targets;
}

std::vector<double> prior_at_rows_of(const MetricProcessOptions& options) {
  const VectorXd evaluated = options.prior.at(options.points),
                 failed = options.prior.at(options.failed);
  std::vector<double> result(evaluated.begin(), evaluated.end());
  result.insert(result.end(), failed.begin(), failed.end());
  return result;
}

GaussianProcess process_of(const MetricProcessOptions& options, const TargetTransform& transform,
                           std::span<const double> prior_at_rows) {
  std::vector<UnitPoint> points(options.points.begin(), options.points.end());
  points.insert(points.end(), options.failed.begin(), options.failed.end());
  std::vector<double> targets = targets_of(options, transform);
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i] -= prior_at_rows[i];
  return fit_process({.space = options.space,
                      .points = points,
                      .targets = targets,
                      .previous = options.previous,
                      .fit = options.fit,
                      .num_measured = options.points.size()});
}

}  // namespace

Json to_json(const GpHyperparameters& hyperparameters) {
  Json::Array s;
  for (const double value : hyperparameters.inverse_squared_lengthscales) s.emplace_back(value);
  Json json;
  json.set("inverse_squared_lengthscales", std::move(s));
  json.set("outputscale", hyperparameters.outputscale);
  json.set("noise_variance", hyperparameters.noise_variance);
  json.set("persistent_share", hyperparameters.persistent_share);
  return json;
}

std::optional<GpHyperparameters> hyperparameters_from_json(const Json& json,
                                                           std::size_t dimension) {
  const auto positive = [](const Json* number) -> std::optional<double> {
    if (!number || !number->is_number()) return std::nullopt;
    const double value = number->as_double();
    return std::isfinite(value) && value > 0 ? std::optional(value) : std::nullopt;
  };
  const Json* s = json.find("inverse_squared_lengthscales");
  const auto scale = positive(json.find("outputscale"));
  const auto noise = positive(json.find("noise_variance"));
  if (!s || !s->is_array() || s->as_array().size() != dimension || !scale || !noise)
    return std::nullopt;
  GpHyperparameters result = default_hyperparameters(static_cast<Eigen::Index>(dimension));
  for (std::size_t k = 0; k < dimension; ++k) {
    const auto value = positive(&s->as_array()[k]);
    if (!value) return std::nullopt;
    result.inverse_squared_lengthscales[static_cast<Eigen::Index>(k)] = *value;
  }
  result.outputscale = *scale;
  result.noise_variance = std::max(*noise, kMinNoiseVariance);
  if (const Json* share = json.find("persistent_share"); share && share->is_number())
    result.persistent_share = std::clamp(share->as_double(), 0.0, 1.0);
  return result;
}

std::vector<std::vector<std::size_t>> rows_by_point(std::span<const UnitPoint> points) {
  std::map<UnitPoint, std::vector<std::size_t>> by_point;
  for (std::size_t i = 0; i < points.size(); ++i) by_point[points[i]].push_back(i);
  std::vector<std::vector<std::size_t>> result;
  for (auto& [point, rows] : by_point) result.push_back(std::move(rows));
  return result;
}

double variance_of_repetitions(std::span<const std::vector<std::size_t>> rows_by_point,
                               std::span<const double> targets, double noise_variance) {
  double squares = kPriorRepetitions * noise_variance, weight = kPriorRepetitions;
  for (const std::vector<std::size_t>& rows : rows_by_point) {
    double mean = 0;
    for (const std::size_t row : rows) mean += targets[row];
    mean /= static_cast<double>(rows.size());
    for (const std::size_t row : rows) squares += (targets[row] - mean) * (targets[row] - mean);
    weight += static_cast<double>(rows.size()) - 1;
  }
  return squares / weight;
}

GaussianProcess fit_process(const ProcessFitOptions& options) {
  GpData data = make_data(options.space, options.points, options.targets);
  GpHyperparameters h = options.fit == Fit::Keep && options.previous
                            ? *options.previous
                            : fit_to(data, options.previous);
  if (options.num_measured > 0)
    // A thousandth stays, so that the covariance of repeated inputs keeps its rank.
    h.persistent_share = std::clamp(
        1 - variance_of_repetitions(rows_by_point(options.points.first(options.num_measured)),
                                    options.targets, h.noise_variance) /
                h.noise_variance,
        0.0, 0.999);
  return GaussianProcess(std::move(data), std::move(h));
}

TargetTransform::TargetTransform(std::span<const double> values, const Metric& metric,
                                 TargetScale scale)
    : negate_(metric.mode == Mode::Max) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const bool is_positive = *low > 0 && (metric.role != MetricRole::Constraint || metric.bound > 0);
  logarithm_ = is_positive && (metric.kind == MetricKind::Time ||
                               (scale == TargetScale::ByValues && *high / *low >= kMinLogRatio));
  std::vector<double> sorted;
  for (const double value : values) {
    const double v = logarithm_ ? std::log(value) : std::clamp(value, -kHuge, kHuge);
    sorted.push_back(negate_ ? -v : v);
  }
  std::sort(sorted.begin(), sorted.end());
  median_ = quantile(sorted, 0.5);
  spread_ = median_ - quantile(sorted, 0.25);
  if (!(spread_ > 0)) spread_ = median_ - sorted.front();
  if (!(spread_ > 0)) spread_ = sorted.back() - median_;
  if (!(spread_ > 0)) spread_ = 1;

  double sum = 0, squares = 0;
  for (const double value : values) sum += warp(value);
  mean_ = sum / static_cast<double>(values.size());
  for (const double value : values) squares += std::pow(warp(value) - mean_, 2);
  deviation_ = std::sqrt(squares / static_cast<double>(values.size()));
  if (!(deviation_ > 1e-12)) deviation_ = 1;
}

double TargetTransform::warp(double value) const {
  double v = logarithm_ ? std::log(value) : std::clamp(value, -kHuge, kHuge);
  if (negate_) v = -v;
  const double scaled = std::clamp((v - median_) / spread_, -kHuge, kHuge);
  return scaled <= kBadSide ? scaled : kBadSide + std::log1p(scaled - kBadSide);
}

double TargetTransform::to_target(double value) const { return (warp(value) - mean_) / deviation_; }

double TargetTransform::to_value(double target) const {
  const double warped = mean_ + deviation_ * target;
  const double scaled = warped <= kBadSide ? warped : kBadSide + std::expm1(warped - kBadSide);
  double v = median_ + spread_ * scaled;
  if (negate_) v = -v;
  return logarithm_ ? std::exp(v) : v;
}

MetricProcess::MetricProcess(const MetricProcessOptions& options)
    : space_(&options.space),
      transform_(options.values, options.metric, options.scale),
      prior_(options.prior),
      prior_at_rows_(prior_at_rows_of(options)),
      first_believed_(options.points.size() + options.failed.size()),
      process_(process_of(options, transform_, prior_at_rows_)) {
  const std::vector<double> targets = targets_of(options, transform_);
  worst_target_ = *std::max_element(targets.begin(), targets.end());
}

GpPrediction MetricProcess::predict(std::span<const UnitPoint> points) const {
  GpPrediction result = process_.predict(space_->model_matrix(points));
  result.mean += prior_.at(points);
  return result;
}

GpGradient MetricProcess::predict_with_gradient(const UnitPoint& point) const {
  const std::span<const UnitPoint> points(&point, 1);
  GpGradient result =
      process_.predict_with_gradient(space_->model_matrix(points).row(0).transpose());
  result.mean += prior_.at(points)[0];
  result.mean_slope.head(static_cast<Index>(point.size())) += prior_.slope(point);
  return result;
}

VectorXd MetricProcess::predict_means_at_rows() const {
  return process_.predict_means_at_data() +
         Eigen::Map<const VectorXd>(prior_at_rows_.data(),
                                    static_cast<Index>(prior_at_rows_.size()));
}

void MetricProcess::believe(const UnitPoint& pending) {
  const std::span<const UnitPoint> points(&pending, 1);
  const MatrixXd x = space_->model_matrix(points);
  process_.append(x.row(0).transpose(), process_.predict(x).mean[0]);
  prior_at_rows_.push_back(prior_.at(points)[0]);
}

void MetricProcess::believed_gave(std::size_t index, double value) {
  const std::size_t row = first_believed_ + index;
  process_.set_target(static_cast<Index>(row), transform_.to_target(value) - prior_at_rows_[row]);
}

void MetricProcess::believed_failed(std::size_t index) {
  const std::size_t row = first_believed_ + index;
  process_.set_target(static_cast<Index>(row), worst_target_ - prior_at_rows_[row]);
}

}  // namespace skipjack
