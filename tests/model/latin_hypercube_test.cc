// Truth: the definition of a Latin hypercube, and what chance gives without exchanges.
#include "skipjack/model/latin_hypercube.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using Points = std::vector<std::vector<double>>;

double smallest_distance(const Points& points) {
  double smallest = 1e9;
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      double squared = 0;
      for (std::size_t k = 0; k < points[i].size(); ++k)
        squared += std::pow(points[i][k] - points[j][k], 2);
      smallest = std::min(smallest, std::sqrt(squared));
    }
  return smallest;
}

TEST(LatinHypercube, EverySliceOfEveryAxisHoldsOnePoint) {
  for (const std::size_t n : {1u, 2u, 7u, 60u}) {
    const Points points = latin_hypercube({.num_points = n, .dimension = 6, .seed = n});
    ASSERT_EQ(points.size(), n);
    for (std::size_t k = 0; k < 6; ++k) {
      std::set<int> slices;
      for (const auto& point : points)
        slices.insert(static_cast<int>(point[k] * static_cast<double>(n)));
      EXPECT_EQ(slices.size(), n) << "axis " << k;
      EXPECT_EQ(*slices.rbegin(), static_cast<int>(n) - 1);
    }
  }
}

TEST(LatinHypercube, PointsKeepTheirDistance) {
  // Against plain Latin hypercubes: random permutations, points in the middles of slices.
  constexpr std::size_t kPoints = 20;
  Rng rng(3, "plain");
  std::vector<double> plain;
  for (int i = 0; i < 200; ++i) {
    Points points(kPoints, std::vector<double>(3));
    std::vector<double> column;
    for (std::size_t j = 0; j < kPoints; ++j)
      column.push_back((static_cast<double>(j) + 0.5) / kPoints);
    for (std::size_t k = 0; k < 3; ++k) {
      rng.shuffle(column);
      for (std::size_t j = 0; j < kPoints; ++j) points[j][k] = column[j];
    }
    plain.push_back(smallest_distance(points));
  }
  std::sort(plain.begin(), plain.end());
  for (std::uint64_t seed = 0; seed < 5; ++seed)
    EXPECT_GT(
        smallest_distance(latin_hypercube({.num_points = kPoints, .dimension = 3, .seed = seed})),
        plain[180])
        << "seed " << seed << ", ninth decile of plain ones";
}

TEST(LatinHypercube, IsAFunctionOfTheSeed) {
  const LatinHypercubeOptions options{.num_points = 10, .dimension = 2, .seed = 4};
  EXPECT_EQ(latin_hypercube(options), latin_hypercube(options));
  EXPECT_NE(latin_hypercube(options),
            latin_hypercube({.num_points = 10, .dimension = 2, .seed = 5}));
}

TEST(LatinHypercube, NoAxesAndNoPointsAreNoObstacle) {
  EXPECT_EQ(latin_hypercube({.num_points = 3, .dimension = 0}).size(), 3u);
  EXPECT_TRUE(latin_hypercube({.num_points = 0, .dimension = 3}).empty());
}

}  // namespace
}  // namespace skipjack
