// Truth: expected improvement by quadrature of its definition, and its asymptotic expansion.
#include "skipjack/model/acquisition.h"

#include <gtest/gtest.h>

#include <cmath>

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
