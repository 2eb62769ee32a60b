// What local search promises beyond the conformance suite.
#include "skipjack/search/local_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "play.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using play::Experiment;

const Metric kLoss{.name = "loss"};

// One valley over a grid of 30 values an axis.
SearchSpace grid() {
  return SearchSpace({{"a", rand_int(0, 29)}, {"b", rand_int(0, 29)}, {"c", rand_int(0, 29)}});
}

double valley(const Configuration& c) {
  return static_cast<double>(std::abs(c.at("a").as_int() - 21) + std::abs(c.at("b").as_int() - 4) +
                             std::abs(c.at("c").as_int() - 15));
}

TEST(LocalSearch, ClimbsToTheBottomOfAValley) {
  // One point of 27,000, in 150 trials.
  int found = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto searcher = make_local_search({.space = grid(), .metric = kLoss, .seed = seed});
    Experiment experiment;
    double best = 1e9;
    for (int i = 0; i < 150; ++i) {
      const Configuration c = play::next(*searcher, experiment);
      best = std::min(best, valley(c));
      experiment.measured(c, valley(c));
    }
    found += best == 0;
  }
  EXPECT_GE(found, 7) << "of 10 seeds";
}

TEST(LocalSearch, StaysNearTheBestWhileThatPays) {
  const auto searcher = make_local_search({.space = grid(), .metric = kLoss, .num_starts = 3});
  Experiment experiment;
  for (const int a : {0, 10, 29}) {
    Configuration c = grid().configuration_at(0);
    c.set("a", a);
    experiment.measured(c, std::abs(a - 10));
  }
  for (int i = 0; i < 4; ++i) {
    const Configuration c = play::next(*searcher, experiment);
    int moved = c.at("a") != Json(10);
    moved += c.at("b") != Json(0);
    moved += c.at("c") != Json(0);
    EXPECT_LE(moved, 3);
    EXPECT_LE(std::abs(c.at("a").as_int() - 10), 12);
    EXPECT_LE(c.at("b").as_int() + c.at("c").as_int(), 24);
    experiment.start(c);
  }
}

TEST(LocalSearch, StartsAnewWhenNothingNearIsBetter) {
  // The first point is the best for ever, so after patience is out the same spread points come that
  // a new tuning would start with, less those already measured.
  const SearchSpace space({{"a", uniform(0, 1)}, {"b", uniform(0, 1)}});
  const auto searcher = make_local_search(
      {.space = space, .metric = kLoss, .seed = 4, .num_starts = 2, .patience = 5});
  Experiment experiment;
  std::vector<double> distance;
  for (int i = 0; i < 30; ++i) {
    const Configuration c = play::next(*searcher, experiment);
    experiment.measured(c, i);
    const auto first = space.encode(experiment.history().trials()[0].configuration);
    const auto unit = space.encode(c);
    distance.push_back(std::hypot(unit[0] - first[0], unit[1] - first[1]));
  }
  // Trials 2 to 6 are neighbours of the first, 7 and 8 starts, 9 on neighbours of trial 7.
  const auto start = space.encode(experiment.history().trials()[7].configuration);
  for (int i = 9; i < 14; ++i) {
    const auto unit =
        space.encode(experiment.history().trials()[static_cast<std::size_t>(i)].configuration);
    EXPECT_LT(std::hypot(unit[0] - start[0], unit[1] - start[1]), 0.6) << i;
    EXPECT_NE(unit, start);
  }
  for (int i = 2; i < 7; ++i) EXPECT_LT(distance[static_cast<std::size_t>(i)], 0.6) << i;
}

TEST(LocalSearch, RefusesOptionsOutOfRange) {
  EXPECT_THROW(make_local_search({.space = grid(), .num_starts = 0}), Error);
  EXPECT_THROW(make_local_search({.space = grid(), .patience = 0}), Error);
}

}  // namespace
}  // namespace skipjack
