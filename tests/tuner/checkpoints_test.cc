#include "skipjack/tuner/checkpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loop_parts.h"
#include "skipjack/base/error.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack {
namespace {

using namespace std::chrono_literals;
using namespace skipjack::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Four epochs a second apart; a resumed attempt goes on behind the level that it was paused at, or
/// begins anew.
struct Epochs {
  bool keeps_checkpoints = true;
  std::map<TrialId, int> done = {};

  Script operator()(const StartRequest& request) {
    Script script{.duration = 0s};
    for (int epoch = keeps_checkpoints ? done[request.id.trial] + 1 : 1; epoch <= 4; ++epoch) {
      script.duration = *script.duration + 1s;
      script.reports.push_back(
          {*script.duration, Json::Object{{"epoch", epoch}, {"loss", 1.0 / epoch}}});
    }
    return script;
  }
};

/// Pauses every trial at epoch 2, resumes the oldest paused one once num_trials are there.
class PausingScheduler final : public Scheduler {
 public:
  explicit PausingScheduler(std::size_t num_trials) : num_trials_(num_trials) {}
  void apply(const Event& event, const History& history) override {
    if (const auto* reported = std::get_if<Reported>(&event.body);
        reported && reported->id.attempt == 0 && reported->metrics.at("epoch") == Json(2))
      commands_.push_back(Pause{reported->id.trial});
    (void)history;
  }
  std::vector<Command> decide(const SchedulerView& view) override {
    if (!commands_.empty()) return std::exchange(commands_, {});
    const auto& trials = view.history.trials();
    if (view.free_workers == 0) return {};
    if (trials.size() < num_trials_)
      return {Start{.configuration = Json::Object{{"x", static_cast<int>(trials.size())}}}};
    for (const Trial& trial : trials)
      if (trial.status == TrialStatus::Paused) return {Resume{trial.id}};
    return {};
  }
  double checkpoint_worth(const Trial& trial) const override {
    return worth ? worth(trial) : Scheduler::checkpoint_worth(trial);
  }
  std::function<double(const Trial&)> worth;

 private:
  std::size_t num_trials_;
  std::vector<Command> commands_;
};

struct Checkpoints {
  ManualClock clock;
  PausingScheduler scheduler{4};
  VectorSink sink;
  Epochs epochs;
  std::vector<std::string> told;
  TunerOptions options{.log = [this](LogLevel, std::string_view text) { told.emplace_back(text); }};
  WatchedSimulator backend{clock, 1, [this](const StartRequest& r) { return epochs(r); }, 0s};

  TuningResult run(const std::vector<Event>& past = {}) {
    options.clock = &clock;
    options.resource_attr = "epoch";
    sink.before_append = [this](const std::vector<Event>& batch) {
      for (const Event& event : batch)
        if (const auto* reported = std::get_if<Reported>(&event.body))
          epochs.done[reported->id.trial] =
              static_cast<int>(reported->metrics.at("epoch").as_int());
        else if (const auto* removed = std::get_if<CheckpointRemoved>(&event.body))
          epochs.done[removed->trial] = 0;
    };
    return run_tuner(scheduler, backend, sink, past, options);
  }
  std::vector<TrialId> removed() const {
    std::vector<TrialId> trials;
    for (const auto& body : sink.all<CheckpointRemoved>()) trials.push_back(body.trial);
    return trials;
  }
};

TEST(CheckpointsOfTuning, AllAreKeptUnlessSomethingElseIsSaid) {
  Checkpoints c;
  const TuningResult result = c.run();
  ASSERT_THAT(result.history.trials(), SizeIs(4));
  for (const Trial& trial : result.history.trials())
    EXPECT_EQ(trial.status, TrialStatus::Completed);
  EXPECT_EQ(result.time, 16s);  // two epochs, paused, two more: nothing is done twice
  EXPECT_THAT(c.backend.deleted, IsEmpty());
  EXPECT_THAT(c.told, IsEmpty());
}

TEST(CheckpointsOfTuning, ThoseOfEndedTrialsGoAndPausedOnesStay) {
  Checkpoints c;
  c.options.checkpoints.delete_checkpoints = true;
  const TuningResult result = c.run();
  EXPECT_EQ(result.time, 16s);
  EXPECT_THAT(c.backend.deleted, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(c.removed(), c.backend.deleted);
}

TEST(CheckpointsOfTuning, NoMoreAreKeptThanIsSaidAndTheTrialsBeginAnewUntold) {
  Checkpoints c;
  c.options.checkpoints.max_checkpoints = 2;
  const TuningResult result = c.run();
  // Four pause in order: 0 and 1 go, and begin anew. What 0 has when it ends goes as well, since 2
  // and 3 are paused still; of the three that end later, what 1 has.
  EXPECT_THAT(c.removed(), ElementsAre(0, 1, 0, 1));
  EXPECT_EQ(c.removed(), c.backend.deleted);
  for (const Trial& trial : result.history.trials())
    EXPECT_EQ(trial.status, TrialStatus::Completed);
  EXPECT_EQ(result.time, 20s);
  EXPECT_THAT(c.told, IsEmpty()) << "it was us";
}

TEST(CheckpointsOfTuning, WhatIsWorthLeastGoesFirst) {
  Checkpoints c;
  c.options.checkpoints.max_checkpoints = 2;
  c.scheduler.worth = [](const Trial& trial) {
    return trial.status == TrialStatus::Paused ? 10.0 - static_cast<double>(trial.id) : 0.0;
  };
  c.run();
  // Of the first three that paused; by age it would have been 0.
  EXPECT_EQ(c.removed().at(0), 2);
}

TEST(CheckpointsOfTuning, AProgramWithoutThemIsToldOnceAndWorks) {
  Checkpoints c;
  c.epochs.keeps_checkpoints = false;
  const TuningResult result = c.run();
  EXPECT_EQ(result.time, 24s);
  for (const Trial& trial : result.history.trials())
    EXPECT_EQ(trial.status, TrialStatus::Completed);
  ASSERT_THAT(c.told, SizeIs(1));
  EXPECT_THAT(c.told[0],
              HasSubstr("trial 0 was resumed and began anew, at epoch 1 after 2: a program that"));
}

TEST(CheckpointsOfTuning, ARemovalThatAKilledTunerOwedIsMadeUpFor) {
  Checkpoints c;
  c.options.checkpoints.max_checkpoints = 2;
  c.run();
  std::vector<Event> past;
  for (const Event& event : c.sink.events) {
    past.push_back(event);
    if (std::holds_alternative<CheckpointRemoved>(event.body)) break;
  }
  Checkpoints again;
  again.options.checkpoints.max_checkpoints = 2;
  again.epochs.done = {{0, 0}, {1, 2}, {2, 2}};
  const TuningResult result = again.run(past);
  EXPECT_EQ(again.backend.deleted.at(0), 0);
  EXPECT_EQ(result.history.trials().size(), 4u);
}

TEST(CheckpointKeeper, RefusesAQuotaOfNothing) {
  EXPECT_THROW(validate(CheckpointOptions{.max_checkpoints = 0}), Error);
  EXPECT_NO_THROW(validate(CheckpointOptions{.max_checkpoints = 1}));
}

TEST(CheckpointKeeper, APausedTrialThatIsStoppedIsWorthNothing) {
  CheckpointKeeper keeper({.delete_checkpoints = true});
  PausingScheduler scheduler(1);
  History history;
  std::int64_t number = 0;
  const auto add = [&](EventBody body) {
    const Event event{.number = number++, .body = std::move(body)};
    history.apply(event);
    keeper.apply(event);
    return keeper.superfluous(scheduler, history);
  };
  add(TrialStarted{.trial = 0, .configuration = Json::Object{}});
  EXPECT_THAT(add(AttemptEnded{{0, 0}, {.outcome = Outcome::Paused}}), IsEmpty());
  EXPECT_THAT(add(StopOrdered{0, "the bracket is over"}), ElementsAre(0));
  add(CheckpointRemoved{0});
  EXPECT_THAT(add(StopOrdered{0, "again"}), IsEmpty());
}

TEST(CheckpointKeeper, ALostAttemptRunsAgainAndKeepsWhatItHas) {
  CheckpointKeeper keeper({.delete_checkpoints = true});
  PausingScheduler scheduler(1);
  History history;
  for (const Event& event :
       {Event{.number = 0, .body = TrialStarted{.trial = 0, .configuration = Json::Object{}}},
        Event{.number = 1, .body = AttemptEnded{{0, 0}, {.outcome = Outcome::Lost}}}}) {
    history.apply(event);
    keeper.apply(event);
  }
  EXPECT_THAT(keeper.superfluous(scheduler, history), IsEmpty());
}

}  // namespace
}  // namespace skipjack
