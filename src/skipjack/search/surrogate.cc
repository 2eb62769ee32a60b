#include "skipjack/search/surrogate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <type_traits>
#include <variant>

#include "skipjack/model/normal.h"

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
constexpr std::size_t kMaxRows = 400;
constexpr Index kMaxFitSize = 200;
constexpr std::size_t kRefitAlways = 60;
constexpr Index kTwoStarts = 30;
constexpr std::size_t kMinFailures = 3;

// Of sorted values, by linear interpolation.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  const double fraction = at - static_cast<double>(low);
  return sorted[low] * (1 - fraction) + sorted[high] * fraction;
}

Json hyperparameters_to_json(const GpHyperparameters& hyperparameters) {
  Json::Array s;
  for (const double value : hyperparameters.inverse_squared_lengthscales) s.emplace_back(value);
  Json json;
  json.set("inverse_squared_lengthscales", std::move(s));
  json.set("outputscale", hyperparameters.outputscale);
  json.set("noise_variance", hyperparameters.noise_variance);
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
  return result;
}

GpData make_data(const std::vector<DimensionKind>& kinds, std::span<const UnitPoint> points,
                 std::span<const double> targets) {
  return {.kinds = kinds,
          .x = to_matrix(points, kinds.size()),
          .y = Eigen::Map<const VectorXd>(targets.data(), static_cast<Index>(targets.size()))};
}

// Fits to at most kMaxFitSize rows, evenly taken.
GpHyperparameters fit_to(const GpData& data, const std::optional<GpHyperparameters>& warm) {
  GpFitOptions options;
  if (warm) options.starts.push_back(*warm);
  if (!warm || data.x.rows() < kTwoStarts)
    options.starts.push_back(default_hyperparameters(data.x.cols()));
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

bool refit_due(const std::optional<SurrogateFit>& previous, std::size_t num_observations) {
  if (!previous || num_observations < previous->num_observations) return true;
  const std::size_t grown = num_observations - previous->num_observations;
  return num_observations <= kRefitAlways ? grown > 0 : grown >= num_observations / 10;
}

// All rows, or the best quarter of kMaxRows and the latest of the rest; in order.
std::vector<std::size_t> rows_to_keep(std::span<const double> values, Mode mode) {
  std::vector<std::size_t> rows(values.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (rows.size() <= kMaxRows) return rows;
  std::stable_sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
    return mode == Mode::Min ? values[a] < values[b] : values[a] > values[b];
  });
  std::sort(rows.begin() + kMaxRows / 4, rows.end(), std::greater<>());
  rows.resize(kMaxRows);
  std::sort(rows.begin(), rows.end());
  return rows;
}

// How much of the fitted noise is no noise: the process takes a rough function for noise, but
// repetitions of one configuration differ by real noise alone. Their pooled variance is shrunk
// towards the fitted noise by the weight of one repetition.
double persistent_share(std::span<const UnitPoint> points, std::span<const double> targets,
                        double noise_variance) {
  std::map<UnitPoint, std::vector<double>> groups;
  for (std::size_t i = 0; i < points.size(); ++i) groups[points[i]].push_back(targets[i]);
  double squares = noise_variance, weight = 1;
  for (const auto& [point, values] : groups) {
    const double mean =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    weight += static_cast<double>(values.size()) - 1;
  }
  // A thousandth stays, so that the covariance of repeated inputs keeps its rank.
  return std::clamp(1 - squares / weight / noise_variance, 0.0, 0.999);
}

std::vector<double> raw_values(const Observations& seen) {
  std::vector<double> values;
  for (const auto& value : seen.values) values.push_back(value.value);
  return values;
}

}  // namespace

Observations collect_observations(const SearchSpace& space, const History& history,
                                  const Metric& metric) {
  Observations result;
  for (const Trial& trial : history.trials()) {
    UnitPoint point = space.encode(trial.configuration);
    const std::optional<Observation> observation = observe(trial, metric);
    if (!observation) {
      if (trial.status == TrialStatus::Running) result.pending.push_back(std::move(point));
      continue;
    }
    std::visit(
        [&](const auto& o) {
          using T = std::decay_t<decltype(o)>;
          if constexpr (std::is_same_v<T, Measured>)
            result.values.push_back({std::move(point), o.value, false, trial.id});
          else if constexpr (std::is_same_v<T, Bounded>)
            result.values.push_back({std::move(point), o.bound, true, trial.id});
          else if constexpr (std::is_same_v<T, Invalid>)
            result.invalid.push_back(std::move(point));
        },
        *observation);
  }
  return result;
}

TargetTransform::TargetTransform(std::span<const double> values, const Metric& metric)
    : negate_(metric.mode == Mode::Max) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  logarithm_ = *low > 0 && (metric.kind == MetricKind::Time || *high / *low >= kMinLogRatio);
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

Json to_json(const SurrogateFit& fit) {
  Json json;
  json.set("objective", hyperparameters_to_json(fit.objective));
  if (fit.feasibility) json.set("feasibility", hyperparameters_to_json(*fit.feasibility));
  json.set("num_observations", static_cast<std::int64_t>(fit.num_observations));
  return json;
}

std::optional<SurrogateFit> surrogate_fit_from_json(const Json& json, std::size_t dimension) {
  const Json* objective = json.find("objective");
  const Json* number = json.find("num_observations");
  if (!objective || !number || !number->is_int() || number->as_int() < 0) return std::nullopt;
  auto parameters = hyperparameters_from_json(*objective, dimension);
  if (!parameters) return std::nullopt;
  SurrogateFit fit{.objective = std::move(*parameters),
                   .num_observations = static_cast<std::size_t>(number->as_int())};
  if (const Json* feasibility = json.find("feasibility"))
    fit.feasibility = hyperparameters_from_json(*feasibility, dimension);
  return fit;
}

Eigen::MatrixXd to_matrix(std::span<const UnitPoint> points, std::size_t dimension) {
  Eigen::MatrixXd matrix(static_cast<Eigen::Index>(points.size()),
                         static_cast<Eigen::Index>(dimension));
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::size_t k = 0; k < dimension; ++k)
      matrix(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) = points[i][k];
  return matrix;
}

SurrogateModel::SurrogateModel(const std::vector<DimensionKind>& kinds, const Observations& seen,
                               const Metric& metric, FailureUse failure_use,
                               const std::optional<SurrogateFit>& previous)
    : transform_(raw_values(seen), metric) {
  const std::vector<double> values = raw_values(seen);
  std::vector<UnitPoint> points;
  std::vector<double> targets;
  for (const std::size_t i : rows_to_keep(values, metric.mode)) {
    points.push_back(seen.values[i].point);
    targets.push_back(transform_.to_target(values[i]));
  }
  const std::size_t num_evaluated = points.size();
  const std::size_t num_invalid =
      failure_use == FailureUse::Learn ? std::min(seen.invalid.size(), kMaxRows) : 0;
  points.insert(points.end(), seen.invalid.end() - static_cast<std::ptrdiff_t>(num_invalid),
                seen.invalid.end());
  targets.resize(points.size(), *std::max_element(targets.begin(), targets.end()));

  const std::size_t num_observations = seen.values.size() + seen.invalid.size();
  refitted_ = refit_due(previous, num_observations);
  const GpData data = make_data(kinds, points, targets);
  if (refitted_)
    fit_ = {.objective = fit_to(data, previous ? std::optional(previous->objective) : std::nullopt),
            .num_observations = num_observations};
  else
    fit_ = *previous;
  fit_.objective.persistent_share =
      persistent_share(std::span(points).first(num_evaluated),
                       std::span(targets).first(num_evaluated), fit_.objective.noise_variance);
  objective_.emplace(data, fit_.objective);

  if (num_invalid >= kMinFailures) {
    std::vector<double> labels(points.size(), 1.0);
    std::fill_n(labels.begin(), num_evaluated, -1.0);
    const GpData labelled = make_data(kinds, points, labels);
    if (refitted_ || !fit_.feasibility)
      fit_.feasibility = fit_to(labelled, previous ? previous->feasibility : std::nullopt);
    feasibility_.emplace(labelled, *fit_.feasibility);
  }

  const VectorXd means = objective_->predict_means_at_data();
  std::vector<std::size_t> order(num_evaluated);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return means[static_cast<Index>(a)] < means[static_cast<Index>(b)];
  });
  best_mean_ = means[static_cast<Index>(order.front())];
  for (const std::size_t i : order) ranked_.push_back(points[i]);
}

GpPrediction SurrogateModel::predict(std::span<const UnitPoint> points) const {
  return objective_->predict(to_matrix(points, points.empty() ? 0 : points.front().size()));
}

VectorXd SurrogateModel::log_feasibility(std::span<const UnitPoint> points) const {
  VectorXd result = VectorXd::Zero(static_cast<Index>(points.size()));
  if (!feasibility_ || points.empty()) return result;
  const GpPrediction q = feasibility_->predict(to_matrix(points, points.front().size()));
  const double noise = feasibility_->hyperparameters().noise_variance;
  for (Index i = 0; i < result.size(); ++i)
    result[i] = log_normal_cdf(-q.mean[i] / std::sqrt(q.variance[i] + noise));
  return result;
}

std::vector<UnitPoint> SurrogateModel::best_points(std::size_t number) const {
  std::vector<UnitPoint> result;
  for (const UnitPoint& point : ranked_) {
    if (result.size() == number) break;
    if (std::find(result.begin(), result.end(), point) == result.end()) result.push_back(point);
  }
  return result;
}

void SurrogateModel::believe(const UnitPoint& pending) {
  const MatrixXd x = to_matrix(std::span(&pending, 1), pending.size());
  objective_->append(x.row(0).transpose(), objective_->predict(x).mean[0]);
}

}  // namespace skipjack
