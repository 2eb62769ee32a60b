#include "skipjack/schedule/sync_hyperband.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "leveled_world.h"
#include "skipjack/base/error.h"
#include "skipjack/schedule/sync_bracket.h"
#include "skipjack/search/random.h"

namespace skipjack {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Place = SyncBracket::Place;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(SyncLadders, AreThoseOfTheFormula) {
  // Hyperband's example, R = 81 and eta = 3, as Syne Tune makes it: it rounds all sizes up.
  const std::vector<std::int64_t> levels = sync_levels(1, 81, 3);
  EXPECT_THAT(levels, ElementsAre(1, 3, 9, 27, 81));
  const auto ladders = sync_ladders(levels, 3, 5);
  ASSERT_EQ(ladders.size(), 5u);
  EXPECT_THAT(ladders[0], ElementsAre(SyncRung{1, 81}, SyncRung{3, 27}, SyncRung{9, 9},
                                      SyncRung{27, 3}, SyncRung{81, 1}));
  EXPECT_THAT(ladders[1],
              ElementsAre(SyncRung{3, 34}, SyncRung{9, 12}, SyncRung{27, 4}, SyncRung{81, 2}));
  EXPECT_THAT(ladders[2], ElementsAre(SyncRung{9, 15}, SyncRung{27, 5}, SyncRung{81, 2}));
  EXPECT_THAT(ladders[3], ElementsAre(SyncRung{27, 8}, SyncRung{81, 3}));
  EXPECT_THAT(ladders[4], ElementsAre(SyncRung{81, 5}));
}

TEST(SyncLadders, LastLevelIsMaxT) {
  EXPECT_THAT(sync_levels(1, 52, 3), ElementsAre(1, 3, 9, 52));
  EXPECT_THAT(sync_levels(1, 27, 3), ElementsAre(1, 3, 9, 27));
  EXPECT_THAT(sync_levels(4, 10, 3), ElementsAre(10));
  EXPECT_THAT(sync_levels(2, 20, 2.5), ElementsAre(2, 5, 20));
}

TEST(SyncBracket, TheBestGoOnWhenAllHaveAResult) {
  SyncBracket bracket({{1, 4}, {2, 2}, {4, 1}}, Advance::Promote);
  for (TrialId trial = 10; trial < 14; ++trial) {
    EXPECT_TRUE(bracket.is_open());
    bracket.start(trial);
  }
  EXPECT_FALSE(bracket.is_open());
  bracket.finish(10, 3);
  bracket.finish(11, 1);
  bracket.finish(12, kNaN);
  EXPECT_EQ(bracket.waiting(), std::nullopt);
  bracket.finish(13, 1);
  EXPECT_EQ(bracket.level(), 2);
  // Of equal ones the earlier trial comes first.
  EXPECT_EQ(bracket.waiting(), 11);
  EXPECT_TRUE(bracket.is_waiting(13));
  bracket.resume(11);
  EXPECT_EQ(bracket.waiting(), 13);
  bracket.resume(13);
  bracket.finish(13, 0.5);
  bracket.finish(11, 0.7);
  EXPECT_EQ(bracket.waiting(), 13);
  bracket.resume(13);
  bracket.finish(13, 0.1);
  EXPECT_TRUE(bracket.is_done());
}

TEST(SyncBracket, FailedTrialsRankLastAndLeaveTheirPlaceEmpty) {
  SyncBracket bracket({{1, 3}, {3, 2}, {9, 1}}, Advance::Promote);
  for (TrialId trial = 0; trial < 3; ++trial) bracket.start(trial);
  bracket.finish(0, 5);
  bracket.fail(1);
  bracket.fail(2);
  EXPECT_EQ(bracket.places(1).size(), 1u);
  EXPECT_EQ(bracket.waiting(), 0);
  // It fails although it had been promoted: nobody is left.
  bracket.fail(0);
  EXPECT_TRUE(bracket.is_done());
}

TEST(SyncBracket, WithRenewedRungsNobodyIsPromoted) {
  SyncBracket bracket({{1, 2}, {3, 1}}, Advance::Renew);
  bracket.start(0);
  bracket.start(1);
  bracket.finish(0, 1);
  EXPECT_FALSE(bracket.is_open());
  bracket.finish(1, 2);
  EXPECT_TRUE(bracket.is_open());
  EXPECT_EQ(bracket.waiting(), std::nullopt);
  bracket.start(2);
  bracket.finish(2, 3);
  EXPECT_TRUE(bracket.is_done());
}

SearchSpace space() { return SearchSpace({{"x", uniform(0, 1)}}); }

std::unique_ptr<Scheduler> make(SearchSpace searched = space(), Mode mode = Mode::Min,
                                std::optional<std::int64_t> brackets = std::nullopt) {
  return make_sync_hyperband({.searcher = make_random_search({.space = std::move(searched)}),
                              .points_to_evaluate = {},
                              .metric = {.name = "loss", .mode = mode},
                              .resource = {.max_t = 27},
                              .brackets = brackets});
}

/// Curves that cross: a large x is better early and worse late.
Json::Object crossing(const Trial& trial, std::int64_t level) {
  const double x = trial.configuration.at("x").as_double();
  return {{"loss", 1 - x / static_cast<double>(level) + x * static_cast<double>(level) / 27}};
}

testing::LeveledWorldOptions quiet_world() { return {.value = crossing}; }

TEST(SyncHyperband, OneBracketRunsAsThePaperTells) {
  const auto scheduler = make(space(), Mode::Min, 1);
  testing::LeveledWorldOptions options = quiet_world();
  options.workers = 1;
  options.value = [](const Trial& trial, std::int64_t) {
    return Json::Object{{"loss", trial.configuration.at("x").as_double()}};
  };
  testing::LeveledWorld world(*scheduler, options);
  // Once it has 28 trials the first bracket, of 27, is over.
  while (world.history().trials().size() < 28) world.run(world.events().size() + 1);
  std::map<std::int64_t, int> at;
  for (TrialId t = 0; t < 27; ++t) ++at[world.reached[t]];
  EXPECT_EQ(at[1], 18);
  EXPECT_EQ(at[3], 6);
  EXPECT_EQ(at[9], 2);
  EXPECT_EQ(at[27], 1);
  // Where the order is the same at all levels, the best come farthest.
  TrialId best = 0;
  for (TrialId t = 0; t < 27; ++t)
    if (world.history().find(t)->configuration.at("x").as_double() <
        world.history().find(best)->configuration.at("x").as_double())
      best = t;
  EXPECT_EQ(world.reached[best], 27);
}

TEST(SyncHyperband, MaximisesWhenToldTo) {
  const auto scheduler = make(space(), Mode::Max, 1);
  testing::LeveledWorldOptions options = quiet_world();
  options.value = [](const Trial& trial, std::int64_t) {
    return Json::Object{{"loss", trial.configuration.at("x").as_double()}};
  };
  testing::LeveledWorld world(*scheduler, options);
  world.run(400);
  double best = 0, farthest = 0;
  std::int64_t level = 0;
  for (TrialId t = 0; t < 27; ++t) {
    const double x = world.history().find(t)->configuration.at("x").as_double();
    best = std::max(best, x);
    if (world.reached[t] > level) level = world.reached[t], farthest = x;
  }
  EXPECT_EQ(best, farthest);
}

TEST(SyncHyperband, NoWorkerIsIdle) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto scheduler = make();
    testing::LeveledWorldOptions options = quiet_world();
    options.seed = seed;
    options.workers = 7;
    testing::LeveledWorld world(*scheduler, options);
    world.run(3000);
    EXPECT_EQ(world.idle, 0);
  }
}

TEST(SyncHyperband, BracketsTakeTurns) {
  const auto scheduler = make();
  testing::LeveledWorld world(*scheduler, quiet_world());
  world.run(4000);
  std::map<std::int64_t, std::pair<int, std::int64_t>> brackets;  // trials, and their first level
  for (const Trial& trial : world.history().trials()) {
    auto& [number, first] = brackets[trial.tag.at("bracket").as_int()];
    ++number;
    if (number == 1) first = *trial.max_resource;
  }
  ASSERT_GE(brackets.size(), 6u);
  EXPECT_EQ(brackets[0].first, 27);
  EXPECT_EQ(brackets[1].first, 12);  // 4/3 of 9
  EXPECT_EQ(brackets[2].first, 6);
  EXPECT_EQ(brackets[3].first, 4);
  EXPECT_EQ(brackets[4].first, 27);
}

TEST(SyncHyperband, AnExhaustedSpaceIsPromotedToTheEnd) {
  // Five configurations in a bracket of 27.
  const auto scheduler = make(SearchSpace({{"x", rand_int(1, 5)}}));
  testing::LeveledWorld world(*scheduler, quiet_world());
  world.run(5000);
  EXPECT_TRUE(world.is_finished());
  EXPECT_EQ(world.history().trials().size(), 5u);
  int complete = 0;
  for (const auto& [trial, level] : world.reached) complete += level == 27;
  EXPECT_EQ(complete, 1);
}

TEST(SyncHyperband, WhatCameInOneMomentCountsAtItsOwnLevel) {
  // Five levels at once: all there is to know at levels 1 and 3. From 4 on the order is another.
  const auto scheduler = make(space(), Mode::Min, 1);
  testing::LeveledWorldOptions options = quiet_world();
  options.workers = 1;
  options.levels_at_once = 5;
  options.value = [](const Trial& trial, std::int64_t level) {
    const double x = trial.configuration.at("x").as_double();
    return Json::Object{{"loss", level <= 3 ? -x : x}};
  };
  testing::LeveledWorld world(*scheduler, options);
  while (world.history().trials().size() < 28) world.run(world.events().size() + 1);
  std::vector<std::pair<double, TrialId>> order;
  for (TrialId t = 0; t < 27; ++t)
    order.emplace_back(-world.history().find(t)->configuration.at("x").as_double(), t);
  std::sort(order.begin(), order.end());
  // Three go on to 9, and of them the smallest x to 27.
  for (std::size_t i = 0; i < order.size(); ++i)
    EXPECT_EQ(world.reached[order[i].second], i < 2 ? 10 : i == 2 ? 27 : 5) << i;
}

TEST(SyncHyperband, WhateverComesInOneMomentBracketsEnd) {
  for (const std::int64_t at_once : {2, 10, 26, 27}) {
    const auto scheduler = make(SearchSpace({{"x", rand_int(1, 30)}}), Mode::Min, 1);
    testing::LeveledWorldOptions options = quiet_world();
    options.levels_at_once = at_once;
    testing::LeveledWorld world(*scheduler, options);
    world.run(5000);
    EXPECT_TRUE(world.is_finished());
    EXPECT_EQ(world.history().trials().size(), 30u);
    // A bracket of 27 and one of the three that were left.
    int complete = 0;
    for (const auto& [trial, level] : world.reached) complete += level == 27;
    EXPECT_EQ(complete, at_once == 27 ? 30 : 2) << at_once;
  }
}

TEST(SyncHyperband, ReportsWithoutSenseAreAnError) {
  const auto scheduler = make();
  testing::LeveledWorldOptions options = quiet_world();
  options.value = [](const Trial&, std::int64_t) { return Json::Object{{"los", 1.0}}; };
  testing::LeveledWorld world(*scheduler, options);
  try {
    world.run(100);
    FAIL() << "took reports without the metric";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("loss"));
  }
}

TEST(SyncHyperband, RefusesBadOptions) {
  const auto message = [](SyncHyperbandOptions options) {
    try {
      make_sync_hyperband(std::move(options));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message({.resource = {.max_t = 27}}), HasSubstr("searcher"));
  const auto with = [&](ResourceOptions resource, std::optional<std::int64_t> brackets) {
    return message({.searcher = make_random_search({.space = space()}),
                    .metric = {.name = "loss"},
                    .resource = std::move(resource),
                    .brackets = brackets});
  };
  EXPECT_THAT(with({.max_t = 27}, 5), HasSubstr("[1, 4]"));
  EXPECT_THAT(with({.max_t = 27}, 0), HasSubstr("brackets = 0"));
  EXPECT_THAT(with({.max_t = 1}, 1), HasSubstr("max_t"));
  EXPECT_THAT(with({.max_t = 27, .rung_levels = {3, 2}}, 1), HasSubstr("rung_levels"));
  EXPECT_EQ(with({.max_t = 27, .rung_levels = {3, 10, 27}}, 3), "");
  EXPECT_EQ(with({.max_t = 9, .rung_increment = 4}, 3), "");  // 1, 5 and 9
  EXPECT_THAT(with({.max_t = 50, .rung_increment = 1}, 1), HasSubstr("more than 1000000 trials"));
  EXPECT_THAT(with({.max_t = std::int64_t{1} << 50}, 1), HasSubstr("more than 1000000 trials"));
}

}  // namespace
}  // namespace skipjack
