#include "skipjack/trial/history.h"

#include <gtest/gtest.h>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

TEST(History, FollowsATrialFromStartToEnd) {
  History history;
  history.apply({0, from_seconds(0), 1, RunStarted{0, {}}});
  history.apply({1, from_seconds(1), 2,
                 TrialStarted{.trial = 0, .configuration = Json(Json::Object{{"x", 1}})}});
  history.apply({2, from_seconds(2), 3, Reported{{0, 0}, Json(Json::Object{{"loss", 0.5}})}});
  EXPECT_EQ(history.running(), std::vector<TrialId>{0});
  history.apply({3, from_seconds(3), 4,
                 AttemptEnded{{0, 0}, {.outcome = Outcome::Completed, .exit_code = 0}}});
  const Trial& trial = history.trials().at(0);
  EXPECT_EQ(trial.status, TrialStatus::Completed);
  EXPECT_EQ(trial.ended, from_seconds(3));
  EXPECT_EQ(last_value(trial, "loss"), 0.5);
  EXPECT_TRUE(history.running().empty());
  EXPECT_EQ(history.num_events(), 4);
  EXPECT_EQ(history.num_runs(), 1);
}

}  // namespace
}  // namespace skipjack
