#include "skipjack/study/ask_tell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "../thrown.h"
#include "ask_tell_parts.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using testing::HasSubstr;

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
  EXPECT_EQ(error_of([&] { study.ask(); }).code(), ErrorCode::Exhausted);
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
  EXPECT_THAT(error_of([&] { study.tell(id, {{"lose", 1}}); }).what(), HasSubstr("'loss'"));
  EXPECT_THAT(error_of([&] { study.tell(7, {{"loss", 1}}); }).what(), HasSubstr("trial 7"));
  EXPECT_THAT(error_of([&] {
                study.tell(id, {{"loss", 1}, {"loss", 2}});
              }).what(),
              HasSubstr("twice"));
  EXPECT_EQ(study.history().num_events(), num_events);
  study.tell(id, {{"loss", 1}});
  EXPECT_THAT(error_of([&] { study.tell(id, {{"loss", 1}}); }).what(), HasSubstr("completed"));
}

TEST(AskTell, NamesBadOptions) {
  AskTellOptions options = options_for("magic");
  EXPECT_THAT(error_of([&] { AskTell study(options); }).what(), HasSubstr("magic"));
  options = options_for("random");
  options.metrics = {};
  EXPECT_THAT(error_of([&] { AskTell study(options); }).what(), HasSubstr("no objective"));
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
  EXPECT_EQ(error_of([&] { study.tell(id, {{"loss", 1}}); }).code(), ErrorCode::Io);
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
  expect_error(ErrorCode::InvalidArgument, "no resource 'epoch'", [&] {
    study.report(trial.id, {{"loss", 1}});
  });
}

}  // namespace
}  // namespace skipjack
