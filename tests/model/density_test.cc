// Truth: integrals and sums of one, closed forms for a single kernel, frequencies of draws.
#include "skipjack/model/density.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace skipjack {
namespace {

const Axis kReal{};
const Axis kUneven{.kind = AxisKind::Cells, .edges = {0, 0.1, 0.4, 0.45, 1}};
const Axis kThree{.kind = AxisKind::Categories, .edges = {0, 1.0 / 3, 2.0 / 3, 1}};

double density_at(const ParzenDensity& density, const std::vector<double>& point) {
  return std::exp(density.log_density(std::span(&point, 1))[0]);
}

TEST(ParzenDensity, IntegratesToOneOverMixedAxes) {
  const ParzenDensity density({.axes = {kReal, kUneven, kThree},
                               .points = {{0.02, 0.05, 0.5}, {0.9, 0.7, 0.1}, {0.5, 0.42, 0.9}},
                               .bandwidths = {0.1, 0.2, 1}});
  constexpr int kNodes = 2000;
  double sum = 0;
  for (std::size_t c = 0; c < 4; ++c)
    for (std::size_t a = 0; a < 3; ++a)
      for (int i = 0; i < kNodes; ++i)
        sum += density_at(density, {(i + 0.5) / kNodes, kUneven.middle(c), kThree.middle(a)});
  EXPECT_NEAR(sum / kNodes, 1, 1e-6);
}

TEST(ParzenDensity, WithoutPointsIsUniform) {
  const ParzenDensity density(
      {.axes = {kReal, kUneven, kThree}, .points = {}, .bandwidths = {0.1, 0.1, 0.1}});
  EXPECT_NEAR(density_at(density, {0.3, 0.2, 0.9}), 0.3 / 3, 1e-12);
}

TEST(ParzenDensity, OneKernelIsATruncatedNormalBesideThePrior) {
  const ParzenDensity density({.axes = {kReal}, .points = {{0.1}}, .bandwidths = {0.2}});
  const auto phi = [](double z) {
    return std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
  };
  const auto cdf = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
  const double kernel = phi((0.25 - 0.1) / 0.2) / 0.2 / (cdf(4.5) - cdf(-0.5));
  EXPECT_NEAR(density_at(density, {0.25}), 0.5 * (kernel + 1), 1e-12);
}

TEST(ParzenDensity, CountsOfCategoriesAreSmoothed) {
  // Two kernels on the first category and the prior; each kernel spreads a third of a count.
  const ParzenDensity density({.axes = {kThree}, .points = {{0.1}, {0.1}}, .bandwidths = {1}});
  const double a = 1.0 / 3;
  EXPECT_NEAR(density_at(density, {0.5}), (2 * a / (1 + 3 * a) + 1.0 / 3) / 3, 1e-12);
  EXPECT_NEAR(density_at(density, {0.2}), (2 * (1 + a) / (1 + 3 * a) + 1.0 / 3) / 3, 1e-12);
}

TEST(ParzenDensity, SeesInteractions) {
  // Good where both are low or both are high; a product of one-dimensional densities can't tell.
  const ParzenDensity density(
      {.axes = {kReal, kReal}, .points = {{0.1, 0.1}, {0.9, 0.9}}, .bandwidths = {0.1, 0.1}});
  EXPECT_GT(density_at(density, {0.1, 0.1}), 10 * density_at(density, {0.1, 0.9}));
}

TEST(ParzenDensity, StaysFiniteFarFromEveryKernel) {
  const ParzenDensity density(
      {.axes = {kReal, kUneven}, .points = {{0, 0}}, .bandwidths = {1e-4, 1e-4}});
  const std::vector<double> far = {1, 0.99};
  EXPECT_TRUE(std::isfinite(density.log_density(std::span(&far, 1))[0]));
}

TEST(ParzenDensity, DrawsFollowTheDensity) {
  constexpr int kDraws = 20'000;
  const ParzenDensity density({.axes = {kReal, kUneven, kThree},
                               .points = {{0.02, 0.05, 0.5}, {0.9, 0.7, 0.1}},
                               .bandwidths = {0.1, 0.2, 1}});
  // The continuous axis is cut into halves, its density integrated over each.
  std::vector<double> expected(24), seen(24);
  const auto index = [&](std::size_t half, std::size_t c, std::size_t a) {
    return (half * 4 + c) * 3 + a;
  };
  for (std::size_t c = 0; c < 4; ++c)
    for (std::size_t a = 0; a < 3; ++a)
      for (int i = 0; i < 400; ++i)
        expected[index(i >= 200, c, a)] +=
            density_at(density, {(i + 0.5) / 400, kUneven.middle(c), kThree.middle(a)}) / 400;
  Rng rng(5, "density test");
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<double> draw = density.sample(rng);
    seen[index(draw[0] >= 0.5, kUneven.cell(draw[1]), kThree.cell(draw[2]))] += 1;
  }
  for (std::size_t i = 0; i < 24; ++i)
    EXPECT_NEAR(seen[i] / kDraws, expected[i], 5 * std::sqrt(expected[i] / kDraws) + 1e-4) << i;
}

TEST(ParzenBandwidth, ShrinksWithPointsDownToTheFloor) {
  EXPECT_GT(parzen_bandwidth(3, 5), parzen_bandwidth(30, 5));
  EXPECT_GE(parzen_bandwidth(100'000, 1), 0.01);
}

}  // namespace
}  // namespace skipjack
