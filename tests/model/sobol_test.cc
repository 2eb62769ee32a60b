// Truth: the first points as published with the direction numbers, and the properties that define
// a Sobol sequence (every dimension a (0,1)-sequence; the first two together a (0,m,2)-net).
#include "skipjack/model/sobol.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace skipjack {
namespace {

TEST(Sobol, FirstPointsAreThePublishedOnes) {
  const SobolSequence sobol({.dimension = 5, .scramble = Scramble::None});
  const std::vector<std::vector<double>> published = {
      {0, 0, 0, 0, 0},
      {0.5, 0.5, 0.5, 0.5, 0.5},
      {0.75, 0.25, 0.25, 0.25, 0.75},
      {0.25, 0.75, 0.75, 0.75, 0.25},
      {0.375, 0.375, 0.625, 0.875, 0.375},
      {0.875, 0.875, 0.125, 0.375, 0.875},
      {0.625, 0.125, 0.875, 0.625, 0.625},
      {0.125, 0.625, 0.375, 0.125, 0.125},
  };
  for (std::size_t i = 0; i < published.size(); ++i) EXPECT_EQ(sobol.point(i), published[i]) << i;
}

class SobolEvenness : public testing::TestWithParam<Scramble> {};

TEST_P(SobolEvenness, EachDimensionHitsEveryIntervalOnce) {
  const std::size_t d = SobolSequence::kTableDimensions;
  const SobolSequence sobol({.dimension = d, .scramble = GetParam(), .seed = 7});
  for (const std::size_t block : {0u, 1u, 5u}) {
    std::vector<std::set<int>> cells(d);
    for (std::size_t i = 0; i < 256; ++i) {
      const auto point = sobol.point(block * 256 + i);
      for (std::size_t k = 0; k < d; ++k) cells[k].insert(static_cast<int>(point[k] * 256));
    }
    for (std::size_t k = 0; k < d; ++k) EXPECT_EQ(cells[k].size(), 256u) << "dimension " << k;
  }
}

TEST_P(SobolEvenness, FirstTwoDimensionsFillEveryElementaryBox) {
  const SobolSequence sobol({.dimension = 2, .scramble = GetParam(), .seed = 3});
  for (int split = 0; split <= 8; ++split) {
    std::set<std::pair<int, int>> boxes;
    for (std::size_t i = 0; i < 256; ++i) {
      const auto point = sobol.point(i);
      boxes.emplace(static_cast<int>(std::ldexp(point[0], split)),
                    static_cast<int>(std::ldexp(point[1], 8 - split)));
    }
    EXPECT_EQ(boxes.size(), 256u) << "split " << split;
  }
}

INSTANTIATE_TEST_SUITE_P(, SobolEvenness,
                         testing::Values(Scramble::None, Scramble::LinearMatrixAndShift),
                         [](const auto& p) {
                           return p.param == Scramble::None ? "Plain" : "Scrambled";
                         });

TEST(Sobol, IsAFunctionOfTheSeed) {
  const SobolSequence a({.dimension = 30, .seed = 1}), b({.dimension = 30, .seed = 1});
  const SobolSequence c({.dimension = 30, .seed = 2});
  EXPECT_EQ(a.point(17), b.point(17));
  EXPECT_NE(a.point(17), c.point(17));
}

TEST(Sobol, CoordinatesStayInTheCubeBeyondTheTable) {
  const SobolSequence sobol({.dimension = 40, .seed = 5});
  for (std::size_t i = 0; i < 1000; ++i)
    for (const double u : sobol.point(i)) {
      ASSERT_GE(u, 0.0);
      ASSERT_LT(u, 1.0);
    }
}

TEST(Sobol, ScrambledIntegratesASmoothFunctionBetterThanChanceCould) {
  // Integral of prod (1 + (u - 1/2)) over the cube is 1; with 1024 points plain chance errs by
  // 0.02.
  const SobolSequence sobol({.dimension = 5, .seed = 11});
  double sum = 0;
  for (std::size_t i = 0; i < 1024; ++i) {
    double product = 1;
    for (const double u : sobol.point(i)) product *= 0.5 + u;
    sum += product;
  }
  EXPECT_NEAR(sum / 1024, 1.0, 0.002);
}

}  // namespace
}  // namespace skipjack
