// What every scheduler that looks at trials on the way promises, in worlds that behave and worlds
// that don't.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "leveled_world.h"
#include "skipjack/schedule/sync_hyperband.h"
#include "skipjack/search/random.h"
#include "skipjack/search/tpe.h"

namespace skipjack {
namespace {

SearchSpace space() {
  return SearchSpace({{"x", uniform(0, 1)}, {"k", rand_int(1, 30)}, {"c", choice({"a", "b"})}});
}

Json::Object value(const Configuration& configuration, std::int64_t level) {
  const double x = configuration.at("x").as_double();
  return {{"loss", 1 - x / static_cast<double>(level) + x * static_cast<double>(level) / 27}};
}

struct Case {
  std::string name;
  std::unique_ptr<Scheduler> (*make)();
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::unique_ptr<Scheduler> sync_hyperband() {
  return make_sync_hyperband({.searcher = make_random_search({.space = space()}),
                              .points_to_evaluate = {space().midpoint()},
                              .metric = {.name = "loss"},
                              .resource = {.max_t = 27}});
}

std::unique_ptr<Scheduler> sync_bohb() {
  return make_sync_hyperband(
      {.searcher =
           make_tpe_search({.space = space(),
                            .metric = {.name = "loss"},
                            .levels = LevelOptions{.rung_levels = {1, 3, 9}, .max_resource = 27},
                            .random_fraction = 0.3}),
       .points_to_evaluate = {},
       .metric = {.name = "loss"},
       .resource = {.max_t = 27}});
}

std::vector<testing::LeveledWorldOptions> worlds() {
  std::vector<testing::LeveledWorldOptions> all;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const auto workers = static_cast<int>(1 + 3 * seed);
    const testing::LeveledWorldOptions quiet{.seed = seed, .workers = workers, .value = value};
    all.push_back(quiet);
    testing::LeveledWorldOptions other = quiet;
    other.has_checkpoints = false;
    all.push_back(other);
    other = quiet;
    other.heeds_max_resource = true;
    all.push_back(other);
    other.fails = other.ends = other.jumps = other.lost = other.not_finite = 0.03;
    all.push_back(other);
    other.has_checkpoints = other.heeds_max_resource = false;
    all.push_back(other);
  }
  return all;
}

class Leveled : public ::testing::TestWithParam<Case> {};

TEST_P(Leveled, KeepsItsPromisesAndItsWorkersBusy) {
  for (const testing::LeveledWorldOptions& options : worlds()) {
    const auto scheduler = GetParam().make();
    testing::LeveledWorld world(*scheduler, options);
    world.run(3000);
    EXPECT_TRUE(world.is_finished() || world.num_running() > 0) << "stuck";
    EXPECT_EQ(world.idle, 0);
  }
}

TEST_P(Leveled, ReplayGivesTheSameDecisions) {
  for (const testing::LeveledWorldOptions& options : worlds()) {
    const auto recorded = GetParam().make();
    testing::LeveledWorld world(*recorded, options);
    world.run(800);
    testing::expect_replay(GetParam().make, world, options.workers, 1);
    testing::expect_replay(GetParam().make, world, options.workers, 7);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Leveled,
                         ::testing::Values(Case{"sync_hyperband", sync_hyperband},
                                           Case{"sync_bohb", sync_bohb}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace skipjack
