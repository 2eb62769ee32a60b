#include "skipjack/schedule/level_watch.h"

#include <algorithm>
#include <utility>

namespace skipjack {

LevelWatch::LevelWatch(const ResourceOptions& resource, Metric metric)
    : log_(resource.resource_attr, {metric}), metric_(std::move(metric)), max_t_(resource.max_t) {}

LevelWatch::State& LevelWatch::state(TrialId trial) {
  const auto i = static_cast<std::size_t>(trial);
  if (i >= states_.size()) states_.resize(i + 1);
  return states_[i];
}

void LevelWatch::expect(TrialId trial, std::int64_t level) {
  State& s = state(trial);
  s.expected = level;
  s.from_result.clear();
}

void LevelWatch::begin(TrialId trial) {
  State& s = state(trial);
  if (!std::exchange(s.is_running, true)) ++num_running_;
  // Its attempt was lost after it had given its result.
  if (s.expected == 0) to_end_.insert(trial);
}

std::optional<LevelWatch::Result> LevelWatch::apply(const Event& event, const History& history) {
  if (const auto* started = std::get_if<TrialStarted>(&event.body)) begin(started->trial);
  if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) begin(resumed->id.trial);
  if (const auto* report = std::get_if<Reported>(&event.body)) return take_report(*report, history);
  if (const auto* pause = std::get_if<PauseOrdered>(&event.body)) to_end_.erase(pause->trial);
  if (const auto* stop = std::get_if<StopOrdered>(&event.body)) {
    to_end_.erase(stop->trial);
    // At rest, or its attempt lost: no end will follow.
    const Trial& trial = *history.find(stop->trial);
    if (!trial.ending && trial.status == TrialStatus::Stopped)
      return take_end(stop->trial, Outcome::Stopped);
  }
  if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    log_.take(*ended);
    return take_end(ended->id.trial, ended->end.outcome);
  }
  return std::nullopt;
}

std::optional<LevelWatch::Result> LevelWatch::take_report(const Reported& report,
                                                          const History& history) {
  const auto step = log_.take(report, history);
  if (!step) return std::nullopt;
  State& s = state(report.id.trial);
  s.last_loss = score_of(report.metrics, metric_);
  if (step->to < s.expected) return std::nullopt;
  s.from_result.push_back({step->to, *s.last_loss});
  if (std::exchange(s.expected, 0) == 0) return std::nullopt;
  to_end_.insert(report.id.trial);
  return Result{report.id.trial, s.last_loss};
}

std::optional<LevelWatch::Result> LevelWatch::take_end(TrialId trial, Outcome outcome) {
  if (outcome == Outcome::Lost) return std::nullopt;  // it runs again
  State& s = state(trial);
  if (std::exchange(s.is_running, false)) --num_running_;
  to_end_.erase(trial);
  const bool has_result = s.expected == 0;
  if (has_result &&
      (is_complete(trial) || outcome == Outcome::Completed || outcome == Outcome::Paused))
    return std::nullopt;
  if (outcome != Outcome::Completed || !s.last_loss) return give_up(trial);
  s.ended_itself = true;
  s.expected = 0;
  return Result{trial, s.last_loss};
}

std::optional<LevelWatch::Result> LevelWatch::give_up(TrialId trial) {
  State& s = state(trial);
  s.is_dead = true;
  s.expected = 0;
  return Result{trial, std::nullopt};
}

std::vector<Command> LevelWatch::decide(const History& history) const {
  log_.require_sense();
  std::vector<Command> commands;
  for (const TrialId trial : to_end_) {
    if (history.find(trial)->ending) continue;
    if (is_complete(trial))
      commands.push_back(Stop{.trial = trial, .reason = "reached the largest resource"});
    else
      commands.push_back(Pause{trial});
  }
  return commands;
}

bool LevelWatch::is_at_rest(TrialId trial) const {
  const State& s = states_[static_cast<std::size_t>(trial)];
  return !s.is_running && !s.is_dead && s.expected == 0 && !s.ended_itself && !is_complete(trial);
}

std::optional<double> LevelWatch::loss_at(TrialId trial, std::int64_t level) const {
  const State& s = states_[static_cast<std::size_t>(trial)];
  const auto at = std::find_if(s.from_result.begin(), s.from_result.end(),
                               [level](const LevelLoss& known) { return known.level >= level; });
  if (at != s.from_result.end()) return at->loss;
  return s.ended_itself ? s.last_loss : std::nullopt;
}

}  // namespace skipjack
