#include "skipjack/tuner/tuner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loop_parts.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace skipjack::testing;

/// A loop with everything around it.
struct Bench {
  ManualClock clock;
  CountingScheduler scheduler;
  VectorSink sink;
  TunerOptions options;
  WatchedSimulator backend;

  explicit Bench(ScriptOf script_of, int workers = 1, std::int64_t limit = 1'000'000,
                 Duration stop_delay = 0s)
      : scheduler(limit), backend(clock, workers, std::move(script_of), stop_delay) {
    options.workers = workers;
    options.clock = &clock;
  }
  TuningResult run(const std::vector<Event>& past = {}) {
    return run_tuner(scheduler, backend, sink, past, options);
  }
};

Script reports_once(double loss, Duration lasts = 10s) {
  return Script{.reports = {{lasts / 2, Json::Object{{"loss", loss}}}}, .duration = lasts};
}

ScriptOf always(Script script) {
  return [script](const StartRequest&) { return script; };
}

Script failing() {
  return Script{.duration = 1s,
                .end = {.outcome = Outcome::Failed,
                        .exit_code = 3,
                        .reason = "exit code 3",
                        .error_tail = "Traceback\nValueError: no such file\n"}};
}

TEST(Tuner, EndsWhenTheCallersOwnCriterionHolds) {
  Bench b(always(reports_once(1)), 2);
  b.options.stop_when = [](const Turn& turn) { return turn.history.num_reports() >= 3; };
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "stop_when");
  // Two run side by side: the third report comes together with the fourth.
  EXPECT_EQ(result.history.num_reports(), 4);
  EXPECT_EQ(result.history.trials().back().status, TrialStatus::Stopped);
}

TEST(Tuner, EndsWhenTheSchedulerHasNothingLeft) {
  Bench b(always(reports_once(1)), 2, 5);
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "all proposed");
  ASSERT_THAT(result.history.trials(), SizeIs(5));
  for (const Trial& trial : result.history.trials())
    EXPECT_EQ(trial.status, TrialStatus::Completed);
  EXPECT_EQ(b.sink.all<RunEnded>().at(0).reason, "all proposed");
}

TEST(Tuner, NumbersEventsFromZeroWithoutGapsAndTimesNeverDecrease) {
  Bench b(always(reports_once(1)), 3, 20);
  b.run();
  for (std::size_t i = 0; i < b.sink.events.size(); ++i) {
    EXPECT_EQ(b.sink.events[i].number, static_cast<std::int64_t>(i));
    if (i) {
      EXPECT_GE(b.sink.events[i].time, b.sink.events[i - 1].time);
    }
  }
}

TEST(Tuner, KeepsEveryWorkerBusyAndNoMore) {
  Bench b(always(reports_once(1)), 4, 40);
  const TuningResult result = b.run();
  EXPECT_EQ(b.backend.max_running, 4);
  EXPECT_EQ(result.time, 100s);  // 40 trials of 10 s on 4 workers, no gap between them
}

TEST(Tuner, UsesNoMoreWorkersThanTheBackendHas) {
  Bench b(always(reports_once(1)), 2, 6);
  b.options.workers = 5;
  b.run();
  EXPECT_EQ(b.backend.max_running, 2);
}

TEST(Tuner, WritesBeforeItActs) {
  Bench b(always(reports_once(1)), 1, 3);
  std::size_t num_started_when_written = 0;
  b.sink.before_append = [&](const std::vector<Event>& batch) {
    for (const Event& event : batch)
      if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
        EXPECT_EQ(b.backend.requests.size(), static_cast<std::size_t>(started->trial));
        ++num_started_when_written;
      }
  };
  b.run();
  EXPECT_EQ(num_started_when_written, 3u);
}

TEST(Tuner, StartsNothingThatCouldNotBeWritten) {
  Bench b(always(reports_once(1)));
  b.sink.before_append = [](const std::vector<Event>&) {
    throw Error(ErrorCode::Io, "the disk is full");
  };
  EXPECT_THROW(b.run(), Error);
  EXPECT_TRUE(b.backend.requests.empty());
  EXPECT_FALSE(b.backend.has_let_go);
}

TEST(Tuner, ToldErrorIsTheFirstWhenTheClockFailsToo) {
  struct BreakingClock final : Clock {
    Duration now() const override { return is_broken ? throw 1 : Duration(0); }
    double unix_time() const override { return is_broken ? throw 1 : 0; }
    bool is_broken = false;
  } clock;
  Bench b(always(reports_once(1)));
  b.options.clock = &clock;
  b.backend.on_wait = [&] {
    clock.is_broken = true;
    throw Error(ErrorCode::Io, "the first error");
  };
  EXPECT_THAT([&] { b.run(); }, ThrowsMessage<Error>(HasSubstr("the first error")));
}

TEST(Tuner, LetsGoOfWhatAnotherTunerHasTakenOver) {
  Bench b(always(reports_once(1)), 1, 3);
  b.sink.before_append = [&](const std::vector<Event>&) {
    if (!b.backend.requests.empty()) throw Error(ErrorCode::AlreadyExists, "taken over");
  };
  EXPECT_THROW(b.run(), Error);
  EXPECT_EQ(b.backend.requests.size(), 1u);
  EXPECT_TRUE(b.backend.has_let_go);
}

TEST(Tuner, PutsReportEndAndNextStartIntoOneTransaction) {
  Bench b(always(Script{.reports = {{10s, Json::Object{{"loss", 1}}}}, .duration = 10s}), 1, 2);
  std::vector<std::size_t> batches;
  b.sink.before_append = [&](const std::vector<Event>& batch) { batches.push_back(batch.size()); };
  b.run();
  // run and start; report, end and start; report and end; end of the run
  EXPECT_THAT(batches, ElementsAre(2, 3, 2, 1));
}

TEST(Tuner, StopsWhatRunsAtMaxTimeToTheInstant) {
  Bench b(always(reports_once(1, 40s)), 2);
  b.options.stop.max_time = 100s;
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "max_time");
  EXPECT_EQ(result.time, 100s);
  ASSERT_THAT(result.history.trials(), SizeIs(6));
  EXPECT_EQ(result.history.trials()[3].status, TrialStatus::Completed);
  EXPECT_EQ(result.history.trials()[5].status, TrialStatus::Stopped);
}

TEST(Tuner, LetsTrialsEndAtMaxTimeIfAskedTo) {
  Bench b(always(reports_once(1, 40s)), 2);
  b.options.stop.max_time = 100s;
  b.options.at_end = AtEnd::WaitForRunning;
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "max_time");
  EXPECT_EQ(result.time, 120s);
  EXPECT_EQ(result.history.trials().back().status, TrialStatus::Completed);
}

TEST(Tuner, StartsExactlyMaxTrialsStartedAndLetsThemEnd) {
  Bench b(always(reports_once(1)), 4);
  b.options.stop.max_trials_started = 6;
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "max_trials_started");
  ASSERT_THAT(result.history.trials(), SizeIs(6));
  for (const Trial& trial : result.history.trials())
    EXPECT_EQ(trial.status, TrialStatus::Completed);
}

TEST(Tuner, CompletesExactlyMaxTrialsCompletedAlthoughSomeFail) {
  Bench b([](const StartRequest& r) { return r.id.trial % 3 == 1 ? failing() : reports_once(1); },
          4);
  b.options.stop.max_trials_completed = 7;
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "max_trials_completed");
  EXPECT_EQ(std::count_if(result.history.trials().begin(), result.history.trials().end(),
                          [](const Trial& t) { return t.status == TrialStatus::Completed; }),
            7);
  EXPECT_TRUE(result.history.running().empty());
}

TEST(Tuner, FinishesExactlyMaxTrialsFinished) {
  Bench b([](const StartRequest& r) { return r.id.trial % 2 ? failing() : reports_once(1); }, 4);
  b.options.stop.max_trials_finished = 9;
  EXPECT_THAT(b.run().history.trials(), SizeIs(9));
}

TEST(Tuner, TakesInExactlyMaxReports) {
  Script chatty{.duration = 10s};
  for (int i = 1; i <= 8; ++i) chatty.reports.push_back({5s, Json::Object{{"loss", i}}});
  Bench b(always(chatty), 3);
  b.options.stop.max_reports = 13;
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "max_reports");
  EXPECT_EQ(result.history.num_reports(), 13);
  EXPECT_THAT(b.sink.all<Reported>(), SizeIs(13));
}

TEST(Tuner, EndsAtTheMetricValueAskedFor) {
  Bench b(
      [](const StartRequest& r) { return reports_once(10.0 - static_cast<double>(r.id.trial)); });
  b.options.stop.min_metric_value = {{"loss", 7.0}};
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "min_metric_value");
  EXPECT_THAT(result.history.trials(), SizeIs(4));
}

TEST(Tuner, EndsWhenTheCostIsSpent) {
  Script costly{.reports = {{1s, Json::Object{{"st_worker_cost", 0.5}}},
                            {2s, Json::Object{{"st_worker_cost", 2.0}}}},
                .duration = 10s};
  Bench b(always(costly));
  b.options.stop.max_cost = 5.5;  // 2, 4, then 4.5, 6: the third trial's second report
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "max_cost");
  EXPECT_THAT(result.history.trials(), SizeIs(3));
}

TEST(Tuner, EndsOnAPlateau) {
  // Best three of 5, 4, 3, 3, 3: their spread is 0 only after the fifth trial.
  const std::vector<double> losses = {5, 4, 3, 3, 3, 1, 1};
  Bench b([&](const StartRequest& r) {
    return reports_once(losses.at(static_cast<std::size_t>(r.id.trial)));
  });
  b.options.stop.plateau = PlateauCriterion{.metric = "loss", .num_trials = 3};
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "plateau");
  EXPECT_THAT(result.history.trials(), SizeIs(5));
}

TEST(Tuner, TakesFailedTrialsAsResults) {
  Bench b([](const StartRequest& r) { return r.id.trial == 0 ? reports_once(1) : failing(); }, 1,
          30);
  EXPECT_THAT(b.run().history.trials(), SizeIs(30));
}

TEST(Tuner, EndsWithTheProgramsLastWordsIfTheFirstTrialsAllFail) {
  Bench b(always(failing()));
  try {
    b.run();
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::Exhausted);
    EXPECT_THAT(e.what(), AllOf(HasSubstr("first 5 trials of this run all failed"),
                                HasSubstr("exit code 3"), HasSubstr("ValueError: no such file")));
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
  }
  EXPECT_THAT(b.backend.requests, SizeIs(5));
  EXPECT_EQ(b.sink.all<RunEnded>().at(0).reason, "failed");
}

TEST(Tuner, EndsAtTheFirstFailureBeyondMaxFailures) {
  Bench b([](const StartRequest& r) { return r.id.trial == 0 ? reports_once(1) : failing(); });
  b.options.max_failures = 2;
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "max_failures");
  EXPECT_THAT(result.history.trials(), SizeIs(4));
}

TEST(Tuner, CallsATrialWithoutTheMetricFailedAndSaysWhatItReported) {
  Bench b(always(Script{.reports = {{1s, Json::Object{{"accuracy", 1}, {"st_worker_iter", 0}}}},
                        .duration = 10s}),
          1, 1);
  b.options.required_metrics = {"loss"};
  const TuningResult result = b.run();
  const Trial& trial = result.history.trials().at(0);
  EXPECT_EQ(trial.status, TrialStatus::Failed);
  EXPECT_EQ(trial.end->reason, "reported no metric 'loss', only accuracy");
}

TEST(Tuner, InterruptStopsWhatRunsAndKeepsTheResults) {
  Bench b(always(reports_once(1, 10s)), 2);
  Interrupt interrupt;
  b.options.interrupt = &interrupt;
  int num_waits = 0;
  b.backend.on_wait = [&] {
    if (++num_waits == 4) interrupt.request();
  };
  const TuningResult result = b.run();
  EXPECT_EQ(result.reason, "interrupted");
  EXPECT_EQ(b.sink.all<RunEnded>().at(0).reason, "interrupted");
  EXPECT_TRUE(result.history.running().empty());
  EXPECT_GE(result.history.num_reports(), 2);
}

TEST(Tuner, InterruptBeforeTheStartStartsNothing) {
  Bench b(always(reports_once(1)));
  Interrupt interrupt;
  interrupt.request();
  b.options.interrupt = &interrupt;
  EXPECT_EQ(b.run().reason, "interrupted");
  EXPECT_TRUE(b.backend.requests.empty());
}

TEST(Tuner, DeadlineComesBackAsAnEventToTheInstant) {
  Bench b(always(reports_once(1, 100s)), 1, 1);
  std::vector<Duration> reached;
  b.scheduler.on_event = [&](const Event& event, const History&, std::vector<Command>& queue) {
    if (std::holds_alternative<RunStarted>(event.body))
      queue.push_back(Start{.configuration = Json::Object{{"x", 0}}, .deadline = 30s});
    if (std::holds_alternative<DeadlineReached>(event.body)) {
      reached.push_back(event.time);
      queue.push_back(Stop{0, "too slow"});
    }
  };
  const TuningResult result = b.run();
  EXPECT_THAT(reached, ElementsAre(Duration(30s)));
  EXPECT_EQ(result.history.trials()[0].status, TrialStatus::Stopped);
  EXPECT_EQ(b.sink.all<StopOrdered>().at(0).reason, "too slow");
}

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

TEST(Tuner, PassesTheTimeLimitOn) {
  Bench b(always(reports_once(1)), 1, 1);
  b.options.trial_time_limit = 7s;
  b.run();
  EXPECT_EQ(b.backend.requests.at(0).time_limit, Duration(7s));
}

TEST(Tuner, RecordsAFailedRunWhenTheBackendRefuses) {
  Bench b(always(reports_once(1)));
  b.backend.fail_start = true;
  EXPECT_THROW(b.run(), std::runtime_error);
  EXPECT_EQ(b.sink.all<RunEnded>().at(0).reason, "failed");
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

TEST(Tuner, EndsIfTheSchedulerWaitsForNothing) {
  struct Waiting final : Scheduler {
    void apply(const Event&, const History&) override {}
    std::vector<Command> decide(const SchedulerView&) override { return {Wait{}}; }
  } scheduler;
  Bench b(always(reports_once(1)));
  EXPECT_EQ(run_tuner(scheduler, b.backend, b.sink, {}, b.options).reason, "stalled");
}

TEST(Tuner, RefusesASchedulerThatStartsMoreThanItMay) {
  struct Greedy final : Scheduler {
    void apply(const Event&, const History&) override {}
    std::vector<Command> decide(const SchedulerView&) override { return {Start{}, Start{}}; }
  } scheduler;
  Bench b(always(reports_once(1)));
  EXPECT_THROW(run_tuner(scheduler, b.backend, b.sink, {}, b.options), Error);
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

TEST(TunerOptions, RefusesWhatMakesNoSense) {
  Bench b(always(reports_once(1)));
  b.options.workers = 0;
  EXPECT_THROW(b.run(), Error);
  b.options.workers = 1;
  b.options.stop.max_time = 0s;
  EXPECT_THROW(b.run(), Error);
}

TEST(StoppingCriterion, RoundTripsThroughJson) {
  StoppingCriterion c{.max_time = 90s,
                      .max_reports = 1,
                      .max_trials_started = 2,
                      .max_trials_completed = 3,
                      .max_trials_finished = 4,
                      .max_cost = 5.5,
                      .cost_metric = "money",
                      .min_metric_value = {{"a", 1.5}},
                      .max_metric_value = {{"b", 2.5}},
                      .plateau = PlateauCriterion{.metric = "a", .mode = Mode::Max, .patience = 3}};
  const Json json = to_json(c);
  EXPECT_EQ(to_json(stopping_criterion_from_json(json)), json);
  EXPECT_EQ(json.as_object().size(), 10u);
}

TEST(StoppingCriterion, NamesAnUnknownField) {
  try {
    stopping_criterion_from_json(Json::Object{{"max_wallclock", 5}});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("'max_wallclock'"));
  }
}

TEST(Progress, RemainingFractionIsTheSmallestOfAllBounds) {
  Progress progress({.max_time = 100s, .max_trials_started = 4});
  History history;
  const Event started{.number = 0, .body = TrialStarted{.trial = 0}};
  history.apply(started);
  progress.apply(started, history);
  EXPECT_DOUBLE_EQ(*progress.remaining_fraction(10s), 0.75);
  EXPECT_DOUBLE_EQ(*progress.remaining_fraction(60s), 0.4);
  EXPECT_DOUBLE_EQ(*progress.remaining_fraction(200s), 0.0);
  EXPECT_EQ(Progress({}).remaining_fraction(10s), std::nullopt);
}

}  // namespace
}  // namespace skipjack
