// Truth: expected improvement by quadrature of its definition, and its asymptotic expansion.
#include "skipjack/model/acquisition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "skipjack/model/normal.h"

namespace skipjack {
namespace {

// E[max(tau - f, 0)] by Simpson's rule over the part where it isn't zero.
double improvement_by_quadrature(double mean, double stddev, double tau) {
  const double low = std::min(mean, tau) - 12 * stddev, high = tau;
  const int steps = 200000;
  const double h = (high - low) / steps;
  double sum = 0;
  for (int i = 0; i <= steps; ++i) {
    const double f = low + h * i;
    const double weight = i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2;
    sum += weight * (tau - f) * normal_pdf((f - mean) / stddev) / stddev;
  }
  return sum * h / 3;
}

TEST(LogExpectedImprovement, MatchesQuadrature) {
  for (const double mean : {-1.0, 0.0, 0.3, 2.0, 5.0})
    for (const double stddev : {0.05, 0.5, 2.0}) {
      const double z = (0.2 - mean) / stddev;
      if (z < -30) continue;
      const double expected = std::log(improvement_by_quadrature(mean, stddev, 0.2));
      EXPECT_NEAR(log_expected_improvement(mean, stddev, 0.2), expected, 1e-6)
          << "mean " << mean << " stddev " << stddev;
    }
}

TEST(LogExpectedImprovement, GradientAgreesWithFiniteDifferences) {
  for (const double mean : {-1.0, 0.0, 0.4, 3.0, 20.0})
    for (const double stddev : {0.1, 1.0}) {
      const LogImprovementGradient g = log_expected_improvement_gradient(mean, stddev, 0.2);
      constexpr double kStep = 1e-6;
      EXPECT_DOUBLE_EQ(g.value, log_expected_improvement(mean, stddev, 0.2));
      const double by_mean = (log_expected_improvement(mean + kStep, stddev, 0.2) -
                              log_expected_improvement(mean - kStep, stddev, 0.2)) /
                             (2 * kStep);
      const double by_stddev = (log_expected_improvement(mean, stddev + kStep, 0.2) -
                                log_expected_improvement(mean, stddev - kStep, 0.2)) /
                               (2 * kStep);
      EXPECT_NEAR(g.by_mean, by_mean, 1e-4 * (1 + std::abs(by_mean)));
      EXPECT_NEAR(g.by_stddev, by_stddev, 1e-4 * (1 + std::abs(by_stddev)));
    }
}

// E[min_i mean_i - min_i (mean_i + slope_i Z)] by the trapezoidal rule, which is exact to rounding
// for what is smooth and vanishes at both ends; the corners cost some digits.
double knowledge_by_quadrature(const std::vector<double>& means,
                               const std::vector<double>& slopes) {
  const double now = *std::min_element(means.begin(), means.end());
  const int steps = 400000;
  double sum = 0;
  for (int i = 0; i <= steps; ++i) {
    const double z = -12 + 24.0 * i / steps;
    double then = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < means.size(); ++k) then = std::min(then, means[k] + slopes[k] * z);
    sum += (now - then) * normal_pdf(z);
  }
  return sum * 24.0 / steps;
}

TEST(LogKnowledgeGradient, MatchesQuadrature) {
  const std::vector<std::pair<std::vector<double>, std::vector<double>>> cases = {
      {{0, 1}, {0, 0.8}},
      {{0, 0.1, 0.2, 3}, {0.3, -0.2, 0.5, 0.1}},
      {{1, 1, 1}, {0.1, 0.2, 0.2}},
      {{0, 0.5, 0.5, 0.2, -0.1}, {1, 1, 2, 0, -1}},
  };
  for (const auto& [means, slopes] : cases)
    EXPECT_NEAR(std::exp(log_knowledge_gradient(means, slopes)),
                knowledge_by_quadrature(means, slopes), 1e-7);
}

TEST(LogKnowledgeGradient, OfOneUncertainPointIsExpectedImprovement) {
  // Measured without noise, a point of mean 0.4 and deviation 0.5 beside a certain 0.1.
  const std::vector<double> means = {0.1, 0.4}, slopes = {0, 0.5};
  EXPECT_NEAR(log_knowledge_gradient(means, slopes), log_expected_improvement(0.4, 0.5, 0.1),
              1e-12);
}

TEST(LogKnowledgeGradient, IsNothingWhereNoOrderCanChange) {
  const double nothing = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(log_knowledge_gradient(std::vector<double>{0.3}, std::vector<double>{1}), nothing);
  EXPECT_EQ(log_knowledge_gradient(std::vector<double>{0.3, 0.4}, std::vector<double>{1, 1}),
            nothing);
}

TEST(LogKnowledgeGradient, StaysFiniteFarInTheTail) {
  const std::vector<double> means = {0, 100}, slopes = {0, 0.5};
  EXPECT_NEAR(log_knowledge_gradient(means, slopes), log_expected_improvement(100, 0.5, 0), 1e-9);
}

TEST(LogExpectedImprovement, KeepsRankingWhereImprovementUnderflows) {
  double previous = log_improvement(-35);
  for (double z = -36; z > -1e6; z *= 1.5) {
    const double value = log_improvement(z);
    EXPECT_TRUE(std::isfinite(value)) << z;
    EXPECT_LT(value, previous) << z;
    previous = value;
  }
}

TEST(LogExpectedImprovement, TailMatchesAsymptoticExpansion) {
  // log phi(z) - 2 log |z| - 3/z^2 + O(z^-4)
  const double z = -1000;
  EXPECT_NEAR(log_improvement(z), -500000.918938533 - 2 * std::log(1000.0) - 3e-6, 1e-8);
}

TEST(LogExpectedImprovement, IsContinuousWhereFormulasMeet) {
  for (const double z : {-1.0, -20.0})
    EXPECT_NEAR(log_improvement(z - 1e-10), log_improvement(z + 1e-10), 1e-8) << z;
}

TEST(LogExpectedImprovement, WithoutUncertaintyIsTheGain) {
  EXPECT_DOUBLE_EQ(log_expected_improvement(1.0, 0.0, 3.0), std::log(2.0));
  EXPECT_EQ(log_expected_improvement(3.0, 0.0, 1.0), -INFINITY);
}

}  // namespace
}  // namespace skipjack
