// A small world whose trials report level by level, for schedulers that look at them on the way: it
// obeys the commands, records the events, and checks what every scheduler promises.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/schedule/scheduler.h"

namespace skipjack::testing {

struct LeveledWorldOptions {
  std::uint64_t seed = 0;
  int workers = 3;
  std::int64_t max_t = 27;
  /// What a trial reports at a level, by metric.
  std::function<Json::Object(const Configuration&, std::int64_t level)> value;
  /// Resumed trials go on where they were, instead of from the start.
  bool has_checkpoints = true;
  /// Trials end by themselves at the max_resource of their attempt, not only at max_t.
  bool heeds_max_resource = false;
  /// Of an attempt to fail, and of one to end well, before a report.
  double fails = 0, ends = 0;
  /// Of a report to jump over levels, to come from an attempt that is lost, to have no finite
  /// value.
  double jumps = 0, lost = 0, not_finite = 0;
};

inline std::string text_of(const std::vector<Command>& commands) {
  std::string text;
  for (const Command& command : commands) {
    if (const auto* start = std::get_if<Start>(&command))
      text += "start " + to_json_text(start->configuration) + " up to " +
              std::to_string(start->max_resource.value_or(0)) + " from " +
              std::to_string(start->checkpoint_from.value_or(-1)) + to_json_text(start->tag) + ";";
    if (const auto* resume = std::get_if<Resume>(&command))
      text += "resume " + std::to_string(resume->trial) + " up to " +
              std::to_string(resume->max_resource.value_or(0)) + ";";
    if (const auto* pause = std::get_if<Pause>(&command))
      text += "pause " + std::to_string(pause->trial) + ";";
    if (const auto* stop = std::get_if<Stop>(&command))
      text += "stop " + std::to_string(stop->trial) + " " + stop->reason + ";";
    if (const auto* finished = std::get_if<Finished>(&command))
      text += "finished " + finished->reason + ";";
  }
  return text;
}

class LeveledWorld {
 public:
  LeveledWorld(Scheduler& scheduler, LeveledWorldOptions options)
      : scheduler_(scheduler), options_(std::move(options)), rng_(options_.seed, "world") {}

  /// Until so many events, or until nothing runs and nothing is started.
  void run(std::size_t max_events) {
    if (events_.empty()) add(RunStarted{});
    while (events_.size() < max_events) {
      while (!is_finished_ && decide()) {
      }
      if (live_.empty()) return;
      happen();
    }
  }

  const History& history() const { return history_; }
  const std::vector<Event>& events() const { return events_; }
  bool is_finished() const { return is_finished_; }
  int num_running() const { return static_cast<int>(live_.size()); }
  /// How many workers had nothing to do after the scheduler was asked, summed over events.
  std::int64_t idle = 0;
  /// Number of events before each decision, and what it said.
  std::vector<std::pair<std::size_t, std::string>> decisions;
  /// Highest level that each trial has come to.
  std::map<TrialId, std::int64_t> reached;

  SchedulerView view() const {
    return {.history = history_,
            .now = history_.time(),
            .free_workers = options_.workers - num_running()};
  }

 private:
  struct Attempt {
    std::int64_t level = 0;
    std::int64_t end = 0;
    std::optional<Outcome> told;
  };

  void add(EventBody body) {
    events_.push_back({.number = static_cast<std::int64_t>(events_.size()),
                       .time = std::chrono::seconds(events_.size()),
                       .body = std::move(body)});
    history_.apply(events_.back());
    scheduler_.apply(events_.back(), history_);
  }

  void launch(TrialId trial, std::int64_t level, std::optional<std::int64_t> max_resource) {
    const std::int64_t end = options_.heeds_max_resource && max_resource
                                 ? std::min(options_.max_t, *max_resource)
                                 : options_.max_t;
    live_[trial] = {.level = level, .end = end};
  }

  void obey(const Start& start) {
    const auto id = static_cast<TrialId>(history_.trials().size());
    if (start.fitted) add(ModelFitted{*start.fitted});
    std::int64_t level = 0;
    if (start.checkpoint_from) {
      EXPECT_LT(*start.checkpoint_from, id);
      if (options_.has_checkpoints) level = reached[*start.checkpoint_from];
    }
    add(TrialStarted{.trial = id,
                     .configuration = start.configuration,
                     .checkpoint_from = start.checkpoint_from,
                     .max_resource = start.max_resource,
                     .tag = start.tag});
    launch(id, level, start.max_resource);
  }

  void obey(const Resume& resume) {
    const Trial* trial = history_.find(resume.trial);
    ASSERT_NE(trial, nullptr);
    EXPECT_FALSE(stopped_.contains(resume.trial)) << "resumed a trial that it had stopped";
    EXPECT_TRUE(trial->status == TrialStatus::Paused || trial->status == TrialStatus::Completed)
        << "resumed trial " << resume.trial << ", which is " << to_string(trial->status);
    EXPECT_FALSE(live_.contains(resume.trial));
    add(TrialResumed{.id = {resume.trial, trial->attempt + 1},
                     .max_resource = resume.max_resource});
    launch(resume.trial, options_.has_checkpoints ? reached[resume.trial] : 0, resume.max_resource);
  }

  /// True if a worker is free and something was started.
  bool decide() {
    const std::size_t at = events_.size();
    const int free = view().free_workers;
    const std::vector<Command> commands = scheduler_.decide(view());
    decisions.emplace_back(at, text_of(commands));
    int num_started = 0;
    for (const Command& command : commands) {
      if (const auto* start = std::get_if<Start>(&command)) ++num_started, obey(*start);
      if (const auto* resume = std::get_if<Resume>(&command)) ++num_started, obey(*resume);
      if (const auto* pause = std::get_if<Pause>(&command)) order(pause->trial, Outcome::Paused);
      if (const auto* stop = std::get_if<Stop>(&command)) {
        stopped_.insert(stop->trial);
        order(stop->trial, Outcome::Stopped);
      }
      if (std::holds_alternative<Finished>(command)) is_finished_ = true;
    }
    EXPECT_LE(num_started, free) << "started more than there are free workers";
    if (num_started == 0) idle += free;
    return num_started > 0 && view().free_workers > 0;
  }

  void order(TrialId trial, Outcome outcome) {
    if (outcome == Outcome::Paused)
      add(PauseOrdered{trial});
    else
      add(StopOrdered{trial, "told to"});
    if (const auto at = live_.find(trial); at != live_.end()) at->second.told = outcome;
  }

  void end(TrialId trial, Outcome outcome) {
    live_.erase(trial);
    add(AttemptEnded{.id = {trial, history_.find(trial)->attempt}, .end = {.outcome = outcome}});
  }

  void lose(TrialId trial) {
    const Attempt attempt = live_.at(trial);
    end(trial, Outcome::Lost);
    const Trial& lost = *history_.find(trial);
    add(TrialResumed{.id = {trial, lost.attempt + 1}, .max_resource = lost.max_resource});
    live_[trial] = {.level = 0, .end = attempt.end};
  }

  void happen() {
    auto at = live_.begin();
    std::advance(at, rng_.uniform_int(0, static_cast<std::int64_t>(live_.size()) - 1));
    const TrialId trial = at->first;
    Attempt& attempt = at->second;
    if (attempt.told) return end(trial, *attempt.told);
    if (attempt.level >= attempt.end) return end(trial, Outcome::Completed);
    if (rng_.bernoulli(options_.fails)) return end(trial, Outcome::Failed);
    if (reached[trial] > 0 && rng_.bernoulli(options_.ends)) return end(trial, Outcome::Completed);
    if (rng_.bernoulli(options_.lost)) return lose(trial);
    const std::int64_t jump = rng_.bernoulli(options_.jumps) ? rng_.uniform_int(1, 5) : 0;
    attempt.level = std::min(attempt.end, attempt.level + 1 + jump);
    reached[trial] = std::max(reached[trial], attempt.level);
    Json::Object metrics = options_.value(history_.find(trial)->configuration, attempt.level);
    if (rng_.bernoulli(options_.not_finite))
      for (auto& [name, value] : metrics) value = std::numeric_limits<double>::quiet_NaN();
    metrics.emplace_back("epoch", attempt.level);
    add(Reported{.id = {trial, history_.find(trial)->attempt}, .metrics = std::move(metrics)});
  }

  Scheduler& scheduler_;
  const LeveledWorldOptions options_;
  Rng rng_;
  History history_;
  std::vector<Event> events_;
  std::map<TrialId, Attempt> live_;
  std::set<TrialId> stopped_;
  bool is_finished_ = false;
};

/// A fresh scheduler that is told the recorded events decides as the recorded one did: after every
/// stride-th decision.
inline void expect_replay(const std::function<std::unique_ptr<Scheduler>()>& make,
                          const LeveledWorld& world, int workers, std::size_t stride) {
  std::size_t k = 0;
  const auto fresh = make();
  History history;
  std::size_t applied = 0;
  for (std::size_t d = 0; d < world.decisions.size(); ++d) {
    const auto& [num_events, text] = world.decisions[d];
    for (; applied < num_events; ++applied) {
      const Event& event = world.events()[applied];
      history.apply(event);
      fresh->apply(event, history);
    }
    // Asked now and then only: what it says must not depend on having been asked before.
    if (k++ % stride != 0) continue;
    int live = 0;
    for (const Trial& trial : history.trials()) live += trial.status == TrialStatus::Running;
    const SchedulerView view{
        .history = history, .now = history.time(), .free_workers = workers - live};
    ASSERT_EQ(text_of(fresh->decide(view)), text) << "after " << num_events << " events";
  }
}

}  // namespace skipjack::testing
