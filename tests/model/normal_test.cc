// Truth: values of the normal distribution printed in tables, and quadrature.
#include "skipjack/model/normal.h"

#include <gtest/gtest.h>

#include <cmath>

namespace skipjack {
namespace {

TEST(Normal, CdfMatchesPrintedTable) {
  EXPECT_NEAR(normal_cdf(0), 0.5, 1e-15);
  EXPECT_NEAR(normal_cdf(1), 0.8413447460685429, 1e-14);
  EXPECT_NEAR(normal_cdf(1.959963984540054), 0.975, 1e-14);
  EXPECT_NEAR(normal_cdf(-3), 0.0013498980316300946, 1e-16);
  EXPECT_NEAR(normal_pdf(0), 0.3989422804014327, 1e-15);
}

TEST(Normal, LogCdfMatchesHighPrecisionValuesInTheTail) {
  // log Phi(z) to 15 digits, by arbitrary-precision evaluation of erfc.
  EXPECT_NEAR(log_normal_cdf(-5), -15.0649983939887, 1e-9);
  EXPECT_NEAR(log_normal_cdf(-10), -53.2312851505125, 1e-9);
  EXPECT_NEAR(log_normal_cdf(-40), -804.608442013754, 1e-9);
  EXPECT_NEAR(log_normal_cdf(5), -2.86651613133e-7, 1e-15);
}

TEST(Normal, QuantileMatchesPrintedTable) {
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-15);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile(0.0013498980316300946), -3, 1e-12);
}

TEST(Normal, QuantileUndoesTheDistributionFunctionFarIntoTheTail) {
  for (const double z : {-37.0, -20.0, -10.0, -4.0, -1.0, -1e-3, 0.5, 3.0})
    EXPECT_NEAR(normal_quantile(normal_cdf(z)), z, 1e-11 * (1 + std::abs(z))) << z;
}

TEST(Normal, QuantileIsInfiniteAtTheEnds) {
  EXPECT_EQ(normal_quantile(0), -INFINITY);
  EXPECT_EQ(normal_quantile(1), INFINITY);
}

TEST(Normal, LogCdfIsSmoothWhereTheFormulaChanges) {
  const double below = log_normal_cdf(-20.0 - 1e-9), above = log_normal_cdf(-20.0 + 1e-9);
  // Its slope there is about 20.05, so the step may be 4e-8.
  EXPECT_NEAR(below, above, 1e-7);
  EXPECT_LT(below, above);
}

}  // namespace
}  // namespace skipjack
