#include "skipjack/search/trial_log.h"

#include <type_traits>
#include <utility>
#include <variant>

namespace skipjack {
namespace {

void take_beside(const Trial& trial, std::span<const Metric> beside, TrialRecord& record) {
  using Kind = TrialRecord::Kind;
  record.beside.clear();
  if (record.kind != Kind::Value && record.kind != Kind::Bound) return;
  for (const Metric& metric : beside) {
    const auto value = last_value(trial, metric.name);
    if (!value) {
      record.kind = trial.status == TrialStatus::Completed ? Kind::Invalid : Kind::Nothing;
      return;
    }
    record.beside.push_back(*value);
  }
}

void take_outcome(const Trial& trial, const Metric& metric, TrialRecord& record) {
  using Kind = TrialRecord::Kind;
  record.started = trial.started;
  record.ended = trial.ended;
  record.kind = trial.status == TrialStatus::Running ? Kind::Pending : Kind::Nothing;
  const std::optional<Observation> observation = observe(trial, metric);
  if (!observation) return;
  std::visit(
      [&](const auto& o) {
        using T = std::decay_t<decltype(o)>;
        if constexpr (std::is_same_v<T, Measured>) {
          record.kind = Kind::Value;
          record.value = o.value;
        } else if constexpr (std::is_same_v<T, Bounded>) {
          record.kind = Kind::Bound;
          record.value = o.bound;
        } else if constexpr (std::is_same_v<T, Invalid>) {
          record.kind = Kind::Invalid;
        }
      },
      *observation);
}

}  // namespace

void TrialLog::update(const History& history) {
  const auto& trials = history.trials();
  const std::size_t seen = records_.size();
  const bool continues =
      seen <= trials.size() && (seen == 0 || trials[seen - 1].configuration == last_configuration_);
  if (!continues) {
    records_.clear();
    newest_.clear();
  }
  for (std::size_t i = records_.size(); i < trials.size(); ++i) {
    records_.push_back({.point = space_.encode(trials[i].configuration)});
    const auto [newest, is_first] = newest_.try_emplace(records_.back().point, i);
    if (!is_first) records_.back().before = std::exchange(newest->second, i);
  }
  for (std::size_t i = 0; i < trials.size(); ++i) {
    take_outcome(trials[i], metric_, records_[i]);
    take_beside(trials[i], beside_, records_[i]);
  }
  if (!trials.empty()) last_configuration_ = trials.back().configuration;
}

}  // namespace skipjack
