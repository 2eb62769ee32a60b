// Best-so-far curves against ones worked out by hand.
#include "skipjack/results/curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "experiments.h"

namespace skipjack {
namespace {

using testing::ElementsAre;
using testing::Optional;

/// Three trials that end in another order than they began; trial 1 fails.
EventWriter three_trials() {
  EventWriter writer;
  writer.start(0, 0, Json::Object{{"x", 1.0}})
      .start(0, 1, Json::Object{{"x", 2.0}})
      .start(0, 2, Json::Object{{"x", 3.0}})
      .report(1, 2, Json::Object{{"loss", 5.0}})
      .end(2, 2, Outcome::Completed)
      .end(3, 1, Outcome::Failed, "exit code 3")
      .report(3.5, 0, Json::Object{{"loss", 1.0}})
      .report(4, 0, Json::Object{{"loss", 2.0}})
      .end(5, 0, Outcome::Completed)
      .at(6, RunEnded{.run = 0, .reason = "finished"});
  return writer;
}

std::vector<TrialId> trials_of(const std::vector<TrialPoint>& points) {
  std::vector<TrialId> trials;
  for (const TrialPoint& point : points) trials.push_back(point.trial);
  return trials;
}

TEST(Curve, OrdersByTimeAndByNumber) {
  const Curve curve = best_so_far(three_trials().history(), {.metric = {.name = "loss"}});
  EXPECT_THAT(trials_of(curve.over_time), ElementsAre(2, 1, 0));
  EXPECT_THAT(trials_of(curve.over_trials), ElementsAre(0, 1, 2));
  EXPECT_EQ(curve.end, from_seconds(6));
}

TEST(Curve, StepsDownWhereMinimumImproves) {
  const Curve curve = best_so_far(three_trials().history(), {.metric = {.name = "loss"}});
  EXPECT_THAT(curve.over_time[0].best, Optional(5.0));
  EXPECT_THAT(curve.over_time[1].best, Optional(5.0));
  EXPECT_THAT(curve.over_time[2].best, Optional(2.0));
  EXPECT_THAT(curve.best_value, Optional(2.0));
  EXPECT_THAT(curve.best_trial, Optional(0));
}

TEST(Curve, StepsUpWhereMaximumImproves) {
  const Curve curve =
      best_so_far(three_trials().history(), {.metric = {.name = "loss", .mode = Mode::Max}});
  EXPECT_THAT(curve.over_trials[0].best, Optional(2.0));
  EXPECT_THAT(curve.over_trials[2].best, Optional(5.0));
  EXPECT_THAT(curve.best_trial, Optional(2));
}

TEST(Curve, CountsLastReportNotLuckiest) {
  const Curve curve = best_so_far(three_trials().history(), {.metric = {.name = "loss"}});
  EXPECT_THAT(curve.over_trials[0].value, Optional(2.0));
  EXPECT_EQ(curve.over_trials[0].time, from_seconds(4));
}

TEST(Curve, FailedTrialHasNoValue) {
  const Curve curve = best_so_far(three_trials().history(), {.metric = {.name = "loss"}});
  EXPECT_FALSE(curve.over_trials[1].value.has_value());
  EXPECT_EQ(curve.over_trials[1].time, from_seconds(3));
}

TEST(Curve, LeavesOutRunningAndExcludedTrials) {
  EventWriter writer = three_trials();
  writer.start(7, 3, Json::Object{{"x", 0.0}}).report(8, 3, Json::Object{{"loss", 0.0}});
  const Curve curve = best_so_far(
      writer.history(),
      {.metric = {.name = "loss"}, .include = [](const Trial& trial) { return trial.id != 0; }});
  EXPECT_THAT(trials_of(curve.over_trials), ElementsAre(1, 2));
  EXPECT_THAT(curve.best_value, Optional(5.0));
}

TEST(Curve, EmptyHistoryHasNoBest) {
  const Curve curve = best_so_far(History(), {.metric = {.name = "loss"}});
  EXPECT_TRUE(curve.over_time.empty());
  EXPECT_FALSE(curve.best_value.has_value());
}

TEST(Curve, NeverTakesNonFiniteValues) {
  EventWriter writer;
  writer.start(0, 0, Json::Object{})
      .report(1, 0, Json::Object{{"loss", -std::numeric_limits<double>::infinity()}})
      .end(2, 0, Outcome::Completed);
  const Curve curve = best_so_far(writer.history(), {.metric = {.name = "loss"}});
  EXPECT_FALSE(curve.best_value.has_value());
}

}  // namespace
}  // namespace skipjack
