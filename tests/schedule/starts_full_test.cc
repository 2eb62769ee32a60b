// When an experiment has had all its trials, what was begun is brought to its end.
#include <gtest/gtest.h>

#include <algorithm>

#include "leveled_world.h"
#include "skipjack/schedule/halving.h"
#include "skipjack/schedule/population.h"
#include "skipjack/schedule/sync_hyperband.h"
#include "skipjack/search/random.h"

namespace skipjack {
namespace {

constexpr std::int64_t kMaxT = 9;

SearchSpace space() { return SearchSpace({{"x", uniform(0, 1)}}); }

/// How many trials came to each level at least.
std::map<std::int64_t, int> came_to(Scheduler& scheduler, std::size_t max_trials, int workers) {
  testing::LeveledWorld world(
      scheduler, {.workers = workers,
                  .max_t = kMaxT,
                  .value =
                      [](const Trial& trial, std::int64_t) {
                        return Json::Object{{"loss", trial.configuration.at("x").as_double()}};
                      },
                  .max_trials = max_trials});
  world.run(5000);
  EXPECT_TRUE(world.is_finished());
  EXPECT_EQ(world.history().trials().size(), max_trials);
  std::map<std::int64_t, int> trials;
  for (const auto& [trial, reached] : world.reached)
    for (std::int64_t level = 1; level <= reached; ++level) ++trials[level];
  return trials;
}

TEST(StartsFull, SynchronousBracketsAreDecided) {
  for (const int workers : {1, 4})
    for (const std::size_t max_trials : {9u, 7u}) {
      const auto scheduler =
          make_sync_hyperband({.searcher = make_random_search({.space = space()}),
                               .points_to_evaluate = {},
                               .metric = {.name = "loss"},
                               .resource = {.max_t = kMaxT},
                               .brackets = std::nullopt});
      // The first bracket: 9 at level 1, 3 at 3, 1 at 9.
      const auto trials = came_to(*scheduler, max_trials, workers);
      EXPECT_EQ(trials.at(1), static_cast<int>(max_trials));
      EXPECT_EQ(trials.at(3), 3);
      EXPECT_EQ(trials.at(kMaxT), 1);
    }
}

TEST(StartsFull, WhatMayBePromotedIs) {
  const auto scheduler = make_halving({.searcher = make_random_search({.space = space()}),
                                       .metrics = {{.name = "loss"}},
                                       .resource = {.max_t = kMaxT},
                                       .type = HalvingType::Promotion});
  const auto trials = came_to(*scheduler, 27, 8);
  EXPECT_GE(trials.at(3), 9);
  EXPECT_GE(trials.at(kMaxT), 3);
}

TEST(StartsFull, WhatRunsIsStillJudged) {
  const auto scheduler = make_halving({.searcher = make_random_search({.space = space()}),
                                       .metrics = {{.name = "loss"}},
                                       .resource = {.max_t = kMaxT},
                                       .type = HalvingType::Stopping});
  EXPECT_LE(came_to(*scheduler, 12, 12).at(kMaxT), 6);
}

TEST(StartsFull, MembersOfAPopulationThatRestGoOn) {
  const auto scheduler = make_population_training(
      {.space = space(),
       .searcher = make_random_search({.space = space(), .duplicates = Duplicates::Allow}),
       .metric = {.name = "loss"},
       .max_t = kMaxT,
       .population_size = 6,
       .perturbation_interval = 2});
  EXPECT_GE(came_to(*scheduler, 8, 2).at(kMaxT), 3);
}

}  // namespace
}  // namespace skipjack
