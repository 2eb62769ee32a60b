#include "skipjack/search/level_log.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

bool is_not_finite(const Json* value) {
  return value && value->is_number() && !std::isfinite(value->as_double());
}

constexpr std::size_t kMaxForFeasibility = 400;

// value_of: the trial's value as a pointer, null if it has none; is_left: of a trial without one.
template <class ValueOf, class IsLeft>
Observations gather(const LevelLog& log, const ValueOf& value_of, const IsLeft& is_left) {
  Observations seen;
  for (std::size_t i = 0; i < log.records().size(); ++i) {
    const LevelRecord& record = log.records()[i];
    const auto id = static_cast<TrialId>(i);
    if (const LevelValue* value = record.is_bad() ? nullptr : value_of(record)) {
      seen.values.push_back({record.point, value->value, false, id});
    } else if (record.is_bad() || is_left(record)) {
      seen.invalid.push_back(record.point);
    } else if (record.state == LevelRecord::State::Running) {
      seen.pending.push_back(record.point);
      seen.pending_trials.push_back(id);
    }
  }
  return seen;
}

}  // namespace

LevelLog::LevelLog(SearchSpace space, Metric metric, LevelOptions levels)
    : space_(std::move(space)), metric_(std::move(metric)), levels_(std::move(levels)) {
  if (levels_.max_resource < 1)
    throw Error(ErrorCode::InvalidArgument,
                "max_resource = " + std::to_string(levels_.max_resource) + " must be >= 1");
  milestones_ = levels_.rung_levels;
  if (milestones_.empty() || milestones_.back() < levels_.max_resource)
    milestones_.push_back(levels_.max_resource);
}

std::size_t LevelLog::num_values() const {
  std::size_t number = 0;
  for (const LevelRecord& record : records_) number += record.values.size();
  return number;
}

std::int64_t LevelLog::milestone_after(std::int64_t level) const {
  const auto next = std::upper_bound(milestones_.begin(), milestones_.end(), level);
  return next == milestones_.end() ? milestones_.back() : *next;
}

void LevelLog::update(const History& history) {
  const auto& trials = history.trials();
  const std::size_t seen = records_.size();
  const bool continues =
      seen <= trials.size() && (seen == 0 || trials[seen - 1].configuration == last_configuration_);
  if (!continues) records_.clear(), read_.clear();
  for (std::size_t i = records_.size(); i < trials.size(); ++i)
    records_.push_back({.point = space_.encode(trials[i].configuration)});
  read_.resize(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Trial& trial = trials[i];
    LevelRecord& record = records_[i];
    record.state = trial.status == TrialStatus::Running  ? LevelRecord::State::Running
                   : trial.status == TrialStatus::Failed ? LevelRecord::State::Failed
                                                         : LevelRecord::State::Resting;
    if (record.state == LevelRecord::State::Failed) {
      record.values.clear();
      read_[i] = {};
    } else if (read_[i].attempt != trial.attempt || read_[i].num_reports != trial.reports.size()) {
      record.values = level_values(trial, metric_.name, levels_);
      record.is_diverged =
          !trial.reports.empty() && is_not_finite(trial.reports.back().metrics.find(metric_.name));
      read_[i] = {trial.attempt, trial.reports.size()};
    }
  }
  if (!trials.empty()) last_configuration_ = trials.back().configuration;
}

std::size_t num_values_at(const std::vector<LevelRecord>& records, std::int64_t level) {
  return static_cast<std::size_t>(
      std::count_if(records.begin(), records.end(), [level](const LevelRecord& record) {
        return std::any_of(record.values.begin(), record.values.end(),
                           [level](const LevelValue& value) { return value.resource == level; });
      }));
}

std::int64_t highest_level_with(const std::vector<LevelRecord>& records,
                                const std::vector<std::int64_t>& levels, std::size_t at_least) {
  for (auto level = levels.rbegin(); level != levels.rend(); ++level)
    if (num_values_at(records, *level) >= at_least) return *level;
  return levels.front();
}

Observations observations_at(const LevelLog& log, std::int64_t level) {
  return gather(
      log,
      [level](const LevelRecord& record) -> const LevelValue* {
        const auto at =
            std::find_if(record.values.begin(), record.values.end(),
                         [level](const LevelValue& value) { return value.resource == level; });
        return at == record.values.end() ? nullptr : &*at;
      },
      [level](const LevelRecord& record) {
        return record.state == LevelRecord::State::Resting && record.reached() < level;
      });
}

Observations last_observations(const LevelLog& log) {
  return gather(
      log,
      [](const LevelRecord& record) {
        return record.values.empty() ? nullptr : &record.values.back();
      },
      [](const LevelRecord&) { return false; });
}

Feasibility feasibility_of(const UnitSpace& space, const LevelLog& log, FeasibilityFit previous,
                           Fit fit) {
  std::vector<UnitPoint> worked, failed;
  for (const LevelRecord& record : log.records()) {
    if (record.is_bad())
      failed.push_back(record.point);
    else if (!record.values.empty())
      worked.push_back(record.point);
  }
  const auto latest = [](const std::vector<UnitPoint>& all) {
    return std::span(all).last(std::min(all.size(), kMaxForFeasibility));
  };
  return Feasibility({.space = space,
                      .evaluated = latest(worked),
                      .failed = latest(failed),
                      .previous = std::move(previous),
                      .fit = fit});
}

}  // namespace skipjack
