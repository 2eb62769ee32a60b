// Adaptive capping by hand: events in, commands out. Times in seconds.
#include "skipjack/schedule/capping.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using std::chrono::seconds;

const Metric kTime{.name = "time", .kind = MetricKind::Time};
const SearchSpace& space() {
  static const SearchSpace space({{"x", rand_int(0, 99)}});
  return space;
}

/// Starts configurations 0, 1, 2, ... whenever it is asked.
class Counting final : public Scheduler {
 public:
  void apply(const Event& event, const History&) override {
    num_started_ += std::holds_alternative<TrialStarted>(event.body);
  }
  std::vector<Command> decide(const SchedulerView& view) override {
    if (view.free_workers == 0) return {};
    return {Start{.configuration = Json::Object{{"x", num_started_}}}};
  }

 private:
  std::int64_t num_started_ = 0;
};

class Play {
 public:
  explicit Play(double slack = 1.5, std::optional<ProgressOptions> progress = std::nullopt)
      : scheduler_(make_capping({.inner = std::make_unique<Counting>(),
                                 .space = space(),
                                 .metric = kTime,
                                 .slack = slack,
                                 .progress = std::move(progress)})) {}

  void add(Duration at, EventBody body) {
    now_ = at;
    const Event event{history_.num_events(), at, 0, std::move(body)};
    history_.apply(event);
    scheduler_->apply(event, history_);
  }
  /// What is decided now; a Start is carried out.
  std::vector<Command> decide(int free_workers) {
    std::vector<Command> commands =
        scheduler_->decide({.history = history_, .now = now_, .free_workers = free_workers});
    for (const Command& command : commands) {
      if (const auto* start = std::get_if<Start>(&command))
        add(now_, TrialStarted{.trial = static_cast<TrialId>(history_.trials().size()),
                               .configuration = start->configuration,
                               .deadline = start->deadline});
      if (const auto* set = std::get_if<SetDeadline>(&command))
        add(now_, DeadlineSet{set->trial, set->deadline});
      if (const auto* stop = std::get_if<Stop>(&command))
        add(now_, StopOrdered{stop->trial, stop->reason, stop->bound});
    }
    return commands;
  }
  std::optional<double> expected_of(TrialId trial) const { return scheduler_->expected_of(trial); }
  void report(TrialId trial, Duration at, double progress, double value) {
    add(at, Reported{{trial, 0}, Json::Object{{"progress", progress}, {"time", value}}});
  }
  void finish(TrialId trial, Duration at, double value) {
    add(at, Reported{{trial, 0}, Json::Object{{"time", value}}});
    add(at, AttemptEnded{{trial, 0}, {.outcome = Outcome::Completed}});
  }
  const History& history() const { return history_; }

 private:
  std::unique_ptr<Scheduler> scheduler_;
  History history_;
  Duration now_{0};
};

template <class T>
const T* find(const std::vector<Command>& commands) {
  for (const Command& command : commands)
    if (const auto* found = std::get_if<T>(&command)) return found;
  return nullptr;
}

TEST(Capping, CapsNothingBeforeAnythingWasMeasured) {
  Play play;
  const auto commands = play.decide(1);
  EXPECT_FALSE(find<Start>(commands)->deadline.has_value());
}

TEST(Capping, DeadlineIsTheBestTimesSlackPlusWhatATrialCosts) {
  Play play(1.5);
  play.decide(1);
  play.finish(0, seconds(12), 10);  // two seconds of it were not the work
  const auto commands = play.decide(1);
  EXPECT_EQ(find<Start>(commands)->deadline, seconds(12) + seconds(15) + seconds(2));
}

TEST(Capping, StopsASilentTrialAtItsDeadlineWithABound) {
  Play play(1.5);
  play.decide(1);
  play.finish(0, seconds(12), 10);
  play.decide(1);
  play.add(seconds(29), DeadlineReached{1});
  const auto commands = play.decide(0);
  const Stop* stop = find<Stop>(commands);
  ASSERT_NE(stop, nullptr);
  EXPECT_EQ(stop->trial, 1);
  EXPECT_DOUBLE_EQ(stop->bound.value(), 15);
  play.add(seconds(29), AttemptEnded{{1, 0}, {.outcome = Outcome::Stopped}});
  const auto observation = observe(play.history().trials()[1], kTime);
  ASSERT_TRUE(observation.has_value());
  ASSERT_TRUE(std::holds_alternative<Bounded>(*observation));
  EXPECT_DOUBLE_EQ(std::get<Bounded>(*observation).bound, 15);
}

TEST(Capping, ANewBestShortensWhatRuns) {
  Play play(1.5);
  play.decide(1);
  play.finish(0, seconds(10), 10);
  play.decide(2);
  play.decide(1);
  play.finish(1, seconds(14), 4);
  const auto commands = play.decide(0);
  const SetDeadline* set = find<SetDeadline>(commands);
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->trial, 2);
  EXPECT_EQ(set->deadline, seconds(16));
}

TEST(Capping, WhatANewBestOvertookIsDueAtOnce) {
  Play play(1.5);
  play.decide(1);
  play.finish(0, seconds(10), 10);
  play.decide(2);
  play.decide(1);
  play.finish(1, seconds(20), 10);
  play.decide(1);
  play.finish(3, seconds(24), 4);  // trial 2 has run for 14 seconds by now
  const auto commands = play.decide(0);
  ASSERT_NE(find<SetDeadline>(commands), nullptr);
  EXPECT_EQ(find<SetDeadline>(commands)->trial, 2);
  EXPECT_EQ(find<SetDeadline>(commands)->deadline, seconds(24));
}

TEST(Capping, DeadlinesAreNotSetAgainWithoutNeed) {
  Play play(1.5);
  play.decide(1);
  play.finish(0, seconds(10), 10);
  play.decide(2);
  EXPECT_TRUE(play.decide(0).empty());
}

TEST(Capping, NoiseBetweenRepetitionsWidensTheCap) {
  // Configuration 0 measured twice, at 10 exp(+-0.1): s = 0.1 sqrt(2), r = 2.
  SearchSpace one({{"x", rand_int(0, 0)}});
  class Same final : public Scheduler {
    void apply(const Event&, const History&) override {}
    std::vector<Command> decide(const SchedulerView&) override {
      return {Start{.configuration = Json::Object{{"x", 0}}}};
    }
  };
  const auto scheduler = make_capping(
      {.inner = std::make_unique<Same>(), .space = one, .metric = kTime, .slack = 1.2});
  History history;
  const auto add = [&](double at, EventBody body) {
    const Event event{history.num_events(), from_seconds(at), 0, std::move(body)};
    history.apply(event);
    scheduler->apply(event, history);
  };
  double now = 0;
  for (const double sign : {-1.0, 1.0}) {
    const double value = 10 * std::exp(0.1 * sign);
    const auto trial = static_cast<TrialId>(history.trials().size());
    add(now, TrialStarted{.trial = trial, .configuration = Json::Object{{"x", 0}}});
    now += value;
    add(now, Reported{{trial, 0}, Json::Object{{"time", value}}});
    add(now, AttemptEnded{{trial, 0}, {.outcome = Outcome::Completed}});
  }
  const auto commands =
      scheduler->decide({.history = history, .now = from_seconds(now), .free_workers = 1});
  const double s = 0.1 * std::sqrt(2.0);
  EXPECT_NEAR(to_seconds(*find<Start>(commands)->deadline) - now,
              1.2 * 10 * std::exp(2 * s / std::sqrt(2.0) + 2 * s), 1e-6);
}

TEST(Capping, AnotherAttemptIsTimedFromItsOwnStart) {
  Play play(1.5);
  play.decide(1);
  play.finish(0, seconds(10), 10);
  play.decide(1);
  play.add(seconds(20), AttemptEnded{{1, 0}, {.outcome = Outcome::Lost}});
  play.add(seconds(100), TrialResumed{.id = {1, 1}});
  const auto commands = play.decide(0);
  ASSERT_NE(find<SetDeadline>(commands), nullptr);
  EXPECT_EQ(find<SetDeadline>(commands)->deadline, seconds(115));
}

/// Three trials of 10, 12 and 14 seconds, whose first tenth took a tenth of it; trial 3 has begun.
Play with_three_measured(Play play) {
  for (TrialId trial = 0; trial < 3; ++trial) {
    play.decide(1);
    const std::int64_t begun = 20 * trial, takes = 10 + 2 * trial;
    const auto value = static_cast<double>(takes);
    play.report(trial, seconds(begun + 1), 0.1, value / 10);
    play.report(trial, seconds(begun + takes), 1, value);
    play.add(seconds(begun + takes), AttemptEnded{{trial, 0}, {.outcome = Outcome::Completed}});
  }
  play.decide(1);
  return play;
}

TEST(Capping, ProgressThatFallsBehindStopsATrialWithWhatItWouldTake) {
  Play play = with_three_measured(Play(1.5, ProgressOptions{}));
  play.report(3, seconds(61), 0.1, 3);
  const auto commands = play.decide(0);
  const Stop* stop = find<Stop>(commands);
  ASSERT_NE(stop, nullptr);
  EXPECT_EQ(stop->trial, 3);
  EXPECT_NEAR(stop->bound.value(), 30, 1e-9);
  EXPECT_TRUE(play.decide(0).empty());
}

TEST(Capping, ProgressThatMayWinGoesOn) {
  Play play = with_three_measured(Play(1.5, ProgressOptions{}));
  play.report(3, seconds(61), 0.1, 0.9);
  EXPECT_EQ(find<Stop>(play.decide(0)), nullptr);
  // So does one that is a hair slower: by three trials nothing is known to a thousandth.
  play.report(3, seconds(62), 0.15, 1.503);
  EXPECT_EQ(find<Stop>(play.decide(0)), nullptr);
}

TEST(Capping, ANewBestStopsWhatItsProgressTellsIsSlower) {
  Play play = with_three_measured(Play(1.5, ProgressOptions{}));
  play.decide(1);
  play.report(3, seconds(61), 0.1, 0.9);
  EXPECT_EQ(find<Stop>(play.decide(0)), nullptr);
  play.finish(4, seconds(64), 5);
  const auto commands = play.decide(0);
  ASSERT_NE(find<Stop>(commands), nullptr);
  EXPECT_EQ(find<Stop>(commands)->trial, 3);
}

TEST(Capping, ProgressDoesNotSpareASilentTrialItsDeadline) {
  Play play = with_three_measured(Play(1.5, ProgressOptions{}));
  const auto deadline = play.history().trials()[3].deadline;
  ASSERT_TRUE(deadline.has_value());
  play.add(*deadline, DeadlineReached{3});
  ASSERT_NE(find<Stop>(play.decide(0)), nullptr);
}

TEST(Capping, WhatTheEndOfTheTuningStopsDidNotTakeTheSecondsSoFar) {
  Play first(1.5, ProgressOptions{});
  first.decide(1);
  EXPECT_FALSE(first.expected_of(0).has_value()) << "no report";
  first.report(0, seconds(1), 0.25, 2);
  EXPECT_NEAR(first.expected_of(0).value(), 8, 1e-9);
  first.report(0, seconds(9), 1, 9);
  EXPECT_FALSE(first.expected_of(0).has_value()) << "it is all there";
  Play play = with_three_measured(Play(1.5, ProgressOptions{}));
  play.report(3, seconds(61), 0.1, 0.9);
  EXPECT_NEAR(play.expected_of(3).value(), 9, 1e-9);
  Play estimates(1.5, ProgressOptions{.so_far = SoFar::Estimate});
  estimates.decide(1);
  estimates.report(0, seconds(1), 0.25, 2);
  EXPECT_FALSE(estimates.expected_of(0).has_value());
  EXPECT_FALSE(Play().expected_of(0).has_value());
}

TEST(Capping, FirstReportsWithoutProgressEndTheTuning) {
  Play play(1.5, ProgressOptions{});
  play.decide(1);
  play.add(seconds(1), Reported{{0, 0}, Json::Object{{"time", 1}}});
  EXPECT_THROW(play.decide(1), Error);
}

TEST(Capping, RefusesWhatIsNoTimeToMinimise) {
  EXPECT_THROW(
      make_capping({.inner = std::make_unique<Counting>(), .space = space(), .metric = {"loss"}}),
      Error);
  EXPECT_THROW(
      make_capping(
          {.inner = std::make_unique<Counting>(), .space = space(), .metric = kTime, .slack = 0.9}),
      Error);
  EXPECT_THROW(make_capping({.inner = nullptr, .space = space(), .metric = kTime}), Error);
  EXPECT_THROW(make_capping({.inner = std::make_unique<Counting>(),
                             .space = space(),
                             .metric = kTime,
                             .progress = ProgressOptions{.max_progress = -1}}),
               Error);
}

}  // namespace
}  // namespace skipjack
