#include "skipjack/search/surrogate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>

#include "skipjack/model/acquisition.h"
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
constexpr Index kTwoStarts = 30;
// Cubed rows times evaluations of a warm fit; some milliseconds.
constexpr double kFitCost = 1e7;
constexpr std::size_t kMinFailures = 3;
constexpr double kPriorRepetitions = 4;
constexpr double kWorked = -1, kFailed = 1;

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
// towards the fitted noise by the weight of some repetitions: believing too early that there is
// none makes one lucky value the best there is.
double persistent_share(std::span<const UnitPoint> points, std::span<const double> targets,
                        double noise_variance) {
  std::map<UnitPoint, std::vector<double>> groups;
  for (std::size_t i = 0; i < points.size(); ++i) groups[points[i]].push_back(targets[i]);
  double squares = kPriorRepetitions * noise_variance, weight = kPriorRepetitions;
  for (const auto& [point, values] : groups) {
    const double mean =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    weight += static_cast<double>(values.size()) - 1;
  }
  // A thousandth stays, so that the covariance of repeated inputs keeps its rank.
  return std::clamp(1 - squares / weight / noise_variance, 0.0, 0.999);
}

template <class IsKnown>
Observations gather(std::span<const TrialRecord> records, const IsKnown& is_known) {
  using Kind = TrialRecord::Kind;
  Observations result;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const TrialRecord& record = records[i];
    const auto id = static_cast<TrialId>(i);
    if (record.kind == Kind::Pending || !is_known(record)) {
      result.pending.push_back(record.point);
      result.pending_trials.push_back(id);
    } else if (record.kind == Kind::Value || record.kind == Kind::Bound) {
      result.values.push_back({record.point, record.value, record.kind == Kind::Bound, id});
    } else if (record.kind == Kind::Invalid) {
      result.invalid.push_back(record.point);
    }
  }
  return result;
}

VectorXd log_probability_of_working(const GpPrediction& label, const GpHyperparameters& h) {
  VectorXd result(label.mean.size());
  for (Index i = 0; i < result.size(); ++i)
    result[i] = log_normal_cdf(-label.mean[i] / std::sqrt(label.variance[i] + h.noise_variance));
  return result;
}

std::vector<double> raw_values(const Observations& seen) {
  std::vector<double> values;
  for (const auto& value : seen.values) values.push_back(value.value);
  return values;
}

}  // namespace

Observations observations_as_of(std::span<const TrialRecord> records, TrialId last) {
  const Duration then = records[static_cast<std::size_t>(last)].started;
  return gather(records.first(static_cast<std::size_t>(last) + 1), [&](const TrialRecord& record) {
    return record.ended && *record.ended <= then &&
           &record != &records[static_cast<std::size_t>(last)];
  });
}

Observations all_observations(std::span<const TrialRecord> records) {
  return gather(records, [](const TrialRecord&) { return true; });
}

Observations collect_observations(const SearchSpace& space, const History& history,
                                  const Metric& metric) {
  TrialLog log(space, metric);
  log.update(history);
  return all_observations(log.records());
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

MatrixXd to_matrix(std::span<const UnitPoint> points, std::size_t dimension) {
  MatrixXd matrix(static_cast<Index>(points.size()), static_cast<Index>(dimension));
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::size_t k = 0; k < dimension; ++k)
      matrix(static_cast<Index>(i), static_cast<Index>(k)) = points[i][k];
  return matrix;
}

SurrogateModel::SurrogateModel(const UnitSpace& space, const Observations& seen,
                               const Metric& metric, FailureUse failure_use,
                               const std::optional<SurrogateFit>& previous, PriorMean prior)
    : space_(&space), transform_(raw_values(seen), metric), prior_(std::move(prior)) {
  const std::vector<double> values = raw_values(seen);
  std::vector<double> targets;
  for (const std::size_t i : rows_to_keep(values, metric.mode)) {
    points_.push_back(seen.values[i].point);
    measured_.push_back(!seen.values[i].bounded);
    targets.push_back(transform_.to_target(values[i]));
  }
  const std::size_t num_evaluated = points_.size();
  const std::size_t num_invalid =
      failure_use == FailureUse::Learn ? std::min(seen.invalid.size(), kMaxRows) : 0;
  const std::span<const UnitPoint> invalid = std::span(seen.invalid).last(num_invalid);
  points_.insert(points_.end(), invalid.begin(), invalid.end());
  measured_.resize(points_.size(), 0);
  worst_target_ = *std::max_element(targets.begin(), targets.end());
  targets.resize(points_.size(), worst_target_);
  first_believed_ = points_.size();
  const VectorXd priors = prior_.at(points_);
  prior_at_rows_.assign(priors.begin(), priors.end());
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i] -= prior_at_rows_[i];

  const std::size_t num_observations = seen.values.size() + seen.invalid.size();
  refitted_ = !previous || num_observations != previous->num_observations;
  const GpData data = make_data(space, points_, targets);
  if (refitted_)
    fit_ = {.objective = fit_to(data, previous ? std::optional(previous->objective) : std::nullopt),
            .num_observations = num_observations};
  else
    fit_ = *previous;
  fit_.objective.persistent_share =
      persistent_share(std::span(points_).first(num_evaluated),
                       std::span(targets).first(num_evaluated), fit_.objective.noise_variance);
  objective_.emplace(data, fit_.objective);

  if (num_invalid < kMinFailures) return;
  std::vector<double> labels(points_.size(), kFailed);
  std::fill_n(labels.begin(), num_evaluated, kWorked);
  const GpData labelled = make_data(space, points_, labels);
  if (refitted_ || !fit_.feasibility)
    fit_.feasibility = fit_to(labelled, previous ? previous->feasibility : std::nullopt);
  feasibility_.emplace(labelled, *fit_.feasibility);
}

double SurrogateModel::cost_of_prediction() const {
  const auto n = static_cast<double>(num_rows()), d = static_cast<double>(space_->dimension());
  return n * n + (prior_.empty() ? 0 : d * static_cast<double>(prior_.sources->num_rows()));
}

GpPrediction SurrogateModel::predict(std::span<const UnitPoint> points) const {
  GpPrediction result = objective_->predict(space_->model_matrix(points));
  result.mean += prior_.at(points);
  return result;
}

VectorXd SurrogateModel::log_feasibility(std::span<const UnitPoint> points) const {
  if (!feasibility_ || points.empty()) return VectorXd::Zero(static_cast<Index>(points.size()));
  return log_probability_of_working(feasibility_->predict(space_->model_matrix(points)),
                                    *fit_.feasibility);
}

TrackedCandidates SurrogateModel::track(std::vector<UnitPoint> points) const {
  TrackedCandidates result;
  const MatrixXd x = space_->model_matrix(points);
  result.objective = objective_->track(x);
  if (feasibility_) result.feasibility = feasibility_->track(x);
  result.prior = prior_.at(points);
  result.points = std::move(points);
  return result;
}

GpPrediction SurrogateModel::predict(TrackedCandidates& candidates) const {
  GpPrediction result = objective_->predict(candidates.objective);
  result.mean += candidates.prior;
  return result;
}

VectorXd SurrogateModel::log_feasibility(TrackedCandidates& candidates) const {
  if (!candidates.feasibility) return VectorXd::Zero(static_cast<Index>(candidates.points.size()));
  return log_probability_of_working(feasibility_->predict(*candidates.feasibility),
                                    *fit_.feasibility);
}

double SurrogateModel::acquisition_with_gradient(const UnitPoint& point, double best_mean,
                                                 VectorXd& gradient) const {
  const VectorXd x = space_->model_matrix(std::span(&point, 1)).row(0).transpose();
  const auto d = static_cast<Index>(point.size());
  GpGradient f = objective_->predict_with_gradient(x);
  f.mean += prior_.at(std::span(&point, 1))[0];
  f.mean_slope.head(d) += prior_.slope(point);
  const double deviation = std::sqrt(f.variance);
  const LogImprovementGradient improvement =
      log_expected_improvement_gradient(f.mean, deviation, best_mean);
  gradient = improvement.by_mean * f.mean_slope.head(d) +
             improvement.by_stddev / (2 * deviation) * f.variance_slope.head(d);
  if (!feasibility_) return improvement.value;
  const GpGradient q = feasibility_->predict_with_gradient(x);
  const double spread = std::sqrt(q.variance + fit_.feasibility->noise_variance);
  const double u = -q.mean / spread, log_works = log_normal_cdf(u);
  // d log Phi / du = phi / Phi.
  const double by_u = normal_pdf(u) > 0 ? std::exp(std::log(normal_pdf(u)) - log_works) : 0.0;
  gradient += by_u * (-q.mean_slope.head(d) / spread +
                      q.mean / (2 * spread * spread * spread) * q.variance_slope.head(d));
  return improvement.value + log_works;
}

VectorXd SurrogateModel::means_at_data() const {
  VectorXd means = objective_->predict_means_at_data();
  for (std::size_t i = 0; i < prior_at_rows_.size(); ++i)
    means[static_cast<Index>(i)] += prior_at_rows_[i];
  return means;
}

double SurrogateModel::best_mean() const {
  const VectorXd means = means_at_data();
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < measured_.size(); ++i)
    if (measured_[i]) best = std::min(best, means[static_cast<Index>(i)]);
  return best;
}

std::vector<UnitPoint> SurrogateModel::best_points(std::size_t number) const {
  const VectorXd means = means_at_data();
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < measured_.size(); ++i)
    if (measured_[i]) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return means[static_cast<Index>(a)] < means[static_cast<Index>(b)];
  });
  std::vector<UnitPoint> result;
  for (const std::size_t i : order) {
    if (result.size() == number) break;
    if (std::find(result.begin(), result.end(), points_[i]) == result.end())
      result.push_back(points_[i]);
  }
  return result;
}

void SurrogateModel::believe(const UnitPoint& pending) {
  const MatrixXd x = space_->model_matrix(std::span(&pending, 1));
  objective_->append(x.row(0).transpose(), objective_->predict(x).mean[0]);
  if (feasibility_) feasibility_->append(x.row(0).transpose(), feasibility_->predict(x).mean[0]);
  points_.push_back(pending);
  prior_at_rows_.push_back(prior_.at(std::span(&pending, 1))[0]);
  measured_.push_back(0);
}

void SurrogateModel::believed_gave(std::size_t index, double value, bool is_bound) {
  const std::size_t row = first_believed_ + index;
  objective_->set_target(static_cast<Index>(row),
                         transform_.to_target(value) - prior_at_rows_[row]);
  if (feasibility_) feasibility_->set_target(static_cast<Index>(row), kWorked);
  measured_[row] = !is_bound;
}

void SurrogateModel::believed_failed(std::size_t index) {
  const std::size_t row = first_believed_ + index;
  objective_->set_target(static_cast<Index>(row), worst_target_ - prior_at_rows_[row]);
  if (feasibility_) feasibility_->set_target(static_cast<Index>(row), kFailed);
}

}  // namespace skipjack
