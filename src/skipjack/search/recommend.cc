#include "skipjack/search/recommend.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <unordered_map>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/search/surrogate.h"
#include "skipjack/trial/levels.h"

namespace skipjack {
namespace {

constexpr std::size_t kMinObservations = 5;
constexpr double kNormal95 = 1.959963984540054;
// The standard error of a probability is at most 0.008.
constexpr int kDraws = 4000;
constexpr std::size_t kContenders = 40;
constexpr std::size_t kMostAlternatives = 20;

struct Candidate {
  UnitPoint point;
  TrialId trial = 0;
  int num_measurements = 0;
  int num_failures = 0;
  double sum = 0;
  /// Of each constraint's values.
  std::vector<double> beside_sums = {};
  double mean() const { return sum / num_measurements; }
};

/// The highest level of the resource that the trial reported; 0: none.
std::int64_t level_reached(const Trial& trial, std::string_view resource_attr) {
  std::int64_t reached = 0;
  for (const Report& report : trial.reports)
    reached = std::max(reached, resource_of(report.metrics, resource_attr).value_or(0));
  return reached;
}

Observations at_highest_level(Observations seen, const History& history,
                              std::string_view resource_attr) {
  if (resource_attr.empty()) return seen;
  const auto level_of = [&](const Observations::Value& value) {
    return level_reached(history.trials()[static_cast<std::size_t>(value.trial)], resource_attr);
  };
  std::int64_t highest = 0;
  for (const auto& value : seen.values) highest = std::max(highest, level_of(value));
  std::erase_if(seen.values, [&](const auto& value) { return level_of(value) < highest; });
  return seen;
}

// Distinct configurations in order of their first measurement.
std::vector<Candidate> group(const SearchSpace& space, const History& history,
                             const Observations& seen) {
  std::unordered_map<std::string, int> failures;
  for (const UnitPoint& point : seen.invalid) ++failures[space.key(space.decode(point))];
  std::vector<Candidate> result;
  std::unordered_map<std::string, std::size_t> index;
  for (const auto& value : seen.values) {
    if (value.bounded) continue;
    const std::string key =
        space.key(history.trials()[static_cast<std::size_t>(value.trial)].configuration);
    const auto [at, is_new] = index.try_emplace(key, result.size());
    if (is_new)
      result.push_back({.point = value.point, .trial = value.trial, .num_failures = failures[key]});
    Candidate& candidate = result[at->second];
    ++candidate.num_measurements;
    candidate.sum += value.value;
    candidate.beside_sums.resize(value.beside.size(), 0.0);
    for (std::size_t k = 0; k < value.beside.size(); ++k)
      candidate.beside_sums[k] += value.beside[k];
  }
  return result;
}

// Probability of each of being the smallest, for means (m) and joint covariance (m, m).
std::vector<double> probabilities_of_being_best(const Eigen::VectorXd& mean,
                                                const Eigen::MatrixXd& covariance) {
  const Eigen::Index m = mean.size();
  Eigen::MatrixXd jittered = covariance;
  jittered.diagonal().array() += 1e-9 * covariance.diagonal().maxCoeff() + 1e-14;
  const Eigen::LDLT<Eigen::MatrixXd> ldlt(jittered);
  const Eigen::VectorXd scale = ldlt.vectorD().cwiseMax(0).cwiseSqrt();
  std::vector<double> share(static_cast<std::size_t>(m), 0.0);
  Rng rng(0, "probability of being best");
  Eigen::VectorXd draw(m);
  for (int i = 0; i < kDraws; ++i) {
    for (double& z : draw) z = rng.normal();
    draw = (ldlt.matrixL() * scale.cwiseProduct(draw)).eval();
    draw = ldlt.transpositionsP().transpose() * draw;
    Eigen::Index top = 0;
    (mean + draw).minCoeff(&top);
    share[static_cast<std::size_t>(top)] += 1.0 / kDraws;
  }
  return share;
}

// Leaves those that are as likely as not to be feasible, or the likeliest one; of these log P.
std::vector<double> keep_feasible(std::vector<Candidate>& candidates,
                                  const std::vector<double>& log_probability) {
  const double needed =
      std::min(std::log(0.5), *std::max_element(log_probability.begin(), log_probability.end()));
  std::vector<Candidate> kept;
  std::vector<double> kept_log;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (log_probability[i] < needed) continue;
    kept.push_back(std::move(candidates[i]));
    kept_log.push_back(log_probability[i]);
  }
  candidates = std::move(kept);
  return kept_log;
}

// How far the candidate's own means are beyond the bounds, in units of the range that each
// constraint's values have; 0 if all are satisfied.
std::vector<double> violations(const std::vector<Candidate>& candidates,
                               std::span<const Metric> constraints) {
  std::vector<double> result(candidates.size(), 0.0);
  for (std::size_t k = 0; k < constraints.size(); ++k) {
    const auto mean = [&](const Candidate& c) { return c.beside_sums[k] / c.num_measurements; };
    double low = constraints[k].bound, high = low;
    for (const Candidate& c : candidates)
      low = std::min(low, mean(c)), high = std::max(high, mean(c));
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (!is_satisfied(constraints[k], mean(candidates[i])))
        result[i] += std::abs(mean(candidates[i]) - constraints[k].bound) / (high - low);
  }
  return result;
}

// The best single value, of trials that satisfied the constraints if there are such.
const Observations::Value& best_single(const Observations& seen, const Metric& metric,
                                       std::span<const Metric> constraints) {
  const auto satisfies = [&](const Observations::Value& value) {
    for (std::size_t k = 0; k < constraints.size(); ++k)
      if (!is_satisfied(constraints[k], value.beside[k])) return false;
    return true;
  };
  const double sign = metric.mode == Mode::Min ? 1.0 : -1.0;
  const Observations::Value* best = nullptr;
  bool best_satisfies = false;
  for (const auto& value : seen.values) {
    if (value.bounded) continue;
    const bool ok = satisfies(value);
    if (best == nullptr || ok > best_satisfies ||
        (ok == best_satisfies && sign * value.value < sign * best->value))
      best = &value, best_satisfies = ok;
  }
  return *best;
}

// Fills in what the model says; returns which candidate is recommended.
std::size_t judge(const UnitSpace& space, const SurrogateModel& model,
                  const std::vector<Candidate>& candidates, Recommendation& result) {
  std::vector<UnitPoint> points;
  for (const Candidate& c : candidates) points.push_back(c.point);
  const GpPrediction all = model.predict(points);
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return all.mean[static_cast<Eigen::Index>(a)] < all.mean[static_cast<Eigen::Index>(b)];
  });
  // What is far behind has no chance and would cost most.
  if (order.size() > kContenders) order.resize(kContenders);
  const auto m = static_cast<Eigen::Index>(order.size());
  std::vector<UnitPoint> contenders;
  Eigen::VectorXd mean(m);
  for (Eigen::Index i = 0; i < m; ++i) {
    contenders.push_back(points[order[static_cast<std::size_t>(i)]]);
    mean[i] = all.mean[static_cast<Eigen::Index>(order[static_cast<std::size_t>(i)])];
  }
  const Eigen::MatrixXd covariance = model.objective().covariance(space.model_matrix(contenders));
  const std::vector<double> probability = probabilities_of_being_best(mean, covariance);

  const TargetTransform& transform = model.transform();
  const double half_width = kNormal95 * std::sqrt(std::max(covariance(0, 0), 0.0));
  const double one = transform.to_value(mean[0] - half_width);
  const double other = transform.to_value(mean[0] + half_width);
  result.source = RecommendationSource::Model;
  result.mean = transform.to_value(mean[0]);
  result.lower = std::min(one, other);
  result.upper = std::max(one, other);
  result.probability_best = probability[0];
  for (Eigen::Index i = 1; i < m && result.indistinguishable.size() < kMostAlternatives; ++i) {
    const double variance = covariance(0, 0) + covariance(i, i) - 2 * covariance(0, i);
    if (mean[i] - mean[0] > kNormal95 * std::sqrt(std::max(variance, 0.0))) continue;
    const std::size_t at = static_cast<std::size_t>(i);
    result.indistinguishable.push_back(
        {candidates[order[at]].trial, transform.to_value(mean[i]), probability[at]});
  }
  return order[0];
}

}  // namespace

std::optional<Recommendation> recommend(const SearchSpace& space, const History& history,
                                        const Metric& metric, std::span<const Metric> constraints,
                                        std::string_view resource_attr) {
  const std::vector<Metric> kept = metrics_with(MetricRole::Constraint, constraints);
  const Observations all = collect_observations(space, history, metric, kept);
  const Observations seen = at_highest_level(all, history, resource_attr);
  std::vector<Candidate> candidates = group(space, history, seen);
  if (candidates.empty()) return std::nullopt;
  if (std::any_of(candidates.begin(), candidates.end(),
                  [](const Candidate& c) { return c.num_failures < c.num_measurements; }))
    std::erase_if(candidates,
                  [](const Candidate& c) { return c.num_failures >= c.num_measurements; });

  Recommendation result;
  const auto configuration_of = [&](TrialId trial) {
    return history.trials()[static_cast<std::size_t>(trial)].configuration;
  };
  const Observations::Value& best = best_single(all, metric, kept);
  result.best_value = best.value;
  result.best_value_trial = best.trial;
  result.best_value_configuration = configuration_of(best.trial);

  const auto choose = [&](const Candidate& c) {
    result.configuration = configuration_of(c.trial);
    result.trial = c.trial;
    result.num_measurements = c.num_measurements;
  };
  if (seen.values.size() >= kMinObservations && candidates.size() > 1) {
    try {
      const UnitSpace unit_space(space);
      const SurrogateModel model({.space = unit_space,
                                  .seen = seen,
                                  .metric = metric,
                                  .constraints = kept,
                                  .failure_use = FailureUse::Ignore});
      std::vector<double> log_feasible;
      std::vector<Candidate> allowed = candidates;
      if (!kept.empty()) {
        std::vector<UnitPoint> points;
        for (const Candidate& c : candidates) points.push_back(c.point);
        const Eigen::VectorXd log_p = model.feasibility().log_probability_satisfied(points);
        log_feasible = keep_feasible(allowed, {log_p.begin(), log_p.end()});
      }
      const std::size_t chosen = judge(unit_space, model, allowed, result);
      choose(allowed[chosen]);
      if (!kept.empty()) result.probability_feasible = std::exp(log_feasible[chosen]);
      return result;
    } catch (const Error& error) {
      // No process can be fitted: the observed means below still hold.
      if (error.code() != ErrorCode::Exhausted) throw;
    }
  }
  const std::vector<double> violation = violations(candidates, kept);
  const double least = *std::min_element(violation.begin(), violation.end());
  const double sign = metric.mode == Mode::Min ? 1.0 : -1.0;
  const Candidate* chosen = nullptr;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (violation[i] == least &&
        (chosen == nullptr || sign * candidates[i].mean() < sign * chosen->mean()))
      chosen = &candidates[i];
  choose(*chosen);
  result.mean = chosen->mean();
  if (!kept.empty()) result.probability_feasible = least == 0 ? 1.0 : 0.0;
  return result;
}

}  // namespace skipjack
