// Many who ask: batches, workers that vanish, threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <set>
#include <thread>

#include "../thrown.h"
#include "ask_tell_parts.h"
#include "skipjack/base/error.h"
#include "skipjack/study/ask_tell.h"

namespace skipjack {
namespace {

using testing::HasSubstr;

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
  EXPECT_EQ(error_of([&] { study.ask(1); }).code(), ErrorCode::Exhausted);
  EXPECT_THAT(error_of([&] { study.ask(0); }).what(), HasSubstr("number = 0"));
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
  expect_error(ErrorCode::Timeout, "attempt 0 of trial 0 was given up", [&] {
    study.tell(slow.id, {{"loss", 1}}, slow.attempt);
  });
  EXPECT_EQ(error_of([&] {
              study.report(slow.id, {{"loss", 1}}, slow.attempt);
            }).code(),
            ErrorCode::Timeout);
  EXPECT_FALSE(study.best());
  study.tell(again.id, {{"loss", 2}}, again.attempt);
  EXPECT_EQ(study.best()->value, 2);
  EXPECT_EQ(error_of([&] { study.tell_failed(slow.id, "slow", slow.attempt); }).code(),
            ErrorCode::Timeout);
  EXPECT_THAT(error_of([&] {
                study.tell(again.id, {{"loss", 2}}, 2);
              }).what(),
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
  EXPECT_EQ(error_of([&] { study.tell(id, {{"loss", 1}}); }).code(), ErrorCode::Timeout);
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
  EXPECT_EQ(error_of([&] { study.try_ask(); }).code(), ErrorCode::Exhausted);
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
  EXPECT_EQ(error_of([&] { study.tell(0, {{"loss", 1}}, 1); }).code(), ErrorCode::Timeout);
  EXPECT_EQ(study.ask().id, 2);
  pass(30);
  EXPECT_EQ(study.ask().id, 3);  // the third silence of trial 0: it has failed
  EXPECT_EQ(study.history().find(0)->status, TrialStatus::Failed);
}

TEST_F(AskTellAbandoned, BadOptionsAreNamed) {
  AskTellOptions wrong = options();
  wrong.ask_timeout = Duration::zero();
  EXPECT_THAT(error_of([&] { AskTell study(wrong); }).what(), HasSubstr("ask_timeout"));
  wrong = options();
  wrong.max_lost_attempts = 0;
  EXPECT_THAT(error_of([&] { AskTell study(wrong); }).what(),
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

}  // namespace
}  // namespace skipjack
