// What goes on: paused trials, running time after a kill, a run that takes up another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loop_parts.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using namespace skipjack::testing;

TEST(Tuner, PausesAndResumesAsTheNextAttempt) {
  Bench b(
      always(Script{.reports = {{1s, Json::Object{{"loss", 1}}}, {2s, Json::Object{{"loss", 2}}}},
                    .duration = 10s}),
      1, 2);
  b.scheduler.on_event = [&](const Event& event, const History& history,
                             std::vector<Command>& queue) {
    if (const auto* r = std::get_if<Reported>(&event.body); r && r->id == AttemptId{0, 0})
      queue.push_back(Pause{0});
    if (const auto* e = std::get_if<AttemptEnded>(&event.body);
        e && e->id.trial == 1 && history.find(0)->status == TrialStatus::Paused)
      queue.push_back(Resume{0, 9});
  };
  const TuningResult result = b.run();
  EXPECT_EQ(result.history.trials().at(0).attempt, 1);
  EXPECT_EQ(result.history.trials().at(0).status, TrialStatus::Completed);
  EXPECT_EQ(b.backend.requests.back().id, (AttemptId{0, 1}));
  EXPECT_EQ(b.backend.requests.back().max_resource, 9);
}

/// Has trial 0 paused at its report.
void pause_at_report(Bench& b) {
  b.scheduler.on_event = [](const Event& event, const History&, std::vector<Command>& queue) {
    if (const auto* r = std::get_if<Reported>(&event.body); r && r->id == AttemptId{0, 0})
      queue.push_back(Pause{0});
  };
}

TEST(Tuner, ATrialThatEndsByItselfWhereItIsToPauseIsPaused) {
  for (const Duration more : {0s, 1s}) {
    // It ends with its last report, or a little later but before it can be ended.
    Bench b(always(Script{.reports = {{1s, Json::Object{{"loss", 1}}}}, .duration = 1s + more}), 1,
            1, 2s);
    pause_at_report(b);
    const TuningResult result = b.run();
    EXPECT_EQ(result.history.trials().at(0).status, TrialStatus::Paused);
    EXPECT_THAT(b.sink.all<PauseOrdered>(), SizeIs(1));
  }
}

TEST(Tuner, ATrialThatFailsWhereItIsToPauseHasFailed) {
  Bench b(always(Script{.reports = {{1s, Json::Object{{"loss", 1}}}},
                        .duration = 1s,
                        .end = {.outcome = Outcome::Failed, .exit_code = 1}}),
          1, 1);
  pause_at_report(b);
  EXPECT_EQ(b.run().history.trials().at(0).status, TrialStatus::Failed);
}

TEST(Tuner, ShowsLifeOnlyWhileNothingElseIsWritten) {
  Bench b(always(reports_once(1)), 1, 1);  // reports at 5 s, ends at 10 s
  b.sink.interval = 2s;
  b.run();
  EXPECT_THAT(b.sink.alive_at, ElementsAre(2s, 4s, 7s, 9s));
}

TEST(Tuner, ShowsNoLifeToASinkThatDoesNotAsk) {
  Bench b(always(reports_once(1)), 1, 1);
  int num_waits = 0;
  b.backend.on_wait = [&] { ++num_waits; };
  b.run();
  EXPECT_TRUE(b.sink.alive_at.empty());
  EXPECT_EQ(num_waits, 2);  // for the report and for the end: nothing is polled
}

TEST(Tuner, RunningTimeGoesOnFromTheLastSignOfLife) {
  Bench killed(always(reports_once(1, 100s)));
  killed.sink.interval = 1s;
  std::vector<Event> past;
  Duration reached{0};
  killed.backend.on_wait = [&] {  // the journal as a kill at 8.5 s would leave it
    if (killed.clock.now() > 8500ms || killed.sink.alive_at.empty()) return;
    past = killed.sink.events;
    reached = killed.sink.alive_at.back();
  };
  killed.options.stop.max_time = 20s;
  killed.run();
  ASSERT_EQ(past.back().time, 0s);
  ASSERT_EQ(reached, 8s);

  Bench resumed(always(reports_once(1, 100s)));
  resumed.options.reached = reached;
  resumed.options.stop.max_time = 30s;
  const TuningResult result = resumed.run(past);
  EXPECT_EQ(result.reason, "max_time");
  EXPECT_EQ(result.time, 30s);
  EXPECT_EQ(resumed.clock.now(), 22s);  // what is left of 30 s, not of 30 s anew
  EXPECT_TRUE(std::holds_alternative<RunStarted>(resumed.sink.events.at(0).body));
  EXPECT_EQ(resumed.sink.events.at(0).time, 8s);
}

TEST(Tuner, EventsLaterThanTheLastSignOfLifeCount) {
  Bench first(always(reports_once(1)), 1, 2);
  first.run();
  Bench second(always(reports_once(1)), 1, 4);
  second.options.reached = 3s;
  EXPECT_EQ(first.sink.events.back().time, 20s);
  second.run(first.sink.events);
  EXPECT_EQ(second.sink.events.at(0).time, 20s);
}

// Whatever number of events survived, the next run takes up the trials that were half-done, gives
// no number twice, and its time goes on where the journal ended.
class TunerResume : public ::testing::TestWithParam<int> {};

TEST_P(TunerResume, GoesOnFromAnyPrefixOfTheEvents) {
  const auto script = [](const StartRequest& r) {
    return reports_once(static_cast<double>(r.id.trial), 7s + r.id.trial * 1s);
  };
  Bench whole(script, 3, 12);
  whole.run();
  // Only what was written in one transaction can be a prefix.
  const auto keep = static_cast<std::size_t>(GetParam()) % whole.sink.events.size();
  const std::vector<Event> past(whole.sink.events.begin(),
                                whole.sink.events.begin() + static_cast<std::ptrdiff_t>(keep));
  History before;
  for (const Event& event : past) before.apply(event);

  Bench again(script, 3, 12);
  again.clock.advance(1000s);  // the time in between does not count
  const TuningResult result = again.run(past);
  EXPECT_THAT(result.history.trials(), SizeIs(12));
  for (std::size_t i = 0; i < 12; ++i) {
    const Trial& trial = result.history.trials()[i];
    EXPECT_EQ(trial.status, TrialStatus::Completed);
    EXPECT_EQ(trial.configuration, Json(Json::Object{{"x", static_cast<std::int64_t>(i)}}));
    if (i < before.trials().size()) {
      const bool half_done = before.trials()[i].status == TrialStatus::Running;
      EXPECT_EQ(trial.attempt, before.trials()[i].attempt + (half_done ? 1 : 0));
    }
  }
  EXPECT_LE(result.time, before.time() + 140s);
  EXPECT_EQ(again.sink.events.front().number, static_cast<std::int64_t>(keep));
  // Lost ones first.
  for (std::size_t i = 0; i < before.running().size(); ++i)
    EXPECT_EQ(again.backend.requests.at(i).id.trial, before.running()[i]);
}
INSTANTIATE_TEST_SUITE_P(EveryPrefix, TunerResume, ::testing::Range(0, 38));

TEST(TunerResumeOrders, TrialBeingStoppedWhenTheTunerDiedIsStoppedNotRunAgain) {
  Bench first(always(reports_once(1, 100s)), 1, 1, 50s);
  first.scheduler.on_event = [](const Event& e, const History&, std::vector<Command>& queue) {
    if (std::holds_alternative<Reported>(e.body)) queue.push_back(Stop{0, "enough"});
  };
  first.run();
  std::vector<Event> past = first.sink.events;
  while (!std::holds_alternative<StopOrdered>(past.back().body)) past.pop_back();

  Bench second(always(reports_once(1)), 1, 1);
  const TuningResult result = second.run(past);
  EXPECT_EQ(result.history.trials().at(0).status, TrialStatus::Stopped);
  EXPECT_TRUE(second.backend.requests.empty());
  EXPECT_THAT(second.backend.reconciled, ElementsAre(AttemptId{0, 0}));
}

TEST(TunerResumeOrders, ReportsOfAnAdoptedAttemptCountOnce) {
  const auto script = always({.reports = {{1s, Json(Json::Object{{"loss", 1}})},
                                          {2s, Json(Json::Object{{"loss", 2}})},
                                          {3s, Json(Json::Object{{"loss", 3}})}},
                              .duration = 4s});
  Bench first(script, 1, 1);
  first.run();
  std::vector<Event> past = first.sink.events;
  int num_reports = 3;
  while (num_reports > 2) {
    if (std::holds_alternative<Reported>(past.back().body)) --num_reports;
    past.pop_back();
  }

  Bench second(script, 1, 1);
  second.backend.adopts = true;
  const TuningResult result = second.run(past);
  const Trial& trial = result.history.trials().at(0);
  EXPECT_TRUE(second.backend.requests.empty());
  EXPECT_EQ(trial.status, TrialStatus::Completed);
  EXPECT_EQ(trial.attempt, 0);
  ASSERT_THAT(trial.reports, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(trial.reports[i].metrics.at("loss").as_int(), static_cast<std::int64_t>(i) + 1);
}

}  // namespace
}  // namespace skipjack
