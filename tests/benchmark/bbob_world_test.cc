#include "skipjack/benchmark/bbob_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/statistics.h"

namespace skipjack::benchmark {
namespace {

constexpr BbobNoise kGauss{NoiseModel::Gaussian, NoiseStrength::Severe};
constexpr BbobNoise kUniform{NoiseModel::Uniform, NoiseStrength::Severe};
constexpr BbobNoise kCauchy{NoiseModel::Cauchy, NoiseStrength::Severe};

std::vector<double> draws(double excess, const BbobNoise& noise, int dimension = 5) {
  std::vector<double> values;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    Rng rng(1, "noise", i);
    values.push_back(add_noise(excess, noise, dimension, rng));
  }
  return values;
}

TEST(BbobNoise, GaussianIsLogNormalAroundTheValue) {
  for (const auto& [strength, beta] :
       {std::pair(NoiseStrength::Moderate, 0.01), std::pair(NoiseStrength::Severe, 1.0)}) {
    std::vector<double> logarithms;
    for (const double value : draws(100, {NoiseModel::Gaussian, strength}))
      logarithms.push_back(std::log(value / 100));
    const double mean = mean_of(logarithms);
    double variance = 0;
    for (const double l : logarithms) variance += (l - mean) * (l - mean) / 20000;
    EXPECT_NEAR(mean / beta, 0, 0.03);
    EXPECT_NEAR(std::sqrt(variance) / beta, 1, 0.03);
  }
}

TEST(BbobNoise, UniformLiesBetweenItsTwoFactors) {
  // U^beta in (0, 1] below; (10^9 / f)^alpha above, alpha = 0.49 + 1/5.
  std::vector<double> values = draws(100, kUniform);
  const double highest = 100 * std::pow(1e7, 0.69);
  EXPECT_GT(*std::min_element(values.begin(), values.end()), 0);
  EXPECT_LT(*std::max_element(values.begin(), values.end()), highest);
  EXPECT_GT(*std::max_element(values.begin(), values.end()), 0.3 * highest);
  // Moderate: alpha = 0.0069, and U^0.01 is nearly 1.
  for (const double value : draws(100, {NoiseModel::Uniform, NoiseStrength::Moderate})) {
    EXPECT_LT(value, 100 * std::pow(1e7, 0.0069) + 1e-6);
    EXPECT_GT(value, 85);
  }
}

TEST(BbobNoise, CauchyDisturbsSeldomAndThenWithoutBound) {
  const std::vector<double> values = draws(100, kCauchy);
  const auto shifted = [](double v) { return std::abs(v - 1100) < 1e-6; };
  const double undisturbed =
      static_cast<double>(std::count_if(values.begin(), values.end(), shifted)) / 20000;
  EXPECT_NEAR(undisturbed, 0.8, 0.01);
  // P(|Cauchy| > 100) = 2 / (100 pi): 0.64 % of the disturbed ones.
  const auto outliers = std::count_if(values.begin(), values.end(),
                                      [](double v) { return std::abs(v - 1100) > 100; });
  EXPECT_NEAR(static_cast<double>(outliers) / 20000, 0.2 * 0.00637, 0.0007);
}

TEST(BbobNoise, LeavesTheOptimumAlone) {
  for (const BbobNoise& noise : {kGauss, kUniform, kCauchy}) {
    Rng rng(1);
    EXPECT_EQ(add_noise(1e-9, noise, 5, rng), 1e-9);
    EXPECT_EQ(add_noise(0, noise, 5, rng), 0);
  }
}

Configuration at(const std::vector<double>& x) {
  Json configuration;
  for (std::size_t i = 0; i < x.size(); ++i) configuration.set("x" + std::to_string(i + 1), x[i]);
  return configuration;
}

TEST(BbobWorld, OptimumHasRegretZeroAndHalfOfRandomPointsLessThanOne) {
  for (const int function : {1, 8, 15, 21, 24}) {
    const BbobOptions options{.function = function, .dimension = 4, .instance = 11};
    const auto world = make_bbob_world({.function = options});
    EXPECT_NEAR(normalised_regret(*world, at(BbobFunction(options).x_opt())), 0, 1e-9);
    Rng rng(5, "points");
    int below = 0;
    for (int i = 0; i < 1000; ++i)
      if (normalised_regret(*world, *world->space().sample(rng)) < 1) ++below;
    EXPECT_NEAR(below, 500, 75) << "f" << function;
  }
}

TEST(BbobWorld, SameDrawsGiveTheSameRunAndTruthHasNoNoise) {
  const auto world = make_bbob_world(
      {.function = {.function = 10, .dimension = 3, .instance = 1}, .noise = kGauss});
  EXPECT_EQ(world->name(), "bbob_f10_d3_gauss_severe");
  const Configuration point = at({1, 2, 3});
  const auto run = [&](std::uint64_t number) {
    Rng rng(1, "run", number);
    return world->evaluate(point, rng);
  };
  EXPECT_EQ(run(0).curve.at(0).value, run(0).curve.at(0).value);
  EXPECT_EQ(run(0).seconds, run(0).seconds);
  EXPECT_NE(run(0).curve.at(0).value, run(1).curve.at(0).value);
  const auto clean = make_bbob_world({.function = {.function = 10, .dimension = 3, .instance = 1}});
  EXPECT_EQ(*world->true_value(point), *clean->true_value(point));
  Rng rng(1);
  EXPECT_EQ(clean->evaluate(point, rng).curve.at(0).value, *clean->true_value(point));
}

TEST(BbobWorld, DurationsAreLogNormal) {
  const auto world = make_bbob_world(
      {.function = {.function = 1, .dimension = 2}, .duration = {.median = 4, .sigma = 0.5}});
  std::vector<double> logarithms;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    Rng rng(2, "run", i);
    logarithms.push_back(std::log(world->evaluate(at({0, 0}), rng).seconds / 4));
  }
  EXPECT_NEAR(mean_of(logarithms), 0, 0.03);
  EXPECT_NEAR(quantile_of(logarithms, 0.8413), 0.5, 0.03);
}

TEST(BbobWorld, DurationsOutOfRangeAreRefused) {
  EXPECT_THROW(make_bbob_world({.duration = {.median = 0}}), Error);
  EXPECT_THROW(make_bbob_world({.duration = {.sigma = -1}}), Error);
}

}  // namespace
}  // namespace skipjack::benchmark
