#include "skipjack/search/cost_aware.h"

#include <cmath>
#include <utility>

#include "skipjack/search/acquisition_search.h"
#include "skipjack/search/improvement.h"

namespace skipjack {
namespace {

using Eigen::VectorXd;

// With fewer costs all configurations are taken to cost the same.
constexpr std::size_t kMinCosts = 3;
// The latest.
constexpr std::size_t kMaxRows = 400;

std::optional<double> cost_of(const Trial& trial, const std::optional<std::string>& metric) {
  std::optional<double> cost;
  if (metric)
    cost = last_value(trial, *metric);
  else if (trial.ended)
    cost = to_seconds(*trial.ended - trial.started);
  return cost && *cost > 0 ? cost : std::nullopt;
}

/// Of the logarithm of the cost; null if too few are known.
std::shared_ptr<const MetricProcess> fit_cost(const CostAwareOptions& options,
                                              const AcquisitionQuestion& question) {
  std::vector<UnitPoint> points;
  std::vector<double> costs;
  for (const auto& value : question.seen.values) {
    const Trial& trial = question.history.trials()[static_cast<std::size_t>(value.trial)];
    const auto cost = cost_of(trial, options.cost_metric);
    if (!cost || value.bounded) continue;
    points.push_back(value.point), costs.push_back(*cost);
  }
  if (costs.size() < kMinCosts) return nullptr;
  const std::size_t kept = std::min(costs.size(), kMaxRows);
  std::optional<GpHyperparameters> previous;
  if (const Json* cost = question.previous.find("cost"))
    previous = hyperparameters_from_json(*cost, question.space.model_kinds().size());
  // A time, for a time is modelled by its logarithm.
  const Metric metric{.name = "cost", .role = MetricRole::Cost, .kind = MetricKind::Time};
  return std::make_shared<const MetricProcess>(
      MetricProcessOptions{.space = question.space,
                           .metric = metric,
                           .points = std::span(points).last(kept),
                           .values = std::span(costs).last(kept),
                           .previous = std::move(previous)});
}

Acquisition make_acquisition(const CostAwareOptions& options, const AcquisitionQuestion& question) {
  Acquisition acquisition = improvement_acquisition({.space = question.space,
                                                     .seen = question.seen,
                                                     .metric = options.metric,
                                                     .constraints = options.constraints,
                                                     .previous = question.previous});
  const auto cost = fit_cost(options, question);
  if (!cost) return acquisition;
  acquisition.fitted.set("cost", to_json(cost->hyperparameters()));
  const double cooling = question.context.remaining_fraction.value_or(1.0);
  acquisition.score = [improvement = std::move(acquisition.score), cost,
                       cooling](std::span<const UnitPoint> points) {
    VectorXd score = improvement(points);
    const VectorXd mean = cost->predict(points).mean;
    for (Eigen::Index i = 0; i < score.size(); ++i)
      score[i] -= cooling * std::log(cost->transform().to_value(mean[i]));
    return score;
  };
  return acquisition;
}

}  // namespace

std::unique_ptr<Searcher> make_cost_aware_search(CostAwareOptions options) {
  AcquisitionSearchOptions search{.space = options.space,
                                  .metric = options.metric,
                                  .beside = options.constraints,
                                  .seed = options.seed,
                                  .num_initial = options.num_initial,
                                  .make = {}};
  search.make = [options = std::move(options)](const AcquisitionQuestion& question) {
    return make_acquisition(options, question);
  };
  return make_acquisition_search(std::move(search));
}

}  // namespace skipjack
