#include "skipjack/search/kept_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "play.h"
#include "skipjack/base/rng.h"
#include "skipjack/search/recommend.h"

namespace skipjack {
namespace {

constexpr double kNoise = 0.02;

const SearchSpace& space() {
  static const SearchSpace space(
      {{"x", uniform(0, 1)}, {"y", uniform(0, 1)}, {"k", rand_int(0, 9)}});
  return space;
}

double truth_at(const UnitPoint& point) {
  double sum = 1;
  for (const double u : point) sum += (u - 0.35) * (u - 0.35);
  return sum;
}

/// What a long search leaves: a tenth all over the space, the rest around the optimum.
struct LongSearch {
  std::vector<UnitPoint> points;
  std::vector<double> values;

  LongSearch(const UnitSpace& unit_space, std::size_t number, double noise) {
    Rng rng(5, "long search");
    const UnitPoint optimum = unit_space.snap({0.35, 0.35, 0.35});
    for (std::size_t i = 0; i < number; ++i) {
      const bool is_anywhere = i < number / 10;
      points.push_back(is_anywhere ? space().encode(*space().sample(rng))
                                   : unit_space.perturb(optimum, 0.05, rng));
      values.push_back(truth_at(points.back()) + noise * rng.normal());
    }
  }
  std::vector<std::size_t> kept(const UnitSpace& unit_space) const {
    const Metric metric{.name = "loss"};
    return rows_to_keep(
        {.space = unit_space, .metric = metric, .points = points, .values = values});
  }
};

TEST(KeptRows, AreAllUpToFourHundred) {
  const UnitSpace unit_space(space());
  std::vector<std::size_t> all(400);
  std::iota(all.begin(), all.end(), std::size_t{0});
  EXPECT_EQ(LongSearch(unit_space, 400, kNoise).kept(unit_space), all);
  const std::vector<std::size_t> kept = LongSearch(unit_space, 1500, kNoise).kept(unit_space);
  EXPECT_EQ(kept.size(), 400u);
  EXPECT_EQ(std::adjacent_find(kept.begin(), kept.end(), std::greater_equal<>()), kept.end());
}

TEST(KeptRows, AreGoodAndNotLucky) {
  const UnitSpace unit_space(space());
  const LongSearch search(unit_space, 2000, kNoise);
  double luck = 0, excess = 0;
  int number = 0;
  for (const std::size_t row : search.kept(unit_space)) {
    if (row < 200 || row >= 1700) continue;  // kept for their time
    luck += search.values[row] - truth_at(search.points[row]);
    excess += truth_at(search.points[row]) - 1;
    ++number;
  }
  ASSERT_GT(number, 50);
  // The hundred smallest of these values are lucky by two deviations.
  EXPECT_LT(std::abs(luck / number), 0.4 * kNoise);
  // Two squares of a normal deviate of 0.05, and what the cells of k leave, would be 0.008.
  EXPECT_LT(excess / number, 0.005);
}

TEST(KeptRows, HoldTheBestValuesWhereThereIsNoNoise) {
  const UnitSpace unit_space(space());
  const LongSearch search(unit_space, 2000, 0);
  std::map<double, std::size_t> best;  // distinct values: one configuration each
  for (std::size_t i = 0; i < search.values.size(); ++i) best.emplace(search.values[i], i);
  std::set<UnitPoint> kept;
  for (const std::size_t row : search.kept(unit_space)) kept.insert(search.points[row]);
  auto next = best.begin();
  for (int rank = 0; rank < 20; ++rank, ++next)
    EXPECT_TRUE(kept.contains(search.points[next->second])) << rank;
}

TEST(KeptRows, HoldAtMostTenOfOneConfiguration) {
  const SearchSpace sixty({{"k", rand_int(0, 59)}});
  const UnitSpace unit_space(sixty);
  const Metric metric{.name = "loss"};
  Rng rng(7, "repetitions");
  std::vector<UnitPoint> points;
  std::vector<double> values;
  for (std::int64_t i = 0; i < 30L * 60; ++i) {
    points.push_back(sixty.encode(Json::Object{{"k", i % 60}}));
    values.push_back(truth_at(points.back()) + kNoise * rng.normal());
  }
  std::map<UnitPoint, int> times;
  for (const std::size_t row :
       rows_to_keep({.space = unit_space, .metric = metric, .points = points, .values = values}))
    if (row >= 100 && row < 1600) ++times[points[row]];  // not kept for their time
  int number = 0;
  for (const auto& [point, count] : times) {
    EXPECT_LE(count, 10);
    EXPECT_NEAR(point[0], 0.35, 0.15);
    number += count;
  }
  EXPECT_EQ(number, 100);
}

TEST(Recommend, OfThousandsOfTrialsIsNoLuckyOne) {
  const UnitSpace unit_space(space());
  const LongSearch search(unit_space, 2000, kNoise);
  play::Experiment experiment;
  for (std::size_t i = 0; i < search.points.size(); ++i)
    experiment.measured(space().decode(search.points[i]), search.values[i]);
  const auto found = recommend(space(), experiment.history(), {.name = "loss"});
  ASSERT_TRUE(found && found->lower && found->upper);
  const double truth = truth_at(space().encode(found->configuration));
  EXPECT_LT(truth, 1.01);
  EXPECT_LT(*found->lower, truth);
  EXPECT_GT(*found->upper, truth);
}

}  // namespace
}  // namespace skipjack
