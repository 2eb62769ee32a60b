#include "skipjack/search/front.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "skipjack/model/pareto.h"

namespace skipjack {
namespace {

/// nullopt if it says nothing of some objective.
std::optional<std::vector<double>> values_of(const Trial& trial,
                                             std::span<const Metric> objectives) {
  std::vector<double> values;
  for (const Metric& objective : objectives) {
    const std::optional<double> value = measured_value(trial, objective);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

}  // namespace

std::vector<FrontMember> pareto_front(const History& history, std::span<const Metric> metrics,
                                      const std::function<bool(const Trial&)>& include) {
  const std::vector<Metric> objectives = metrics_with(MetricRole::Objective, metrics);
  if (objectives.empty()) return {};
  std::vector<FrontMember> members;
  for (const Trial& trial : history.trials()) {
    if ((include && !include(trial)) || !satisfies_constraints(trial, metrics)) continue;
    if (auto values = values_of(trial, objectives))
      members.push_back({trial.id, trial.configuration, std::move(*values)});
  }
  const auto sign = [&](std::size_t k) { return objectives[k].mode == Mode::Min ? 1.0 : -1.0; };
  Eigen::MatrixXd y(static_cast<Eigen::Index>(members.size()),
                    static_cast<Eigen::Index>(objectives.size()));
  for (std::size_t i = 0; i < members.size(); ++i)
    for (std::size_t k = 0; k < objectives.size(); ++k)
      y(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) =
          sign(k) * members[i].values[k];
  std::vector<FrontMember> front;
  for (const std::size_t i : non_dominated(y)) front.push_back(std::move(members[i]));
  std::stable_sort(front.begin(), front.end(), [&](const FrontMember& a, const FrontMember& b) {
    return sign(0) * a.values[0] < sign(0) * b.values[0];
  });
  return front;
}

Json front_json(const History& history, std::span<const Metric> metrics,
                const std::function<bool(const Trial&)>& include) {
  const std::vector<Metric> objectives = metrics_with(MetricRole::Objective, metrics);
  Json::Array rows;
  for (FrontMember& member : pareto_front(history, metrics, include)) {
    Json values = Json::Object{};
    for (std::size_t k = 0; k < objectives.size(); ++k)
      values.set(objectives[k].name, member.values[k]);
    rows.push_back(Json::Object{{"trial_id", member.trial},
                                {"values", std::move(values)},
                                {"configuration", std::move(member.configuration)}});
  }
  return rows;
}

}  // namespace skipjack
