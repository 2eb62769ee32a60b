#include "skipjack/search/mo_bayesopt.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/hypervolume.h"
#include "skipjack/model/pareto.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t kMaxObjectives = 4;
// Rows that the processes keep: the latest, for no single objective says which are good.
constexpr std::size_t kMaxRows = 400;
// The candidates gather around that many points of the front.
constexpr std::size_t kGood = 8;
constexpr double kMinVariance = 1e-14;

/// The processes of all objectives and of what is allowed, with the pending trials believed.
struct Model {
  std::vector<MetricProcess> objectives;
  Feasibility feasibility;
  /// Evaluated, then pending.
  std::vector<UnitPoint> points;
};

struct Previous {
  std::vector<GpHyperparameters> objectives;
  FeasibilityFit feasibility;
};

std::vector<GpHyperparameters> list_from_json(const Json* json, std::size_t dimension) {
  std::vector<GpHyperparameters> result;
  if (!json || !json->is_array()) return result;
  for (const Json& item : json->as_array()) {
    auto h = hyperparameters_from_json(item, dimension);
    if (!h) break;
    result.push_back(std::move(*h));
  }
  return result;
}

Previous previous_from_json(const Json& json, std::size_t dimension) {
  Previous previous{.objectives = list_from_json(json.find("objectives"), dimension),
                    .feasibility = {}};
  previous.feasibility.constraints = list_from_json(json.find("constraints"), dimension);
  if (const Json* works = json.find("feasibility"))
    previous.feasibility.works = hyperparameters_from_json(*works, dimension);
  return previous;
}

Json fitted_json(const Model& model) {
  Json::Array objectives, constraints;
  for (const MetricProcess& p : model.objectives)
    objectives.push_back(to_json(p.hyperparameters()));
  const FeasibilityFit fit = model.feasibility.fit();
  for (const GpHyperparameters& h : fit.constraints) constraints.push_back(to_json(h));
  Json json;
  json.set("objectives", std::move(objectives));
  if (!constraints.empty()) json.set("constraints", std::move(constraints));
  if (fit.works) json.set("feasibility", to_json(*fit.works));
  return json;
}

void keep_latest(std::vector<UnitPoint>& points, std::vector<std::vector<double>>& values) {
  if (points.size() <= kMaxRows) return;
  const auto surplus = static_cast<std::ptrdiff_t>(points.size() - kMaxRows);
  points.erase(points.begin(), points.begin() + surplus);
  for (auto& column : values) column.erase(column.begin(), column.begin() + surplus);
}

Model fit_model(const MultiObjectiveOptions& options, const AcquisitionQuestion& question) {
  const Observations& seen = question.seen;
  const Previous previous =
      previous_from_json(question.previous, question.space.model_kinds().size());
  const std::size_t num_objectives = options.objectives.size();
  std::vector<UnitPoint> points;
  // By metric: the objectives, then the constraints.
  std::vector<std::vector<double>> values(num_objectives + options.constraints.size());
  for (const auto& value : seen.values) {
    if (value.bounded) continue;
    points.push_back(value.point);
    values[0].push_back(value.value);
    for (std::size_t k = 1; k < values.size(); ++k) values[k].push_back(value.beside.at(k - 1));
  }
  keep_latest(points, values);
  const auto failed = std::span(seen.invalid).last(std::min(seen.invalid.size(), kMaxRows));
  std::vector<MetricProcess> objectives;
  for (std::size_t k = 0; k < num_objectives; ++k)
    objectives.emplace_back(MetricProcessOptions{
        .space = question.space,
        .metric = options.objectives[k],
        .points = points,
        .values = values[k],
        .failed = failed,
        .previous =
            k < previous.objectives.size() ? std::optional(previous.objectives[k]) : std::nullopt,
        .scale = TargetScale::ByKind});
  Feasibility feasibility(
      {.space = question.space,
       .evaluated = points,
       .failed = failed,
       .constraints = options.constraints,
       .constraint_values = {values.begin() + static_cast<std::ptrdiff_t>(num_objectives),
                             values.end()},
       .previous = previous.feasibility});
  for (const UnitPoint& pending : seen.pending) {
    for (MetricProcess& process : objectives) process.believe(pending);
    feasibility.believe(pending);
    points.push_back(pending);
  }
  return {std::move(objectives), std::move(feasibility), std::move(points)};
}

/// Posterior means of what was measured or runs and is likely to be allowed, and which points.
std::pair<MatrixXd, std::vector<std::size_t>> allowed_means(const Model& model) {
  std::vector<std::size_t> allowed;
  const auto likely = model.feasibility.likely_satisfied();
  for (std::size_t i = 0; i < model.points.size(); ++i)
    if (!model.feasibility.has_constraints() || likely[i]) allowed.push_back(i);
  MatrixXd means(static_cast<Index>(allowed.size()), static_cast<Index>(model.objectives.size()));
  for (std::size_t k = 0; k < model.objectives.size(); ++k) {
    const VectorXd mean = model.objectives[k].predict(model.points).mean;
    for (std::size_t i = 0; i < allowed.size(); ++i)
      means(static_cast<Index>(i), static_cast<Index>(k)) = mean[static_cast<Index>(allowed[i])];
  }
  return {std::move(means), std::move(allowed)};
}

VectorXd log_improvement_at(const Model& model, const HypervolumeImprovement& improvement,
                            std::span<const UnitPoint> points) {
  const auto n = static_cast<Index>(points.size());
  const auto m = static_cast<Index>(model.objectives.size());
  MatrixXd mean(m, n), deviation(m, n);
  for (Index k = 0; k < m; ++k) {
    const GpPrediction p = model.objectives[static_cast<std::size_t>(k)].predict(points);
    mean.row(k) = p.mean.transpose();
    deviation.row(k) = p.variance.cwiseMax(kMinVariance).cwiseSqrt().transpose();
  }
  VectorXd result(n);
  for (Index i = 0; i < n; ++i) result[i] = improvement.log_expected(mean.col(i), deviation.col(i));
  return result;
}

Acquisition make_acquisition(const MultiObjectiveOptions& options,
                             const AcquisitionQuestion& question) {
  const auto model = std::make_shared<const Model>(fit_model(options, question));
  const auto [means, allowed] = allowed_means(*model);
  Acquisition acquisition{.score = {}, .good = {}, .fitted = fitted_json(*model)};
  if (allowed.empty()) {
    // Nothing to improve on: what is likeliest to be allowed.
    acquisition.good = {model->points.back()};
    acquisition.score = [model](std::span<const UnitPoint> points) {
      return model->feasibility.log_probability(points);
    };
    return acquisition;
  }
  const std::vector<std::size_t> front = non_dominated(means);
  const std::size_t number = std::min(front.size(), kGood);
  for (std::size_t i = 0; i < number; ++i)
    acquisition.good.push_back(model->points[allowed[front[i * front.size() / number]]]);
  const MatrixXd outcomes = pareto_front(means);
  const auto improvement =
      std::make_shared<const HypervolumeImprovement>(outcomes, reference_point(means));
  acquisition.score = [model, improvement](std::span<const UnitPoint> points) {
    return VectorXd(log_improvement_at(*model, *improvement, points) +
                    model->feasibility.log_probability(points));
  };
  return acquisition;
}

}  // namespace

std::unique_ptr<Searcher> make_mo_bayesopt_search(MultiObjectiveOptions options) {
  if (options.objectives.size() > kMaxObjectives)
    throw Error(ErrorCode::InvalidArgument,
                "objectives: " + std::to_string(options.objectives.size()) +
                    " of them must be <= " + std::to_string(kMaxObjectives),
                "use random_scalarization for more");
  return make_multi_objective_search(options, [options](const AcquisitionQuestion& question) {
    return make_acquisition(options, question);
  });
}

}  // namespace skipjack
