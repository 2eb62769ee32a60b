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

TEST(TunerOptions, RefusesWhatMakesNoSense) {
  Bench b(always(reports_once(1)));
  b.options.workers = 0;
  EXPECT_THROW(b.run(), Error);
  b.options.workers = 1;
  b.options.stop.max_time = 0s;
  EXPECT_THROW(b.run(), Error);
}

}  // namespace
}  // namespace skipjack
