#include "skipjack/search/admission.h"

#include <gtest/gtest.h>

#include <set>

#include "play.h"

namespace skipjack {
namespace {

using play::Experiment;

const Metric kLoss{.name = "loss"};

SearchSpace grid_space() { return SearchSpace({{"a", rand_int(0, 30)}, {"b", rand_int(0, 30)}}); }

Configuration at(int a, int b) { return Json::Object{{"a", a}, {"b", b}}; }

TEST(Admission, RefusesWhatFailedOrRunsAndWhatWasMeasuredIfAsked) {
  const SearchSpace space = grid_space();
  const UnitSpace unit_space(space);
  Experiment experiment;
  experiment.measured(at(1, 1), 0);
  experiment.failed(at(2, 2));
  experiment.start(at(3, 3));
  const Observations seen = collect_observations(space, experiment.history(), kLoss);
  const Admission avoid(unit_space, seen, Duplicates::Avoid);
  const Admission allow(unit_space, seen, Duplicates::Allow);
  EXPECT_FALSE(avoid.admits(space.encode(at(1, 1))));
  EXPECT_TRUE(allow.admits(space.encode(at(1, 1))));
  for (const Admission* admission : {&avoid, &allow}) {
    EXPECT_FALSE(admission->admits(space.encode(at(2, 2))));
    EXPECT_FALSE(admission->admits(space.encode(at(3, 3))));
    EXPECT_TRUE(admission->admits(space.encode(at(1, 2))));
  }
}

TEST(DrawCandidates, TakesASmallSpaceWhole) {
  const SearchSpace space({{"a", rand_int(0, 3)}, {"b", choice({"x", "y", "z"})}}, {"a != 2"});
  const UnitSpace unit_space(space);
  Experiment experiment;
  experiment.measured(Json::Object{{"a", 0}, {"b", "x"}}, 0);
  const Observations seen = collect_observations(space, experiment.history(), kLoss);
  Rng rng(1);
  const auto candidates = draw_candidates(
      unit_space, Admission(unit_space, seen, Duplicates::Avoid), {.num_random = 12}, rng);
  EXPECT_EQ(std::set(candidates.begin(), candidates.end()).size(), 8u);
  EXPECT_EQ(candidates.size(), 8u);
}

TEST(DrawCandidates, LooksEverywhereAndAlongTheAxesOfTheGood) {
  const SearchSpace space({{"a", uniform(0, 1)}, {"b", uniform(0, 1)}, {"c", uniform(0, 1)}});
  const UnitSpace unit_space(space);
  const UnitPoint good = {0.25, 0.75, 0.5};
  Rng rng(2);
  const auto candidates =
      draw_candidates(unit_space, Admission(unit_space, {}, Duplicates::Avoid),
                      {.num_random = 200, .good = {good}, .num_copies = 40}, rng);
  int quadrant[4] = {}, shared = 0;
  for (const UnitPoint& point : candidates) {
    ++quadrant[2 * (point[0] > 0.5) + (point[1] > 0.5)];
    shared += (point[0] == good[0]) != (point[1] == good[1]);
  }
  for (const int number : quadrant) EXPECT_GE(number, 25);
  EXPECT_GE(shared, 20);
}

TEST(DrawCandidates, KeepsConstraints) {
  const SearchSpace space({{"a", uniform(0, 1)}, {"b", uniform(0, 1)}}, {"a + b < 0.5"});
  const UnitSpace unit_space(space);
  Rng rng(3);
  const auto candidates = draw_candidates(unit_space, Admission(unit_space, {}, Duplicates::Avoid),
                                          {.num_random = 100, .good = {{0.25, 0.24}}}, rng);
  EXPECT_GE(candidates.size(), 50u);
  for (const UnitPoint& point : candidates) EXPECT_LT(point[0] + point[1], 0.5);
}

}  // namespace
}  // namespace skipjack
