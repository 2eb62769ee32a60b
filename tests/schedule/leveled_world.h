// A small world without chance beyond the order of events, whose trials report level by level: for
// tests that count who came how far. (conformance.h has the world in which everything goes wrong.)
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/schedule/scheduler.h"

namespace skipjack::testing {

struct LeveledWorldOptions {
  std::uint64_t seed = 0;
  int workers = 3;
  std::int64_t max_t = 27;
  /// Levels that a trial reports in one moment, before the scheduler can say anything.
  std::int64_t levels_at_once = 1;
  /// What a trial reports at a level, by metric.
  std::function<Json::Object(const Trial&, std::int64_t level)> value;
  /// Resumed trials go on where they were, instead of from the start.
  bool has_checkpoints = true;
  /// Trials that fail at their first step.
  std::set<TrialId> failing = {};
  /// A start beyond them is a failure.
  std::size_t max_trials = std::numeric_limits<std::size_t>::max();
};

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
  /// Highest level that each trial has come to.
  std::map<TrialId, std::int64_t> reached;

  SchedulerView view() const {
    return {.history = history_,
            .now = history_.time(),
            .free_workers = options_.workers - num_running(),
            .starts_full = history_.trials().size() >= options_.max_trials};
  }

 private:
  struct Attempt {
    std::int64_t level = 0;
    std::optional<Outcome> told;
  };

  void add(EventBody body) {
    events_.push_back({.number = static_cast<std::int64_t>(events_.size()),
                       .time = std::chrono::seconds(events_.size()),
                       .body = std::move(body)});
    history_.apply(events_.back());
    scheduler_.apply(events_.back(), history_);
  }

  void obey(const Start& start) {
    const auto id = static_cast<TrialId>(history_.trials().size());
    ASSERT_LT(history_.trials().size(), options_.max_trials);
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
    live_[id] = {.level = level};
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
    live_[resume.trial] = {.level = options_.has_checkpoints ? reached[resume.trial] : 0};
  }

  /// True if a worker is free and something was started.
  bool decide() {
    const int free = view().free_workers;
    int num_started = 0;
    for (const Command& command : scheduler_.decide(view())) {
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

  void happen() {
    auto at = live_.begin();
    std::advance(at, rng_.uniform_int(0, static_cast<std::int64_t>(live_.size()) - 1));
    const TrialId trial = at->first;
    Attempt& attempt = at->second;
    if (attempt.told) return end(trial, *attempt.told);
    if (options_.failing.contains(trial)) return end(trial, Outcome::Failed);
    if (attempt.level == options_.max_t) return end(trial, Outcome::Completed);
    for (std::int64_t i = 0; i < options_.levels_at_once && attempt.level < options_.max_t; ++i)
      report(trial, ++attempt.level);
  }

  void report(TrialId trial, std::int64_t level) {
    reached[trial] = std::max(reached[trial], level);
    Json::Object metrics = options_.value(*history_.find(trial), level);
    metrics.emplace_back("epoch", level);
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

}  // namespace skipjack::testing
