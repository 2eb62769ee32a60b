// The promises of Backend, one test each; conformance.h says what is asked of the programs.
#include "backend/conformance.h"

#include <thread>

namespace skipjack {

TEST_P(BackendConformance, DeliversReportsInOrderThenOneEnd) {
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, behaviour("return", 5)));
  ASSERT_TRUE(listener.until_finished(1));
  const std::vector<Json>& reports = listener.reports[{0, 0}];
  ASSERT_EQ(reports.size(), 5u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(reports[static_cast<std::size_t>(i)].at("i").as_int(), i);
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Completed);
  EXPECT_TRUE(backend->wait(std::chrono::milliseconds(1)).empty());
}

TEST_P(BackendConformance, FailureIsAnOutcome) {
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, behaviour("fail", 1)));
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Failed);
  EXPECT_FALSE(listener.ends.at({0, 0}).reason.empty());
  EXPECT_EQ(listener.num_reports, 1u);
}

TEST_P(BackendConformance, SilentAttemptHasFailed) {
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, behaviour("return", 0)));
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Failed);
  EXPECT_EQ(listener.ends.at({0, 0}).reason, "reported no metric");
}

TEST_P(BackendConformance, ReportsComeWhileItRuns) {
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, behaviour("hang", 2)));
  ASSERT_TRUE(listener.until_reports(2));
  EXPECT_TRUE(listener.ends.empty());
}

TEST_P(BackendConformance, EndHasTheOutcomeAskedFor) {
  const auto backend = make(2);
  Listener listener(*backend);
  backend->start(request(0, behaviour("hang", 1)));
  backend->start(request(1, behaviour("hang", 1)));
  ASSERT_TRUE(listener.until_reports(2));
  backend->end({0, 0}, EndAs::Stopped);
  backend->end({1, 0}, EndAs::Paused);
  backend->end({1, 0}, EndAs::Stopped);  // the first counts
  ASSERT_TRUE(listener.until_finished(2));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Stopped);
  EXPECT_EQ(listener.ends.at({1, 0}).outcome, Outcome::Paused);
}

TEST_P(BackendConformance, AnEndReachedBeforeTheOrderStands) {
  const auto backend = make();
  Listener listener(*backend);
  backend->start(request(0, behaviour("return", 1)));
  ASSERT_TRUE(listener.until_finished(1));
  backend->end({0, 0}, EndAs::Stopped);
  EXPECT_TRUE(backend->wait(std::chrono::milliseconds(1)).empty());
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Completed);
}

TEST_P(BackendConformance, UnknownAttemptsAreIgnored) {
  const auto backend = make();
  Listener listener(*backend);
  backend->end({7, 0}, EndAs::Stopped);
  backend->start(request(7, behaviour("return", 1), 1));
  backend->end({7, 0}, EndAs::Stopped);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({7, 1}).outcome, Outcome::Completed);
}

TEST_P(BackendConformance, CapacityIsKept) {
  const auto backend = make(2);
  EXPECT_EQ(backend->capacity(), 2);
  Listener listener(*backend);
  backend->start(request(0, behaviour("hang", 1)));
  backend->start(request(1, behaviour("hang", 1)));
  EXPECT_ANY_THROW(backend->start(request(2, behaviour("return", 1))));
  ASSERT_TRUE(listener.until_reports(2));
  backend->end({0, 0}, EndAs::Stopped);
  ASSERT_TRUE(listener.until_finished(1));
  backend->start(request(2, behaviour("return", 1)));
  ASSERT_TRUE(listener.until_finished(2));
  EXPECT_EQ(listener.ends.at({2, 0}).outcome, Outcome::Completed);
}

TEST_P(BackendConformance, RunningAttemptIsNotStartedAgain) {
  const auto backend = make(2);
  backend->start(request(0, behaviour("hang", 0)));
  EXPECT_ANY_THROW(backend->start(request(0, behaviour("hang", 0))));
}

TEST_P(BackendConformance, AttemptsOfATrialFollowEachOther) {
  const auto backend = make();
  Listener listener(*backend);
  for (int attempt = 0; attempt < 3; ++attempt) {
    backend->start(request(4, behaviour("return", attempt + 1), attempt));
    ASSERT_TRUE(listener.until_finished(static_cast<std::size_t>(attempt) + 1));
    EXPECT_EQ(listener.reports.at({4, attempt}).size(), static_cast<std::size_t>(attempt) + 1);
  }
}

TEST_P(BackendConformance, TimeLimitFailsTheAttempt) {
  const auto backend = make();
  Listener listener(*backend);
  StartRequest limited = request(0, behaviour("hang", 1));
  limited.time_limit = std::chrono::milliseconds(300);
  backend->start(limited);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Failed);
  EXPECT_EQ(listener.ends.at({0, 0}).reason, "time limit of 0.3 s");
}

TEST_P(BackendConformance, WakeEndsTheWait) {
  const auto backend = make();
  const auto begin = std::chrono::steady_clock::now();
  std::thread waker([&] { backend->wake(); });
  EXPECT_TRUE(backend->wait(std::chrono::seconds(60)).empty());
  waker.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST_P(BackendConformance, WaitKeepsItsTimeout) {
  const auto backend = make();
  const Clock& clock = *GetParam().clock;
  const Duration begin = clock.now();
  EXPECT_TRUE(backend->wait(std::chrono::milliseconds(30)).empty());
  EXPECT_GE(clock.now() - begin, std::chrono::milliseconds(30));
}

TEST_P(BackendConformance, ReconcileAdoptsOnlyWhatRuns) {
  const auto backend = make();
  EXPECT_TRUE(backend->reconcile({{0, 0}, {3, 2}}).empty());
  Listener listener(*backend);
  backend->start(request(3, behaviour("return", 1), 3));
  EXPECT_TRUE(listener.until_finished(1));
}

TEST_P(BackendConformance, ManyShortAttempts) {
  const int capacity = 4, count = GetParam().num_short_attempts;
  const auto backend = make(capacity);
  Listener listener(*backend);
  for (int trial = 0; trial < count; ++trial) {
    ASSERT_TRUE(
        listener.until([&] { return trial - static_cast<int>(listener.ends.size()) < capacity; }));
    backend->start(request(trial, behaviour(trial % 3 == 2 ? "fail" : "return", 1 + trial % 4)));
  }
  ASSERT_TRUE(listener.until_finished(count));
  for (int trial = 0; trial < count; ++trial) {
    EXPECT_EQ(listener.ends.at({trial, 0}).outcome,
              trial % 3 == 2 ? Outcome::Failed : Outcome::Completed)
        << trial;
    EXPECT_EQ(listener.reports.at({trial, 0}).size(), static_cast<std::size_t>(1 + trial % 4))
        << trial;
  }
}

}  // namespace skipjack
