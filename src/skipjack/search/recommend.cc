#include "skipjack/search/recommend.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/search/surrogate.h"

namespace skipjack {
namespace {

constexpr std::size_t kMinObservations = 5;
constexpr double kNormal95 = 1.959963984540054;

struct Candidate {
  UnitPoint point;
  TrialId trial = 0;
  int num_measurements = 0;
  int num_failures = 0;
  double sum = 0;
};

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
  }
  return result;
}

}  // namespace

std::optional<Recommendation> recommend(const SearchSpace& space, const History& history,
                                        const Metric& metric) {
  const Observations seen = collect_observations(space, history, metric);
  std::vector<Candidate> candidates = group(space, history, seen);
  if (candidates.empty()) return std::nullopt;
  if (std::any_of(candidates.begin(), candidates.end(),
                  [](const Candidate& c) { return c.num_failures < c.num_measurements; }))
    std::erase_if(candidates,
                  [](const Candidate& c) { return c.num_failures >= c.num_measurements; });

  const double sign = metric.mode == Mode::Min ? 1.0 : -1.0;
  Recommendation result;
  const Observations::Value* best = nullptr;
  for (const auto& value : seen.values)
    if (!value.bounded && (best == nullptr || sign * value.value < sign * best->value))
      best = &value;
  const auto configuration_of = [&](TrialId trial) {
    return history.trials()[static_cast<std::size_t>(trial)].configuration;
  };
  result.best_value = best->value;
  result.best_value_trial = best->trial;
  result.best_value_configuration = configuration_of(best->trial);

  const auto choose = [&](const Candidate& c) {
    result.configuration = configuration_of(c.trial);
    result.trial = c.trial;
    result.num_measurements = c.num_measurements;
  };
  if (seen.values.size() >= kMinObservations && candidates.size() > 1) {
    try {
      const SurrogateModel model(UnitSpace(space).kinds(), seen, metric, FailureUse::Ignore,
                                 std::nullopt);
      std::vector<UnitPoint> points;
      for (const Candidate& c : candidates) points.push_back(c.point);
      const GpPrediction p = model.predict(points);
      Eigen::Index top = 0;
      p.mean.minCoeff(&top);
      choose(candidates[static_cast<std::size_t>(top)]);
      const double half_width = kNormal95 * std::sqrt(p.variance[top]);
      const double one = model.transform().to_value(p.mean[top] - half_width);
      const double other = model.transform().to_value(p.mean[top] + half_width);
      result.source = RecommendationSource::Model;
      result.mean = model.transform().to_value(p.mean[top]);
      result.lower = std::min(one, other);
      result.upper = std::max(one, other);
      return result;
    } catch (const Error& error) {
      // No process can be fitted: the observed means below still hold.
      if (error.code() != ErrorCode::Exhausted) throw;
    }
  }
  const auto mean = [](const Candidate& c) { return c.sum / c.num_measurements; };
  const auto chosen = std::min_element(
      candidates.begin(), candidates.end(),
      [&](const Candidate& a, const Candidate& b) { return sign * mean(a) < sign * mean(b); });
  choose(*chosen);
  result.mean = mean(*chosen);
  return result;
}

}  // namespace skipjack
