// Truth: functions with known minima, invariances, and the bounds that the papers promise.
#include "skipjack/model/cmaes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace skipjack {
namespace {

const Axis kReal{};

Axis cells(AxisKind kind, std::size_t number) {
  Axis axis{.kind = kind, .edges = {0.0}};
  for (std::size_t i = 1; i <= number; ++i)
    axis.edges.push_back(static_cast<double>(i) / static_cast<double>(number));
  return axis;
}

using Loss = std::function<double(const std::vector<double>&)>;

CmaesOptions options_for(const std::vector<Axis>& axes) {
  return {.axes = axes,
          .population = cmaes_population(axes.size()),
          .mean = std::vector<double>(axes.size(), 0.5)};
}

/// Smallest loss of that many generations.
double minimise(Cmaes& strategy, const Loss& loss, int generations, std::uint64_t seed) {
  double best = 1e300;
  for (int g = 0; g < generations; ++g) {
    Rng rng(seed, "generation", static_cast<std::uint64_t>(g));
    std::vector<CmaesMember> generation;
    for (std::size_t i = 0; i < strategy.population(); ++i) {
      CmaesMember member{.point = strategy.sample(rng), .loss = {}};
      member.loss = loss(member.point);
      best = std::min(best, *member.loss);
      generation.push_back(std::move(member));
    }
    strategy.update(generation, rng);
  }
  return best;
}

double sphere(const std::vector<double>& x) {
  double sum = 0;
  for (const double value : x) sum += (value - 0.3) * (value - 0.3);
  return sum;
}

TEST(Cmaes, PopulationIsTheTutorials) {
  // [Hansen2016, table 1]: 4 + floor(3 ln n).
  EXPECT_EQ(cmaes_population(1), 4u);
  EXPECT_EQ(cmaes_population(3), 7u);
  EXPECT_EQ(cmaes_population(10), 10u);
  EXPECT_EQ(cmaes_population(40), 15u);
}

TEST(Cmaes, ConvergesOnASphere) {
  // Log-linear: [Hansen2016]'s code needs about 2,000 evaluations in ten dimensions for 1e-10.
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    Cmaes strategy(options_for(std::vector<Axis>(10, kReal)));
    EXPECT_LT(minimise(strategy, sphere, 300, seed), 1e-10) << "seed " << seed;
  }
}

TEST(Cmaes, LearnsARotatedEllipsoid) {
  // Condition 1e6, axes along (1, 1), (1, -1) of pairs: without a covariance some 1e6 evaluations.
  const Loss ellipsoid = [](const std::vector<double>& x) {
    double sum = 0;
    for (std::size_t k = 0; k + 1 < x.size(); k += 2) {
      const double a = x[k] - 0.4, b = x[k + 1] - 0.6;
      sum += (a + b) * (a + b) + 1e6 * (a - b) * (a - b);
    }
    return sum;
  };
  Cmaes strategy(options_for(std::vector<Axis>(4, kReal)));
  EXPECT_LT(minimise(strategy, ellipsoid, 500, 1), 1e-8);
}

TEST(Cmaes, StaysInTheCubeAndReachesACorner) {
  Cmaes strategy(options_for(std::vector<Axis>(3, kReal)));
  const Loss corner = [](const std::vector<double>& x) {
    for (const double value : x) EXPECT_TRUE(value >= 0 && value <= 1) << value;
    return x[0] + x[1] + 1 - x[2];
  };
  EXPECT_LT(minimise(strategy, corner, 150, 2), 1e-3);
}

TEST(Cmaes, DependsOnRanksOnly) {
  const Loss root = [](const std::vector<double>& x) { return std::log(sphere(x)); };
  Cmaes one(options_for({kReal, cells(AxisKind::Cells, 5)}));
  Cmaes other(options_for({kReal, cells(AxisKind::Cells, 5)}));
  minimise(one, sphere, 10, 3);
  minimise(other, root, 10, 3);
  EXPECT_EQ(one.mean(0), other.mean(0));
  EXPECT_EQ(one.deviation(0), other.deviation(0));
}

TEST(Cmaes, MembersOfEqualLossAreInterchangeable) {
  CmaesOptions options = options_for({kReal, kReal});
  Cmaes one(options), other(options);
  Rng rng(4, "ties");
  std::vector<CmaesMember> generation;
  for (std::size_t i = 0; i < options.population; ++i)
    generation.push_back({.point = one.sample(rng), .loss = i < 3 ? 1.0 : 2.0});
  std::vector<CmaesMember> turned = generation;
  std::reverse(turned.begin(), turned.end());
  one.update(generation, rng);
  other.update(turned, rng);
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(one.mean(k), other.mean(k), 1e-14);
    EXPECT_NEAR(one.deviation(k), other.deviation(k), 1e-14);
  }
}

TEST(Cmaes, FailuresCountAsWorst) {
  // Only the upper half works, and there the lower the better: the border is the optimum.
  Cmaes strategy(options_for({kReal, kReal}));
  for (std::uint64_t g = 0; g < 40; ++g) {
    Rng rng(6, "generation", g);
    std::vector<CmaesMember> generation;
    for (std::size_t i = 0; i < strategy.population(); ++i) {
      CmaesMember member{.point = strategy.sample(rng), .loss = {}};
      if (member.point[0] >= 0.5) member.loss = member.point[0];
      generation.push_back(std::move(member));
    }
    strategy.update(generation, rng);
  }
  EXPECT_NEAR(strategy.mean(0), 0.5, 0.05);
}

TEST(Cmaes, NeitherSideOfACellFallsBelowTheMargin) {
  // Selection for the third of five cells, and for the first: [Hamano2022] promises alpha = 1 / (N
  // lambda) in all to leave them, half of it on either side.
  const Axis five = cells(AxisKind::Cells, 5);
  Cmaes strategy(options_for({five, five, kReal}));
  const double margin = 1 / (3 * static_cast<double>(strategy.population()));
  const Loss loss = [&](const std::vector<double>& x) {
    return std::abs(static_cast<double>(five.cell(x[0])) - 2) +
           static_cast<double>(five.cell(x[1])) + (x[2] - 0.3) * (x[2] - 0.3);
  };
  minimise(strategy, loss, 100, 7);
  EXPECT_LT(strategy.deviation(2), 1e-3);
  const double below = strategy.cell_probability(0, 0) + strategy.cell_probability(0, 1);
  const double above = strategy.cell_probability(0, 3) + strategy.cell_probability(0, 4);
  EXPECT_GE(below, 0.5 * margin - 1e-9);
  EXPECT_GE(above, 0.5 * margin - 1e-9);
  EXPECT_GT(strategy.cell_probability(0, 2), 0.5);
  EXPECT_GE(1 - strategy.cell_probability(1, 0), margin - 1e-9);
  EXPECT_GT(strategy.cell_probability(1, 0), 0.5);
}

TEST(Cmaes, IntegersDoNotGetStuck) {
  // The continuous coordinate matters first and shrinks the step; then the integers, all wrong in
  // the beginning, have to move. [Hamano2022]'s case for the margin.
  const Axis many = cells(AxisKind::Cells, 11);
  const Loss loss = [&](const std::vector<double>& x) {
    double sum = 1e6 * (x[0] - 0.5) * (x[0] - 0.5);
    for (std::size_t k = 1; k < 4; ++k)
      sum += std::pow(static_cast<double>(many.cell(x[k])) - 9, 2);
    return sum;
  };
  int solved = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Cmaes strategy(options_for({kReal, many, many, many}));
    solved += minimise(strategy, loss, 200, seed) < 0.5;
  }
  EXPECT_GE(solved, 4) << "of 5 seeds";
}

TEST(Cmaes, CategoriesMoveToTheBetterOneAndNoneDies) {
  const Axis four = cells(AxisKind::Categories, 4);
  Cmaes strategy(options_for({four, four, kReal}));
  const Loss loss = [&](const std::vector<double>& x) {
    return (four.cell(x[0]) == 2 ? 0 : 1) + (four.cell(x[1]) == 0 ? 0 : 1) + sphere({x[2]});
  };
  minimise(strategy, loss, 60, 8);
  EXPECT_GT(strategy.cell_probability(0, 2), 0.5);
  EXPECT_GT(strategy.cell_probability(1, 0), 0.5);
  for (std::size_t k = 0; k < 2; ++k) {
    double sum = 0;
    for (std::size_t c = 0; c < 4; ++c) {
      sum += strategy.cell_probability(k, c);
      // [Hamano2024]: (1 - 0.73^(1 / axes of categories)) / (K - 1), here 0.0485.
      EXPECT_GT(strategy.cell_probability(k, c), 0.045);
    }
    EXPECT_NEAR(sum, 1, 1e-12);
  }
}

TEST(Cmaes, TakesPointsThatItNeverDrew) {
  Cmaes strategy(options_for({kReal, cells(AxisKind::Cells, 100), cells(AxisKind::Categories, 3)}));
  Rng rng(9, "foreign");
  for (int g = 0; g < 50; ++g) {
    std::vector<CmaesMember> generation;
    for (std::size_t i = 0; i < strategy.population(); ++i)
      generation.push_back(
          {.point = {rng.uniform(), rng.uniform(), rng.uniform()}, .loss = rng.uniform()});
    strategy.update(generation, rng);
    ASSERT_TRUE(std::isfinite(strategy.mean(0)) && strategy.deviation(0) > 0);
    ASSERT_LE(strategy.deviation(0), 1.0 + 1e-9);
  }
}

TEST(Cmaes, KnowsWhenItHasConverged) {
  Cmaes strategy(options_for({kReal, kReal}));
  EXPECT_FALSE(strategy.converged());
  minimise(strategy, sphere, 200, 10);
  EXPECT_TRUE(strategy.converged());
}

TEST(Cmaes, AxesOfOneValueAreNoObstacle) {
  Cmaes strategy(options_for({cells(AxisKind::Cells, 1), cells(AxisKind::Categories, 1)}));
  Rng rng(11, "one value");
  std::vector<CmaesMember> generation;
  for (std::size_t i = 0; i < strategy.population(); ++i)
    generation.push_back({.point = strategy.sample(rng), .loss = 1.0});
  strategy.update(generation, rng);
  EXPECT_EQ(strategy.cell_probability(0, 0), 1);
  EXPECT_EQ(strategy.deviation(0), 0);
}

}  // namespace
}  // namespace skipjack
