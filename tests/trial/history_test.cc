// Folding events: single promises, and a random walk of legal events whose history is compared with
// one recomputed naively from the whole list.
#include "skipjack/trial/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "../thrown.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using testing::HasSubstr;

/// Events with numbers and times of their own: one second apart.
class Log {
 public:
  void add(EventBody body) {
    const auto number = static_cast<std::int64_t>(events_.size());
    events_.push_back({number, std::chrono::seconds(number), 1e9, std::move(body)});
    history_.apply(events_.back());
  }
  void start() {
    const auto id = static_cast<TrialId>(history_.trials().size());
    add(TrialStarted{.trial = id, .configuration = Json(Json::Object{{"x", Json(id)}})});
  }
  void report(AttemptId id, double loss) { add(Reported{id, Json(Json::Object{{"loss", loss}})}); }
  void end(AttemptId id, Outcome outcome) { add(AttemptEnded{id, {.outcome = outcome}}); }
  const History& history() const { return history_; }
  const Trial& trial(TrialId id) const { return *history_.find(id); }
  const std::vector<Event>& events() const { return events_; }

 private:
  std::vector<Event> events_;
  History history_;
};

std::string corruption(Log& log, EventBody body) {
  return message_of(ErrorCode::Corrupted, [&] { log.add(std::move(body)); });
}

const Metric kLoss{.name = "loss"};

TEST(History, FollowsATrialFromStartToEnd) {
  Log log;
  log.add(RunStarted{});
  log.start();
  log.report({0, 0}, 0.5);
  EXPECT_EQ(log.history().running(), std::vector<TrialId>{0});
  log.end({0, 0}, Outcome::Completed);
  EXPECT_EQ(log.trial(0).status, TrialStatus::Completed);
  EXPECT_EQ(log.trial(0).started, std::chrono::seconds(1));
  EXPECT_EQ(log.trial(0).ended, std::chrono::seconds(3));
  EXPECT_EQ(log.trial(0).reports.at(0).time, std::chrono::seconds(2));
  EXPECT_TRUE(log.history().running().empty());
  EXPECT_EQ(log.history().num_events(), 4);
  EXPECT_EQ(log.history().num_runs(), 1);
  EXPECT_EQ(log.history().time(), std::chrono::seconds(3));
}

TEST(History, LostTrialRunsOnAndItsReportsGoWhenTheNextAttemptStarts) {
  Log log;
  log.start();
  log.report({0, 0}, 1);
  log.end({0, 0}, Outcome::Lost);
  EXPECT_EQ(log.trial(0).status, TrialStatus::Running);
  EXPECT_EQ(log.trial(0).reports.size(), 1u);
  EXPECT_FALSE(observe(log.trial(0), kLoss));
  log.add(TrialResumed{{0, 1}, 5});
  EXPECT_TRUE(log.trial(0).reports.empty());
  EXPECT_EQ(log.trial(0).attempt, 1);
  EXPECT_EQ(log.trial(0).max_resource, 5);
  EXPECT_FALSE(log.trial(0).end);
  EXPECT_EQ(log.history().num_reports(), 1);
}

TEST(History, PausedTrialKeepsItsReports) {
  Log log;
  log.start();
  log.report({0, 0}, 1);
  log.add(PauseOrdered{0});
  EXPECT_TRUE(log.trial(0).ending);
  log.end({0, 0}, Outcome::Paused);
  EXPECT_EQ(log.trial(0).status, TrialStatus::Paused);
  EXPECT_FALSE(log.trial(0).ending);
  log.add(TrialResumed{{0, 1}, {}});
  log.report({0, 1}, 2);
  EXPECT_EQ(log.trial(0).reports.size(), 2u);
  // The second attempt is lost: only its own reports go.
  log.end({0, 1}, Outcome::Lost);
  log.add(TrialResumed{{0, 2}, {}});
  ASSERT_EQ(log.trial(0).reports.size(), 1u);
  EXPECT_EQ(log.trial(0).reports[0].attempt, 0);
}

TEST(History, StoppingAPausedTrialEndsItAtOnce) {
  Log log;
  log.start();
  log.end({0, 0}, Outcome::Paused);
  log.add(StopOrdered{0, "bracket done"});
  EXPECT_EQ(log.trial(0).status, TrialStatus::Stopped);
}

TEST(History, LateNewsOfAnEndedAttemptIsPassedOver) {
  Log log;
  log.start();
  log.end({0, 0}, Outcome::Failed);
  log.report({0, 0}, 1);
  log.end({0, 0}, Outcome::Completed);
  EXPECT_EQ(log.trial(0).status, TrialStatus::Failed);
  EXPECT_TRUE(log.trial(0).reports.empty());
  EXPECT_EQ(log.history().num_reports(), 0);
}

TEST(History, EventsThatCannotFollowAreCorrupted) {
  Log log;
  log.start();
  EXPECT_THAT(corruption(log, TrialStarted{.trial = 2}), HasSubstr("trial 1 comes next"));
  EXPECT_THAT(corruption(log, Reported{{1, 0}, {}}), HasSubstr("trial 1"));
  EXPECT_THAT(corruption(log, Reported{{0, 1}, {}}), HasSubstr("attempt 1"));
  EXPECT_THAT(corruption(log, TrialResumed{{0, 1}, {}}), HasSubstr("running"));
  EXPECT_THAT(corruption(log, StopOrdered{-1, ""}), HasSubstr("trial -1"));
  log.end({0, 0}, Outcome::Paused);
  EXPECT_THAT(corruption(log, TrialResumed{{0, 2}, {}}), HasSubstr("attempt 2"));
  EXPECT_EQ(log.history().num_events(), 2);
}

TEST(History, LastValueIsTheLastFiniteNumber) {
  Log log;
  log.start();
  log.report({0, 0}, 3);
  log.report({0, 0}, std::nan(""));
  log.add(Reported{{0, 0}, Json(Json::Object{{"loss", "bad"}})});
  log.add(Reported{{0, 0}, Json(Json::Object{{"other", 1}})});
  EXPECT_EQ(last_value(log.trial(0), "loss"), 3);
  EXPECT_EQ(last_value(log.trial(0), "other"), 1);
  EXPECT_EQ(last_value(log.trial(0), "none"), std::nullopt);
}

TEST(History, ObservationSaysWhatIsLearnt) {
  Log log;
  for (int i = 0; i < 5; ++i) log.start();
  for (TrialId id : {0, 1, 2}) log.report({id, 0}, 1.0 + static_cast<double>(id));
  EXPECT_FALSE(observe(log.trial(0), kLoss));
  log.end({0, 0}, Outcome::Completed);
  log.end({1, 0}, Outcome::Stopped);
  log.end({2, 0}, Outcome::Failed);
  log.end({3, 0}, Outcome::Stopped);
  log.end({4, 0}, Outcome::Completed);
  EXPECT_EQ(std::get<Measured>(*observe(log.trial(0), kLoss)).value, 1);
  EXPECT_EQ(std::get<Measured>(*observe(log.trial(1), kLoss)).value, 2);
  EXPECT_TRUE(std::holds_alternative<Invalid>(*observe(log.trial(2), kLoss)));
  EXPECT_FALSE(observe(log.trial(3), kLoss));
  EXPECT_TRUE(std::holds_alternative<Invalid>(*observe(log.trial(4), kLoss)));
}

TEST(History, BestValueIsTheFirstOfTheBestThatSatisfyTheConstraints) {
  Log log;
  for (int i = 0; i < 5; ++i) log.start();
  const double losses[] = {1, 2, 2, 3, 0};
  for (TrialId id = 0; id < 5; ++id) log.report({id, 0}, losses[id]);
  for (TrialId id = 0; id < 4; ++id) log.end({id, 0}, Outcome::Completed);
  const auto value_of = [](const Trial& trial) { return measured_value(trial, kLoss); };
  const std::vector<Metric> bounded = {
      kLoss, {.name = "loss", .mode = Mode::Max, .role = MetricRole::Constraint, .bound = 2}};
  EXPECT_EQ(best_value(log.history(), {}, Mode::Min, value_of)->trial, 0);
  EXPECT_EQ(best_value(log.history(), bounded, Mode::Min, value_of)->trial, 1);
  EXPECT_EQ(best_value(log.history(), {}, Mode::Max, value_of)->value, 3);
  EXPECT_FALSE(best_value(History(), {}, Mode::Min, value_of));
}

/// The trial's reports by definition: those of all its attempts, but not of a lost or failed one
/// after which another came.
std::vector<double> naive_losses(const std::vector<Event>& events, TrialId id) {
  std::map<int, std::vector<double>> by_attempt;
  std::map<int, Outcome> ended;
  int last = 0;
  for (const Event& event : events) {
    if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
      if (resumed->id.trial == id) last = resumed->id.attempt;
    } else if (const auto* report = std::get_if<Reported>(&event.body)) {
      if (report->id.trial == id && report->id.attempt == last && !ended.contains(last))
        by_attempt[last].push_back(report->metrics.at("loss").as_double());
    } else if (const auto* end = std::get_if<AttemptEnded>(&event.body)) {
      if (end->id.trial == id) ended.try_emplace(end->id.attempt, end->end.outcome);
    }
  }
  std::vector<double> losses;
  for (const auto& [attempt, values] : by_attempt) {
    const bool dropped = attempt < last && (ended.at(attempt) == Outcome::Lost ||
                                            ended.at(attempt) == Outcome::Failed);
    if (!dropped) losses.insert(losses.end(), values.begin(), values.end());
  }
  return losses;
}

class HistoryProperty : public testing::TestWithParam<std::uint64_t> {};

TEST_P(HistoryProperty, AgreesWithRecomputationFromTheWholeList) {
  Rng rng(GetParam(), "history");
  Log log;
  for (int step = 0; step < 400; ++step) {
    const auto num_trials = static_cast<std::int64_t>(log.history().trials().size());
    if (num_trials == 0 || rng.bernoulli(0.1)) {
      log.start();
      continue;
    }
    const TrialId id = rng.uniform_int(std::max<std::int64_t>(0, num_trials - 5), num_trials - 1);
    const Trial trial = log.trial(id);
    const bool live = trial.status == TrialStatus::Running && !trial.end;
    if (rng.bernoulli(0.5))
      log.report({id, static_cast<int>(rng.uniform_int(0, trial.attempt))}, rng.uniform());
    else if (rng.bernoulli(0.05))
      log.add(StopOrdered{id, "of no use"});
    else if (live)
      log.end({id, trial.attempt}, static_cast<Outcome>(rng.uniform_int(0, 4)));
    else if (trial.status != TrialStatus::Completed && trial.status != TrialStatus::Stopped)
      log.add(TrialResumed{{id, trial.attempt + 1}, {}});
  }
  History again;
  for (const Event& event : log.events()) again.apply(event);
  for (const Trial& trial : log.history().trials()) {
    std::vector<double> losses;
    for (const Report& report : trial.reports)
      losses.push_back(report.metrics.at("loss").as_double());
    EXPECT_EQ(losses, naive_losses(log.events(), trial.id)) << "trial " << trial.id;
    EXPECT_EQ(again.find(trial.id)->status, trial.status);
    EXPECT_EQ(again.find(trial.id)->attempt, trial.attempt);
  }
  EXPECT_EQ(again.num_reports(), log.history().num_reports());
  std::vector<TrialId> running;
  for (const Trial& trial : log.history().trials())
    if (trial.status == TrialStatus::Running) running.push_back(trial.id);
  EXPECT_EQ(log.history().running(), running);
  for (const TrialStatus status :
       {TrialStatus::Running, TrialStatus::Paused, TrialStatus::Completed, TrialStatus::Stopped,
        TrialStatus::Failed})
    EXPECT_EQ(log.history().num_with(status),
              std::count_if(log.history().trials().begin(), log.history().trials().end(),
                            [&](const Trial& trial) { return trial.status == status; }));
}

INSTANTIATE_TEST_SUITE_P(Seeds, HistoryProperty, testing::Range<std::uint64_t>(1, 21));

}  // namespace
}  // namespace skipjack
