#include "skipjack/search/front.h"

#include <gtest/gtest.h>

#include "play.h"

namespace skipjack {
namespace {

using play::Experiment;

TEST(Front, HoldsAllowedTrialsThatNoOtherIsBetterThan) {
  const std::vector<Metric> metrics = {
      {.name = "loss"},
      {.name = "accuracy", .mode = Mode::Max},
      {.name = "memory", .role = MetricRole::Constraint, .bound = 10}};
  Experiment experiment;
  const auto ended = [&](double loss, double accuracy, double memory) {
    const TrialId trial = experiment.start(Json::Object{{"a", loss}});
    experiment.report(trial,
                      Json::Object{{"loss", loss}, {"accuracy", accuracy}, {"memory", memory}});
    experiment.end(trial, Outcome::Completed);
  };
  ended(3, 0.9, 5);                                // 0: the most accurate that is allowed
  ended(1, 0.5, 10);                               // 1: the smallest loss
  ended(2, 0.4, 1);                                // 2: worse than 1 in both
  ended(0, 1.0, 11);                               // 3: not allowed
  experiment.measured(Json::Object{{"a", 4}}, 0);  // 4: without the others
  experiment.failed(Json::Object{{"a", 5}});       // 5
  ended(1, 0.5, 2);                                // 6: as 1
  experiment.report(experiment.start(Json::Object{{"a", 7}}), "loss", 0);  // 7: runs
  const auto front = pareto_front(experiment.history(), metrics);
  ASSERT_EQ(front.size(), 3u);
  EXPECT_EQ(front[0].trial, 1);
  EXPECT_EQ(front[1].trial, 6);
  EXPECT_EQ(front[2].trial, 0);
  EXPECT_EQ(front[2].values, (std::vector<double>{3, 0.9}));
  const auto some = pareto_front(experiment.history(), metrics,
                                 [](const Trial& trial) { return trial.id != 1 && trial.id != 6; });
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some[0].trial, 2);
  EXPECT_TRUE(pareto_front(History(), metrics).empty());
}

}  // namespace
}  // namespace skipjack
