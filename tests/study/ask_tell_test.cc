#include "skipjack/study/ask_tell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <set>
#include <thread>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using testing::HasSubstr;

template <class Action>
std::pair<ErrorCode, std::string> error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::Unsupported, "no error"};
}

SearchSpace grid_space() { return SearchSpace({{"x", rand_int(0, 3)}, {"k", Json("c")}}); }

AskTellOptions options_for(const std::string& method) {
  return {.space = grid_space(), .metrics = {{"loss"}}, .method = method, .seed = 3};
}

class VectorSink final : public EventSink {
 public:
  void append(const std::vector<Event>& more) override {
    if (broken) throw Error(ErrorCode::Io, "the disk is full");
    events.insert(events.end(), more.begin(), more.end());
  }
  std::vector<Event> events;
  bool broken = false;
};

TEST(AskTell, AsksTheMidpointFirst) {
  AskTell study(options_for("random"));
  EXPECT_EQ(study.ask().configuration, grid_space().midpoint());
}

TEST(AskTell, GridAsksEverythingOnceAndIsThenExhausted) {
  AskTellOptions options = options_for("grid");
  options.points_to_evaluate = std::vector<Configuration>{};
  AskTell study(options);
  std::set<std::int64_t> asked;
  for (int i = 0; i < 4; ++i) {
    const AskedTrial trial = study.ask();
    EXPECT_EQ(trial.id, i);
    const std::int64_t x = trial.configuration.at("x").as_int();
    asked.insert(x);
    study.tell(trial.id, {{"loss", std::abs(static_cast<double>(x) - 2)}});
  }
  EXPECT_EQ(asked, (std::set<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(error_of([&] { study.ask(); }).first, ErrorCode::Exhausted);
  EXPECT_EQ(study.best()->configuration.at("x"), Json(2));
  EXPECT_EQ(study.best()->value, 0);
}

TEST(AskTell, BestFollowsTheMode) {
  AskTellOptions options = options_for("random");
  options.metrics = {{.name = "gain", .mode = Mode::Max}};
  AskTell study(options);
  EXPECT_FALSE(study.best());
  const TrialId low = study.ask().id, high = study.ask().id;
  study.tell(low, {{"gain", 1}});
  study.tell(high, {{"gain", 2}});
  EXPECT_EQ(study.best()->id, high);
}

TEST(AskTell, BestIsFeasible) {
  AskTellOptions options = options_for("random");
  options.metrics = {{"loss"}, {.name = "excess", .role = MetricRole::Constraint}};
  AskTell study(options);
  const TrialId outside = study.ask().id, inside = study.ask().id;
  study.tell(outside, {{"loss", 1}, {"excess", 0.5}});
  study.tell(inside, {{"loss", 2}, {"excess", 0}});
  EXPECT_EQ(study.best()->id, inside);
}

TEST(AskTell, FrontHoldsWhatNoOtherTrialBeatsInAllObjectives) {
  AskTellOptions options = options_for("random");
  options.metrics = {{"loss"}, {.name = "gain", .mode = Mode::Max}};
  AskTell study(options);
  const TrialId cheap = study.ask().id, beaten = study.ask().id, good = study.ask().id;
  study.tell(cheap, {{"loss", 1}, {"gain", 1}});
  study.tell(beaten, {{"loss", 2}, {"gain", 0.5}});
  study.tell(good, {{"loss", 3}, {"gain", 2}});
  const std::vector<FrontMember> front = study.front();
  ASSERT_EQ(front.size(), 2U);
  EXPECT_EQ(front[0].trial, cheap);
  EXPECT_EQ(front[1].trial, good);
  EXPECT_EQ(front[1].values, (std::vector<double>{3, 2}));
}

TEST(AskTell, FailedAndNonFiniteTrialsAreFailures) {
  AskTell study(options_for("random"));
  const TrialId crashed = study.ask().id, diverged = study.ask().id;
  study.tell_failed(crashed, "out of memory");
  study.tell(diverged, {{"loss", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_EQ(study.history().find(crashed)->status, TrialStatus::Failed);
  EXPECT_EQ(study.history().find(crashed)->end->reason, "out of memory");
  EXPECT_EQ(study.history().find(diverged)->status, TrialStatus::Failed);
  EXPECT_THAT(study.history().find(diverged)->end->reason, HasSubstr("loss = nan"));
  EXPECT_FALSE(study.best());
}

TEST(AskTell, WrongAnswersAreRefusedAndChangeNothing) {
  AskTell study(options_for("random"));
  const TrialId id = study.ask().id;
  const std::int64_t num_events = study.history().num_events();
  EXPECT_THAT(error_of([&] { study.tell(id, {{"lose", 1}}); }).second, HasSubstr("'loss'"));
  EXPECT_THAT(error_of([&] { study.tell(7, {{"loss", 1}}); }).second, HasSubstr("trial 7"));
  EXPECT_THAT(error_of([&] {
                study.tell(id, {{"loss", 1}, {"loss", 2}});
              }).second,
              HasSubstr("twice"));
  EXPECT_EQ(study.history().num_events(), num_events);
  study.tell(id, {{"loss", 1}});
  EXPECT_THAT(error_of([&] { study.tell(id, {{"loss", 1}}); }).second, HasSubstr("completed"));
}

TEST(AskTell, NamesBadOptions) {
  AskTellOptions options = options_for("magic");
  EXPECT_THAT(error_of([&] { AskTell study(options); }).second, HasSubstr("magic"));
  options = options_for("random");
  options.metrics = {};
  EXPECT_THAT(error_of([&] { AskTell study(options); }).second, HasSubstr("no objective"));
}

TEST(AskTell, SinkGetsEveryEventInOrderBeforeTheCallReturns) {
  VectorSink sink;
  ManualClock clock;
  AskTellOptions options = options_for("random");
  options.sink = &sink;
  options.clock = &clock;
  AskTell study(options);
  ASSERT_EQ(sink.events.size(), 1u);
  const TrialId id = study.ask().id;
  ASSERT_EQ(sink.events.size(), 2u);
  clock.advance(from_seconds(5));
  study.tell(id, {{"loss", 0.25}});
  ASSERT_EQ(sink.events.size(), 4u);
  for (std::size_t i = 0; i < sink.events.size(); ++i)
    EXPECT_EQ(sink.events[i].number, static_cast<std::int64_t>(i));
  EXPECT_EQ(sink.events[2].time, from_seconds(5));
  EXPECT_EQ(std::get<Reported>(sink.events[2].body).metrics.at("loss"), Json(0.25));
}

TEST(AskTell, EventsThatTheSinkRefusedComeWithTheNext) {
  VectorSink sink;
  AskTellOptions options = options_for("random");
  options.sink = &sink;
  AskTell study(options);
  const TrialId id = study.ask().id;
  sink.broken = true;
  EXPECT_EQ(error_of([&] { study.tell(id, {{"loss", 1}}); }).first, ErrorCode::Io);
  sink.broken = false;
  study.ask();
  ASSERT_EQ(sink.events.size(), 5u);
  EXPECT_TRUE(std::holds_alternative<AttemptEnded>(sink.events[3].body));
}

// The questions after going on are those that the uninterrupted study would have asked.
TEST(AskTell, GoesOnFromPastEvents) {
  const SearchSpace space({{"x", uniform(-1, 1)}, {"y", log_uniform(1e-3, 1)}});
  const auto loss = [](const Configuration& c) {
    return std::pow(c.at("x").as_double() - 0.3, 2) +
           std::pow(std::log(c.at("y").as_double()) + 2, 2);
  };
  for (const char* method : {"random", "bayesopt"}) {
    VectorSink sink;
    AskTellOptions options{.space = space, .metrics = {{"loss"}}, .method = method, .seed = 9};
    AskTellOptions first_options = options;
    first_options.sink = &sink;
    AskTell whole(first_options);
    for (int i = 0; i < 12; ++i) {
      const AskedTrial trial = whole.ask();
      whole.tell(trial.id, {{"loss", loss(trial.configuration)}});
    }
    const AskedTrial open = whole.ask();
    options.past = sink.events;
    AskTell resumed(options);
    EXPECT_EQ(resumed.best()->value, whole.best()->value);
    resumed.tell(open.id, {{"loss", loss(open.configuration)}});
    whole.tell(open.id, {{"loss", loss(open.configuration)}});
    for (int i = 0; i < 3; ++i) {
      const AskedTrial a = whole.ask(), b = resumed.ask();
      EXPECT_EQ(a.configuration, b.configuration) << method;
      whole.tell(a.id, {{"loss", loss(a.configuration)}});
      resumed.tell(b.id, {{"loss", loss(b.configuration)}});
    }
  }
}

TEST(AskTell, ReportsOnTheWayAreKept) {
  AskTell study(options_for("random"));
  const TrialId id = study.ask().id;
  EXPECT_EQ(study.report(id, {{"loss", 3}, {"epoch", 1}}), Advice::Continue);
  study.tell(id, {{"loss", 2}, {"epoch", 2}});
  EXPECT_EQ(study.history().find(id)->reports.size(), 2u);
  EXPECT_EQ(study.best()->value, 2);
}

TEST(AskTell, TheLastReportToldAgainIsOneReport) {
  AskTell study({.space = SearchSpace({{"x", uniform(0, 1)}}), .metrics = {{"loss"}}});
  const AskedTrial trial = study.ask();
  study.report(trial.id, {{"loss", 0.5}, {"epoch", 1}});
  study.tell(trial.id, {{"loss", 0.5}, {"epoch", 1}});
  EXPECT_EQ(study.history().find(trial.id)->reports.size(), 1u);
  EXPECT_EQ(study.history().find(trial.id)->status, TrialStatus::Completed);
}

TEST(AskTell, TheLastReportToldInAnotherOrderOrInPartIsOneReport) {
  AskTell study({.space = SearchSpace({{"x", uniform(0, 1)}}), .metrics = {{"loss"}}});
  for (const AskTell::Values& told :
       {AskTell::Values{{"epoch", 1}, {"loss", 0.5}}, AskTell::Values{{"loss", 0.5}}}) {
    const TrialId id = study.ask().id;
    study.report(id, {{"loss", 0.5}, {"epoch", 1}});
    study.tell(id, told);
    EXPECT_EQ(study.history().find(id)->reports.size(), 1u);
  }
}

TEST(AskTell, WhatTheLastReportHasNotIsReportedWhole) {
  AskTell study({.space = SearchSpace({{"x", uniform(0, 1)}}), .metrics = {{"loss"}}});
  const TrialId id = study.ask().id;
  study.report(id, {{"loss", 0.5}, {"epoch", 1}});
  study.tell(id, {{"loss", 0.5}, {"epoch", 2}});
  const Json whole = Json::Object{{"loss", 0.5}, {"epoch", 2.0}};
  ASSERT_EQ(study.history().find(id)->reports.size(), 2u);
  EXPECT_EQ(study.history().find(id)->reports.back().metrics, whole);
}

TEST(AskTell, ManyTrialsMayBeOpen) {
  AskTellOptions options = options_for("bayesopt");
  options.space = SearchSpace({{"x", uniform(0, 1)}});
  AskTell study(options);
  std::set<std::string> keys;
  for (int i = 0; i < 8; ++i) keys.insert(options.space.key(study.ask().configuration));
  EXPECT_EQ(keys.size(), 8u);
  EXPECT_EQ(study.history().running().size(), 8u);
}

double bowl(const Configuration& c) {
  return std::pow(c.at("x").as_double() - 0.3, 2) + std::pow(c.at("y").as_double() + 0.2, 2);
}

AskTellOptions plane_options(const std::string& method) {
  return {.space = SearchSpace({{"x", uniform(-1, 1)}, {"y", uniform(-1, 1)}}),
          .metrics = {{"loss"}},
          .method = method,
          .seed = 7};
}

// Each of a batch knows of those before it, as if they had been asked one by one.
TEST(AskTellBatch, AsksWhatOneByOneWouldAsk) {
  for (const char* method : {"random", "sobol", "bayesopt"}) {
    AskTell batches(plane_options(method)), singles(plane_options(method));
    for (int round = 0; round < 4; ++round) {
      const std::vector<AskedTrial> batch = batches.ask(5);
      ASSERT_EQ(batch.size(), 5u);
      for (const AskedTrial& trial : batch) {
        const AskedTrial single = singles.ask();
        EXPECT_EQ(trial.id, single.id);
        EXPECT_EQ(trial.configuration, single.configuration) << method;
      }
      for (const AskedTrial& trial : batch)
        for (AskTell* study : {&batches, &singles})
          study->tell(trial.id, {{"loss", bowl(trial.configuration)}});
    }
  }
}

// A model that did not know of the others would name its favourite six times.
TEST(AskTellBatch, OfAModelHoldsNothingTwice) {
  const AskTellOptions options = plane_options("bayesopt");
  AskTell study(options);
  for (const AskedTrial& trial : study.ask(12))
    study.tell(trial.id, {{"loss", bowl(trial.configuration)}});
  std::set<std::string> keys;
  for (const AskedTrial& trial : study.ask(6)) keys.insert(options.space.key(trial.configuration));
  EXPECT_EQ(keys.size(), 6u);
}

TEST(AskTellBatch, HoldsWhatIsLeft) {
  AskTell study(options_for("grid"));
  EXPECT_EQ(study.ask(10).size(), 4u);
  EXPECT_EQ(error_of([&] { study.ask(1); }).first, ErrorCode::Exhausted);
  EXPECT_THAT(error_of([&] { study.ask(0); }).second, HasSubstr("number = 0"));
}

// A study whose clock is moved by hand, with a minute until a silent trial is abandoned.
class AskTellAbandoned : public testing::Test {
 protected:
  AskTellOptions options(const std::string& method = "grid") {
    AskTellOptions options = options_for(method);
    options.points_to_evaluate = std::vector<Configuration>{};
    options.ask_timeout = std::chrono::minutes(1);
    options.sink = &sink_;
    options.clock = &clock_;
    return options;
  }
  void pass(int seconds) { clock_.advance(std::chrono::seconds(seconds)); }

  ManualClock clock_;
  VectorSink sink_;
};

TEST_F(AskTellAbandoned, TrialIsAskedAgainAfterTheTimeout) {
  AskTell study(options());
  const AskedTrial first = study.ask();
  pass(59);
  EXPECT_EQ(study.ask().id, 1);
  pass(1);
  const AskedTrial again = study.ask();
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.attempt, 1);
  EXPECT_EQ(again.configuration, first.configuration);
  const std::size_t size = sink_.events.size();
  const auto& ended = std::get<AttemptEnded>(sink_.events.at(size - 2).body);
  EXPECT_EQ(ended.id, (AttemptId{0, 0}));
  EXPECT_EQ(ended.end.outcome, Outcome::Lost);
  EXPECT_EQ(std::get<TrialResumed>(sink_.events.back().body).id, (AttemptId{0, 1}));
}

TEST_F(AskTellAbandoned, NothingIsWithoutATimeout) {
  AskTellOptions patient = options();
  patient.ask_timeout.reset();
  AskTell study(patient);
  study.ask();
  pass(1'000'000);
  EXPECT_EQ(study.ask().id, 1);
}

TEST_F(AskTellAbandoned, ReportIsASignOfLife) {
  AskTell study(options());
  const TrialId id = study.ask().id;
  pass(50);
  study.report(id, {{"loss", 3}, {"epoch", 1}});
  pass(50);
  EXPECT_EQ(study.ask().id, 1);
  pass(10);
  EXPECT_EQ(study.ask().id, id);
}

TEST_F(AskTellAbandoned, LongestSilentComesFirstAndNewOnesLast) {
  AskTell study(options());
  study.ask(3);
  pass(10);
  study.report(0, {{"loss", 1}});
  pass(60);
  std::vector<std::pair<TrialId, int>> asked;
  for (const AskedTrial& trial : study.ask(4)) asked.emplace_back(trial.id, trial.attempt);
  EXPECT_EQ(asked, (std::vector<std::pair<TrialId, int>>{{1, 1}, {2, 1}, {0, 1}, {3, 0}}));
}

TEST_F(AskTellAbandoned, LateAnswerIsTakenWhileNobodyElseWasAsked) {
  AskTell study(options());
  const AskedTrial slow = study.ask();
  pass(600);
  study.tell(slow.id, {{"loss", 1}}, slow.attempt);
  EXPECT_EQ(study.best()->value, 1);
  EXPECT_EQ(study.ask().id, 1);
}

TEST_F(AskTellAbandoned, LateAnswerIsRefusedOnceSomebodyElseWasAsked) {
  AskTell study(options());
  const AskedTrial slow = study.ask();
  pass(60);
  const AskedTrial again = study.ask();
  const auto [code, message] = error_of([&] { study.tell(slow.id, {{"loss", 1}}, slow.attempt); });
  EXPECT_EQ(code, ErrorCode::Timeout);
  EXPECT_THAT(message, HasSubstr("attempt 0 of trial 0 was given up"));
  EXPECT_EQ(error_of([&] {
              study.report(slow.id, {{"loss", 1}}, slow.attempt);
            }).first,
            ErrorCode::Timeout);
  EXPECT_FALSE(study.best());
  study.tell(again.id, {{"loss", 2}}, again.attempt);
  EXPECT_EQ(study.best()->value, 2);
  EXPECT_EQ(error_of([&] { study.tell_failed(slow.id, "slow", slow.attempt); }).first,
            ErrorCode::Timeout);
  EXPECT_THAT(error_of([&] {
                study.tell(again.id, {{"loss", 2}}, 2);
              }).second,
              HasSubstr("attempt 2 of trial 0 was never asked"));
}

TEST_F(AskTellAbandoned, TrialAbandonedTooOftenHasFailed) {
  AskTellOptions twice = options();
  twice.max_lost_attempts = 2;
  AskTell study(twice);
  const TrialId id = study.ask().id;
  pass(60);
  EXPECT_EQ(study.ask().id, id);
  pass(60);
  EXPECT_EQ(study.ask().id, 1);
  const History history = study.history();
  EXPECT_EQ(history.find(id)->status, TrialStatus::Failed);
  EXPECT_THAT(history.find(id)->end->reason, HasSubstr("in each of 2 attempts"));
  EXPECT_EQ(error_of([&] { study.tell(id, {{"loss", 1}}); }).first, ErrorCode::Timeout);
}

TEST_F(AskTellAbandoned, EveryConfigurationOfAGridIsMeasuredThoughWorkersVanish) {
  AskTell study(options());
  std::set<std::int64_t> measured;
  int num_vanished = 0;
  for (int turn = 0; turn < 40 && measured.size() < 4; ++turn, pass(20)) {
    const auto trial = study.try_ask();
    if (!trial) continue;
    if (trial->attempt == 0 && ++num_vanished <= 3) continue;
    study.tell(trial->id, {{"loss", 1}}, trial->attempt);
    measured.insert(trial->configuration.at("x").as_int());
  }
  EXPECT_EQ(measured.size(), 4u);
  EXPECT_EQ(error_of([&] { study.try_ask(); }).first, ErrorCode::Exhausted);
}

TEST_F(AskTellAbandoned, StudyThatGoesOnKnowsWhatWasAbandoned) {
  {
    AskTell study(options());
    study.ask();
    pass(60);
    study.ask();
    pass(60);
    EXPECT_EQ(study.ask().attempt, 2);
    pass(30);
    study.ask();
  }
  AskTellOptions further = options();
  further.past = sink_.events;
  further.sink = nullptr;
  // Time in which no study runs is no silence.
  pass(1000);
  AskTell study(further);
  EXPECT_EQ(error_of([&] { study.tell(0, {{"loss", 1}}, 1); }).first, ErrorCode::Timeout);
  EXPECT_EQ(study.ask().id, 2);
  pass(30);
  EXPECT_EQ(study.ask().id, 3);  // the third silence of trial 0: it has failed
  EXPECT_EQ(study.history().find(0)->status, TrialStatus::Failed);
}

TEST_F(AskTellAbandoned, BadOptionsAreNamed) {
  AskTellOptions wrong = options();
  wrong.ask_timeout = Duration::zero();
  EXPECT_THAT(error_of([&] { AskTell study(wrong); }).second, HasSubstr("ask_timeout"));
  wrong = options();
  wrong.max_lost_attempts = 0;
  EXPECT_THAT(error_of([&] { AskTell study(wrong); }).second,
              HasSubstr("max_lost_attempts = 0 must be >= 1"));
}

struct ThreadsCase {
  const char* method;
  int num_threads;
  int num_trials;
};

class AskTellThreads : public testing::TestWithParam<ThreadsCase> {};

TEST_P(AskTellThreads, ShareOneStudy) {
  const auto [method, num_threads, num_trials] = GetParam();
  VectorSink sink;
  AskTellOptions options = plane_options(method);
  options.sink = &sink;
  options.ask_timeout = std::chrono::hours(1);
  AskTell study(options);
  std::vector<std::vector<TrialId>> asked(static_cast<std::size_t>(num_threads));
  std::atomic<bool> is_done = false;
  std::thread reader([&] {
    while (!is_done) {
      const History history = study.history();
      const auto best = study.best();
      if (history.trials().size() < 30) {
        (void)study.recommend();  // costs more than all else
      }
      EXPECT_LE(history.running().size(), asked.size());
      if (best) {
        EXPECT_GE(best->value, 0);
      }
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> workers;
  for (auto& own : asked)
    workers.emplace_back([&study, &own, number = num_trials] {
      for (int i = 0; i < number; ++i) {
        const AskedTrial trial = study.ask();
        own.push_back(trial.id);
        study.report(trial.id, {{"loss", bowl(trial.configuration)}, {"epoch", 1}}, trial.attempt);
        if (i % 5 == 4)
          study.tell_failed(trial.id, "odd", trial.attempt);
        else
          study.tell(trial.id, {{"loss", bowl(trial.configuration)}}, trial.attempt);
      }
    });
  for (std::thread& worker : workers) worker.join();
  is_done = true;
  reader.join();

  std::set<TrialId> ids;
  for (const auto& own : asked) ids.insert(own.begin(), own.end());
  const auto total = static_cast<std::size_t>(num_threads * num_trials);
  EXPECT_EQ(ids.size(), total);
  const History history = study.history();
  ASSERT_EQ(history.trials().size(), total);
  for (const Trial& trial : history.trials()) EXPECT_NE(trial.status, TrialStatus::Running);
  for (std::size_t i = 0; i < sink.events.size(); ++i)
    ASSERT_EQ(sink.events[i].number, static_cast<std::int64_t>(i));
}

INSTANTIATE_TEST_SUITE_P(, AskTellThreads,
                         testing::Values(ThreadsCase{"random", 8, 25},
                                         ThreadsCase{"bayesopt", 3, 5}),
                         [](const auto& p) { return std::string(p.param.method); });

AskTellOptions halving_options(const char* type) {
  AskTellOptions options = options_for("asha");
  options.space = SearchSpace({{"x", uniform(0, 1)}, {"epochs", Json(9)}});
  options.method_options = Json::Object{{"type", type}};
  return options;
}

TEST(AskTell, EndsATrialThatHalvingStops) {
  AskTell study(halving_options("stopping"));
  study.ask(), study.ask();
  EXPECT_EQ(study.report(0, {{"loss", 1}, {"epoch", 1}}), Advice::Continue);
  EXPECT_EQ(study.report(1, {{"loss", 2}, {"epoch", 1}}), Advice::End);
  EXPECT_EQ(study.history().trials()[1].status, TrialStatus::Stopped);
}

TEST(AskTell, ATrialToldAtItsRungRestsThereAndIsAskedAgain) {
  AskTell study(halving_options("promotion"));
  EXPECT_EQ(study.ask().max_resource, 1);
  study.ask();
  study.tell(0, {{"loss", 1}, {"epoch", 1}});
  EXPECT_EQ(study.report(1, {{"loss", 2}, {"epoch", 1}}), Advice::End);
  EXPECT_EQ(study.history().trials()[0].status, TrialStatus::Paused);
  const AskedTrial again = study.ask();
  EXPECT_EQ(again.id, 0);
  EXPECT_EQ(again.attempt, 1);
  EXPECT_EQ(again.max_resource, 3);
}

TEST(AskTell, SaysWhatTheFirstReportLacksForHalving) {
  VectorSink sink;
  AskTellOptions options = halving_options("stopping");
  options.sink = &sink;
  AskTell study(std::move(options));
  const AskedTrial trial = study.ask();
  const auto [code, message] = error_of([&] { study.report(trial.id, {{"loss", 1}}); });
  EXPECT_EQ(code, ErrorCode::InvalidArgument);
  EXPECT_THAT(message, HasSubstr("no resource 'epoch'"));
}

}  // namespace
}  // namespace skipjack
