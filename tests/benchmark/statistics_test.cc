#include "skipjack/benchmark/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skipjack::benchmark {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(WilcoxonTest, MatchesTheExactDistribution) {
  // Five differences, all negative: one of 2^5 sign patterns is as extreme.
  const std::vector<double> zero(5, 0.0), less = {-1, -2, -3, -4, -5};
  EXPECT_DOUBLE_EQ(wilcoxon_less(less, zero), 1.0 / 32);
  EXPECT_DOUBLE_EQ(wilcoxon_less(zero, less), 1.0);
  // Rank 1 positive: subsets of {1..5} with sum 0 or 1 are two.
  const std::vector<double> one_up = {1, -2, -3, -4, -5};
  EXPECT_DOUBLE_EQ(wilcoxon_less(one_up, zero), 2.0 / 32);
  EXPECT_DOUBLE_EQ(wilcoxon_less(zero, zero), 1.0);
}

TEST(WilcoxonTest, NormalApproximationIsCloseToTheExactDistribution) {
  // 25 differences with one tie, rank sum 97.5 or so: beside the exact value without the tie.
  std::vector<double> tied, untied;
  const std::vector<double> zero(25, 0.0);
  for (int i = 1; i <= 25; ++i) untied.push_back(i % 3 == 0 ? i : -i);
  tied = untied;
  tied[0] = -1.5;
  tied[1] = -1.5;
  EXPECT_NEAR(wilcoxon_less(tied, zero), wilcoxon_less(untied, zero), 0.003);
}

TEST(Holm, MatchesTheWorkedExample) {
  // p = 0.01, 0.04, 0.03, 0.005: times 3, 1, 2, 4 by rank, then made to ascend.
  const std::vector<double> p = {0.01, 0.04, 0.03, 0.005};
  EXPECT_THAT(holm(p), ElementsAre(DoubleEq(0.03), DoubleEq(0.06), DoubleEq(0.06), DoubleEq(0.02)));
}

TEST(Holm, StaysAtMostOne) {
  const std::vector<double> p = {0.9, 0.6};
  EXPECT_THAT(holm(p), ElementsAre(1.0, 1.0));
  EXPECT_TRUE(holm(std::vector<double>{}).empty());
}

TEST(Quantile, IsAMeasuredValueByTheNearestRank) {
  EXPECT_EQ(quantile_of({4, 1, 3, 2}, 0.5), 2);
  EXPECT_EQ(quantile_of({4, 1, 3, 2}, 0.99), 4);
  EXPECT_EQ(quantile_of({4, 1, 3, 2}, 0), 1);
}

}  // namespace
}  // namespace skipjack::benchmark
