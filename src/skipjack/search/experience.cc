#include "skipjack/search/experience.h"

#include <algorithm>
#include <map>
#include <type_traits>
#include <utility>
#include <variant>

#include "skipjack/search/surpassed.h"

namespace skipjack {
namespace {

double sign_of(const Metric& metric) { return metric.mode == Mode::Min ? 1 : -1; }

// What a trial says; nullopt if nothing yet, or nothing that lasts.
std::optional<FinishedTrial> finish(const Trial& trial, const Metric& metric) {
  const std::optional<Observation> observation = observe(trial, metric);
  if (!observation) return std::nullopt;
  const double sign = sign_of(metric);
  return std::visit(
      [&](const auto& o) -> std::optional<FinishedTrial> {
        using T = std::decay_t<decltype(o)>;
        if constexpr (std::is_same_v<T, Measured>)
          return FinishedTrial{.trial = trial.id, .loss = sign * o.value};
        else if constexpr (std::is_same_v<T, Bounded>)
          return FinishedTrial{.trial = trial.id, .loss = sign * o.bound, .is_bound = true};
        else if constexpr (std::is_same_v<T, Invalid>)
          return FinishedTrial{.trial = trial.id, .loss = std::nullopt};
        else
          return std::nullopt;
      },
      *observation);
}

/// The same where there are several objectives.
std::optional<FinishedTrial> finish(const Trial& trial, const ExperienceOptions& options) {
  auto finished = finish(trial, options.metric);
  if (!finished || !finished->loss) return finished;
  for (const Metric& other : options.others) {
    const auto value = last_value(trial, other.name);
    if (!value && trial.status == TrialStatus::Completed)
      return FinishedTrial{.trial = trial.id, .loss = std::nullopt};
    if (!value) return std::nullopt;
    finished->other_losses.push_back(sign_of(other) * *value);
  }
  for (const Metric& constraint : options.constraints) {
    const auto value = last_value(trial, constraint.name);
    finished->num_broken += !value || !is_satisfied(constraint, *value);
  }
  return finished;
}

}  // namespace

Experience::Experience(ExperienceOptions options)
    : options_(std::move(options)),
      unit_space_(options_.space),
      tried_(options_.space),
      fallback_(make_random_search({.space = options_.space, .seed = options_.seed})) {}

TriedConfigurations::Relation Experience::update(const History& history) {
  const TriedConfigurations::Relation relation = tried_.update(history);
  if (relation == TriedConfigurations::Relation::Other) {
    points_.clear();
    before_.clear();
    newest_.clear();
  }
  const auto& trials = history.trials();
  while (points_.size() < trials.size()) {
    const std::size_t i = points_.size();
    points_.push_back(options_.space.encode(trials[i].configuration));
    const auto [newest, is_first] = newest_.try_emplace(points_[i], i);
    before_.push_back(is_first ? std::nullopt : std::optional(std::exchange(newest->second, i)));
  }
  finished_.clear();
  pending_.clear();
  if (options_.levels) {
    if (relation == TriedConfigurations::Relation::Other) levels_.clear();
    take_levels(trials);
  } else {
    take_trials(trials);
  }
  const auto end_of = [&](const FinishedTrial& finished) {
    const Trial& trial = trials[static_cast<std::size_t>(finished.trial)];
    return trial.ended.value_or(trial.started);
  };
  std::stable_sort(finished_.begin(), finished_.end(),
                   [&](const auto& a, const auto& b) { return end_of(a) < end_of(b); });
  return relation;
}

void Experience::take_trials(const std::vector<Trial>& trials) {
  std::vector<GivenAtPoint> given;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    auto finished = finish(trials[i], options_);
    given.push_back({!finished || !finished->loss ? Gave::Nothing
                     : finished->is_bound         ? Gave::Bound
                                                  : Gave::Value,
                     before_[i]});
    if (trials[i].status == TrialStatus::Running) pending_.push_back(trials[i].id);
    if (finished) finished_.push_back(std::move(*finished));
  }
  const std::vector<bool> is_surpassed = surpassed_bounds(given);
  std::erase_if(finished_, [&](const FinishedTrial& finished) {
    return is_surpassed[static_cast<std::size_t>(finished.trial)];
  });
}

void Experience::take_levels(const std::vector<Trial>& trials) {
  levels_.resize(trials.size());
  std::map<std::int64_t, std::size_t> num_values;
  for (const Trial& trial : trials) {
    Levels& known = levels_[static_cast<std::size_t>(trial.id)];
    if (known.attempt != trial.attempt || known.num_reports != trial.reports.size())
      known = {.attempt = trial.attempt,
               .num_reports = trial.reports.size(),
               .values = level_values(trial, options_.metric.name, *options_.levels)};
    for (const LevelValue& value : known.values) ++num_values[value.resource];
  }
  level_.reset();
  for (const auto& [level, number] : num_values)
    if (number >= options_.enough_values) level_ = level;
  for (const Trial& trial : trials) {
    const std::vector<LevelValue>& values = levels_[static_cast<std::size_t>(trial.id)].values;
    const auto at = std::find_if(values.begin(), values.end(),
                                 [&](const LevelValue& value) { return value.resource == level_; });
    if (trial.status == TrialStatus::Failed)
      finished_.push_back({.trial = trial.id, .loss = std::nullopt});
    else if (at != values.end())
      finished_.push_back({.trial = trial.id, .loss = sign_of(options_.metric) * at->value});
    else if (trial.status == TrialStatus::Running)
      pending_.push_back(trial.id);
  }
}

bool Experience::may_propose(const UnitPoint& point) const {
  const Configuration configuration = options_.space.decode(point);
  if (!options_.space.satisfies_constraints(configuration)) return false;
  if (!tried_.contains(configuration)) return true;
  if (options_.duplicates == Duplicates::Avoid) return false;
  const auto same = [&](TrialId trial) { return this->point(trial) == point; };
  return std::none_of(pending_.begin(), pending_.end(), same) &&
         std::none_of(finished_.begin(), finished_.end(), [&](const FinishedTrial& finished) {
           return !finished.loss && same(finished.trial);
         });
}

Suggestion Experience::propose(const History& history, const SuggestContext& context, int max_draws,
                               const std::function<UnitPoint()>& draw) {
  for (int i = 0; i < max_draws; ++i) {
    const UnitPoint point = unit_space_.snap(draw());
    if (may_propose(point)) return Proposal{.configuration = options_.space.decode(point)};
  }
  return fallback_->suggest(history, context);
}

}  // namespace skipjack
