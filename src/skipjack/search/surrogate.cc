#include "skipjack/search/surrogate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "skipjack/model/acquisition.h"
#include "skipjack/search/kept_rows.h"
#include "skipjack/search/surpassed.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// As many failures at most are learnt from.
constexpr std::size_t kMaxFailures = 400;

template <class IsKnown>
std::vector<bool> surpassed(std::span<const TrialRecord> records, const IsKnown& is_known) {
  using Kind = TrialRecord::Kind;
  std::vector<GivenAtPoint> given;
  for (const TrialRecord& record : records) {
    const bool knows = is_known(record);
    given.push_back({knows && record.kind == Kind::Value   ? Gave::Value
                     : knows && record.kind == Kind::Bound ? Gave::Bound
                                                           : Gave::Nothing,
                     record.before});
  }
  return surpassed_bounds(given);
}

template <class IsKnown>
Observations gather(std::span<const TrialRecord> records, const IsKnown& is_known) {
  using Kind = TrialRecord::Kind;
  const std::vector<bool> is_surpassed = surpassed(records, is_known);
  Observations result;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const TrialRecord& record = records[i];
    const auto id = static_cast<TrialId>(i);
    if (record.kind == Kind::Pending || !is_known(record)) {
      result.pending.push_back(record.point);
      result.pending_trials.push_back(id);
    } else if (is_surpassed[i]) {
      ++result.num_surpassed;
    } else if (record.kind == Kind::Value || record.kind == Kind::Bound) {
      result.values.push_back(
          {record.point, record.value, record.kind == Kind::Bound, id, record.beside});
    } else if (record.kind == Kind::Invalid) {
      result.invalid.push_back(record.point);
    }
  }
  return result;
}

std::vector<double> raw_values(const Observations& seen) {
  std::vector<double> values;
  for (const auto& value : seen.values) values.push_back(value.value);
  return values;
}

std::vector<UnitPoint> points_of(const Observations& seen) {
  std::vector<UnitPoint> points;
  for (const auto& value : seen.values) points.push_back(value.point);
  return points;
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
                                  const Metric& metric, std::vector<Metric> beside) {
  TrialLog log(space, metric, std::move(beside));
  log.update(history);
  return all_observations(log.records());
}

Json to_json(const SurrogateFit& fit) {
  Json json;
  json.set("objective", to_json(fit.objective));
  if (fit.feasibility.works) json.set("feasibility", to_json(*fit.feasibility.works));
  Json::Array constraints;
  for (const GpHyperparameters& h : fit.feasibility.constraints) constraints.push_back(to_json(h));
  if (!constraints.empty()) json.set("constraints", std::move(constraints));
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
  if (const Json* works = json.find("feasibility"))
    fit.feasibility.works = hyperparameters_from_json(*works, dimension);
  if (const Json* constraints = json.find("constraints"); constraints && constraints->is_array())
    for (const Json& constraint : constraints->as_array()) {
      auto h = hyperparameters_from_json(constraint, dimension);
      if (!h) break;
      fit.feasibility.constraints.push_back(std::move(*h));
    }
  return fit;
}

MatrixXd to_matrix(std::span<const UnitPoint> points, std::size_t dimension) {
  MatrixXd matrix(static_cast<Index>(points.size()), static_cast<Index>(dimension));
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::size_t k = 0; k < dimension; ++k)
      matrix(static_cast<Index>(i), static_cast<Index>(k)) = points[i][k];
  return matrix;
}

SurrogateModel::SurrogateModel(const SurrogateOptions& options) : space_(&options.space) {
  const Observations& seen = options.seen;
  const std::vector<double> all_values = raw_values(seen);
  const std::vector<UnitPoint> all_points = points_of(seen);
  const auto& previous = options.previous;
  std::vector<double> values;
  std::vector<std::vector<double>> constraint_values(options.constraints.size());
  for (const std::size_t i :
       rows_to_keep({.space = options.space,
       .metric = options.metric,
       .points = all_points,
       .values = all_values,
       .previous = previous ? std::optional(previous->objective) : std::nullopt})) {
    points_.push_back(all_points[i]);
    measured_.push_back(!seen.values[i].bounded);
    values.push_back(all_values[i]);
    for (std::size_t k = 0; k < constraint_values.size(); ++k)
      constraint_values[k].push_back(seen.values[i].beside.at(k));
  }
  num_evaluated_ = points_.size();
  const std::size_t num_failed =
      options.failure_use == FailureUse::Learn ? std::min(seen.invalid.size(), kMaxFailures) : 0;
  const std::vector<UnitPoint> evaluated = points_;
  const std::span<const UnitPoint> failed = std::span(seen.invalid).last(num_failed);
  points_.insert(points_.end(), failed.begin(), failed.end());
  measured_.resize(points_.size(), 0);
  first_believed_ = points_.size();

  fit_.num_observations = seen.values.size() + seen.num_surpassed + seen.invalid.size();
  refitted_ = !previous || fit_.num_observations != previous->num_observations;
  const Fit fit = refitted_ ? Fit::Anew : Fit::Keep;
  objective_.emplace(
      MetricProcessOptions{.space = options.space,
                           .metric = options.metric,
                           .points = evaluated,
                           .values = values,
                           .failed = failed,
                           .previous = previous ? std::optional(previous->objective) : std::nullopt,
                           .fit = fit,
                           .prior = options.prior});
  feasibility_.emplace(
      FeasibilityOptions{.space = options.space,
                         .evaluated = evaluated,
                         .failed = failed,
                         .constraints = options.constraints,
                         .constraint_values = std::move(constraint_values),
                         .previous = previous ? previous->feasibility : FeasibilityFit{},
                         .fit = fit});
  fit_.objective = objective_->hyperparameters();
  fit_.feasibility = feasibility_->fit();
}

double SurrogateModel::cost_of_prediction() const {
  const auto n = static_cast<double>(num_rows()), d = static_cast<double>(space_->dimension());
  const PriorMean& prior = objective_->prior();
  return n * n + (prior.empty() ? 0 : d * static_cast<double>(prior.sources->num_rows()));
}

GpPrediction SurrogateModel::predict(std::span<const UnitPoint> points) const {
  return objective_->predict(points);
}

GpJointPrediction SurrogateModel::predict_jointly(std::span<const UnitPoint> points) const {
  GpJointPrediction result = objective().predict_jointly(space_->model_matrix(points));
  result.mean += objective_->prior().at(points);
  return result;
}

VectorXd SurrogateModel::log_feasibility(std::span<const UnitPoint> points) const {
  return feasibility_->log_probability(points);
}

TrackedCandidates SurrogateModel::track(std::vector<UnitPoint> points) const {
  TrackedCandidates result;
  const MatrixXd x = space_->model_matrix(points);
  result.objective = objective().track(x);
  result.feasibility = feasibility_->track(x);
  result.prior = objective_->prior().at(points);
  result.points = std::move(points);
  return result;
}

GpPrediction SurrogateModel::predict(TrackedCandidates& candidates) const {
  GpPrediction result = objective().predict(candidates.objective);
  result.mean += candidates.prior;
  return result;
}

VectorXd SurrogateModel::log_feasibility(TrackedCandidates& candidates) const {
  return feasibility_->log_probability(candidates.feasibility,
                                       static_cast<Index>(candidates.points.size()));
}

double SurrogateModel::acquisition_with_gradient(const UnitPoint& point,
                                                 std::optional<double> best_mean,
                                                 VectorXd& gradient) const {
  const VectorXd x = space_->model_matrix(std::span(&point, 1)).row(0).transpose();
  const auto d = static_cast<Index>(point.size());
  gradient = VectorXd::Zero(d);
  double value = 0;
  if (best_mean) {
    const GpGradient f = objective_->predict_with_gradient(point);
    const double deviation = std::sqrt(f.variance);
    const LogImprovementGradient improvement =
        log_expected_improvement_gradient(f.mean, deviation, *best_mean);
    gradient = improvement.by_mean * f.mean_slope.head(d) +
               improvement.by_stddev / (2 * deviation) * f.variance_slope.head(d);
    value = improvement.value;
  }
  return value + feasibility_->add_gradient(x, gradient);
}

std::size_t SurrogateModel::number_of(std::size_t row) const {
  return row < num_evaluated_ ? row : num_evaluated_ + row - first_believed_;
}

std::vector<std::size_t> SurrogateModel::eligible_rows() const {
  std::vector<std::uint8_t> likely;
  if (feasibility_->has_constraints()) likely = feasibility_->likely_satisfied();
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < measured_.size(); ++i)
    if (measured_[i] && (likely.empty() || likely[number_of(i)])) rows.push_back(i);
  return rows;
}

std::optional<double> SurrogateModel::best_mean() const {
  const VectorXd means = objective_->predict_means_at_rows();
  double best = std::numeric_limits<double>::infinity();
  for (const std::size_t i : eligible_rows()) best = std::min(best, means[static_cast<Index>(i)]);
  if (feasibility_->has_constraints() && std::isinf(best)) return std::nullopt;
  return best;
}

std::vector<UnitPoint> SurrogateModel::best_points(std::size_t number) const {
  std::vector<std::size_t> order = eligible_rows();
  VectorXd badness = objective_->predict_means_at_rows();
  if (order.empty() && feasibility_->has_constraints()) {
    const VectorXd log_p = feasibility_->log_probability_satisfied_at_data();
    for (std::size_t i = 0; i < measured_.size(); ++i) {
      if (!measured_[i]) continue;
      order.push_back(i);
      badness[static_cast<Index>(i)] = -log_p[static_cast<Index>(number_of(i))];
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return badness[static_cast<Index>(a)] < badness[static_cast<Index>(b)];
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
  objective_->believe(pending);
  feasibility_->believe(pending);
  points_.push_back(pending);
  measured_.push_back(0);
}

void SurrogateModel::believed_gave(std::size_t index, double value, bool is_bound,
                                   std::span<const double> constraints) {
  objective_->believed_gave(index, value);
  feasibility_->believed_gave(index, constraints);
  measured_[first_believed_ + index] = !is_bound;
}

void SurrogateModel::believed_failed(std::size_t index) {
  objective_->believed_failed(index);
  feasibility_->believed_failed(index);
}

}  // namespace skipjack
