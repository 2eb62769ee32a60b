#include "skipjack/schedule/order_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "leveled_world.h"
#include "skipjack/method/method.h"

namespace skipjack {
namespace {

using ::testing::ElementsAre;

/// By the sum of the scores.
std::vector<std::size_t> by_sum(std::span<const std::vector<double>> scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::accumulate(scores[a].begin(), scores[a].end(), 0.0) <
           std::accumulate(scores[b].begin(), scores[b].end(), 0.0);
  });
  return order;
}

class Played {
 public:
  explicit Played(double quantile) : rule(make_order_rule({quantile}, by_sum)) {}
  bool enter(TrialId id, double a, double b) {
    const Trial trial{.id = id};
    rule->enter(0, {.trial = trial, .scores = {a, b}});
    return rule->goes_on(0, id);
  }
  std::unique_ptr<RungRule> rule;
};

TEST(OrderRule, GoesOnAsTheQuantileRuleDoesForOneNumber) {
  // numpy.quantile([values], 1/3), linear, the new value among them.
  Played played(1.0 / 3);
  EXPECT_TRUE(played.enter(0, 5, 5));   // alone
  EXPECT_FALSE(played.enter(1, 6, 6));  // of 10, 12: up to 10.67
  EXPECT_TRUE(played.enter(2, 1, 1));   // of 2, 10, 12: up to 7.3
  EXPECT_TRUE(played.enter(3, 2, 2));   // of 2, 4, 10, 12: up to 4
  EXPECT_FALSE(played.enter(4, 3, 3));
  EXPECT_TRUE(played.enter(5, 1, 2));  // second of 6: 1 <= 5/3
  EXPECT_FALSE(played.enter(6, 1, std::numeric_limits<double>::infinity()));
}

TEST(OrderRule, PromotesTheBestOnOfferWithinTheQuantile) {
  Played played(0.5);
  played.enter(10, 3, 0);
  played.rule->offer(0, 10);
  EXPECT_EQ(played.rule->promotable(0), std::nullopt);  // alone
  played.enter(11, 1, 0);
  played.enter(12, 2, 0);
  played.rule->offer(0, 12);
  EXPECT_THAT(played.rule->offered(0), ElementsAre(12, 10));
  EXPECT_EQ(played.rule->promotable(0), 12);
  played.rule->withdraw(0, 12);
  EXPECT_EQ(played.rule->promotable(0), std::nullopt);  // the third of three
  played.enter(13, 9, 0);
  played.enter(14, 9, 1);
  EXPECT_EQ(played.rule->promotable(0), 10);  // the third of five
  played.rule->withdraw(0, 10);
  EXPECT_TRUE(played.rule->offered(0).empty());
}

TEST(OrderRule, BehindMoashaWhatComesFarIsNearTheFront) {
  // Objectives x and 1 - x, both worse by y: the front is where y is 0.
  const SearchSpace space({{"x", uniform(0, 1)}, {"y", uniform(0, 1)}});
  const auto scheduler =
      make_scheduler("moasha", {.space = space,
                                .metrics = {{.name = "f"}, {.name = "g", .mode = Mode::Max}},
                                .options = Json::Object{{"max_t", 27}}});
  testing::LeveledWorld world(*scheduler,
                              {.workers = 4, .value = [](const Trial& trial, std::int64_t) {
                                 const double x = trial.configuration.at("x").as_double();
                                 const double y = trial.configuration.at("y").as_double();
                                 return Json::Object{{"f", x + y}, {"g", -(1 - x + y)}};
                               }});
  world.run(1500);
  double far = 0, lowest = 1, highest = 0;
  int num_far = 0;
  for (const auto& [trial, level] : world.reached) {
    if (level < 27) continue;
    const Configuration& c = world.history().find(trial)->configuration;
    far += c.at("y").as_double();
    lowest = std::min(lowest, c.at("x").as_double());
    highest = std::max(highest, c.at("x").as_double());
    ++num_far;
  }
  ASSERT_GE(num_far, 5);
  EXPECT_LT(far / num_far, 0.25);
  EXPECT_LT(lowest, 0.3);
  EXPECT_GT(highest, 0.7);
}

}  // namespace
}  // namespace skipjack
