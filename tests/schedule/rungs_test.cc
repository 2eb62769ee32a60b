#include "skipjack/schedule/rungs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(RunningQuantile, IsNumpysLinearOne) {
  const std::vector<double> values = {0.31, 0.72, 0.05, 0.44, 0.9, 0.12, 0.58, 0.26, 0.67, 0.39};
  // numpy.quantile(values[:n], q), n = 1, ..., 10
  const std::vector<std::pair<double, std::vector<double>>> expected = {
      {1 / 3.0,
       {0.31, 0.44666666666666666, 0.22333333333333333, 0.31, 0.35333333333333333,
        0.24666666666666665, 0.31, 0.27666666666666667, 0.29333333333333333, 0.31}},
      {0.5, {0.31, 0.515, 0.31, 0.375, 0.44, 0.375, 0.44, 0.375, 0.44, 0.41500000000000004}},
      {2 / 3.0,
       {0.31, 0.5833333333333333, 0.44666666666666666, 0.44, 0.6266666666666666, 0.5333333333333332,
        0.58, 0.5333333333333332, 0.61, 0.58}}};
  for (const auto& [q, quantiles] : expected) {
    RunningQuantile quantile(q);
    EXPECT_EQ(quantile.value(), std::nullopt);
    for (std::size_t i = 0; i < values.size(); ++i) {
      quantile.add(values[i]);
      EXPECT_NEAR(quantile.value().value(), quantiles[i], 1e-15) << q << " of " << i + 1;
    }
  }
}

TEST(RunningQuantile, AgreesWithSortingForAnyNumbers) {
  Rng rng(1, "quantile");
  for (const double q : {0.01, 0.25, 1 / 3.0, 0.9, 0.99}) {
    RunningQuantile quantile(q);
    std::vector<double> all;
    for (int i = 0; i < 300; ++i) {
      all.push_back(static_cast<double>(rng.uniform_int(0, 50)));  // with ties
      quantile.add(all.back());
      std::sort(all.begin(), all.end());
      const double place = q * static_cast<double>(all.size() - 1);
      const auto low = static_cast<std::size_t>(place);
      const double high = all[std::min(low + 1, all.size() - 1)];
      EXPECT_NEAR(quantile.value().value(),
                  all[low] + (place - static_cast<double>(low)) * (high - all[low]), 1e-12);
    }
  }
}

TEST(Rung, HasNoCutoffBeforeTheSecondTrial) {
  Rung rung(1 / 3.0);
  rung.enter(0, 7);
  EXPECT_EQ(rung.cutoff(), std::nullopt);
  EXPECT_TRUE(rung.is_within_cutoff(7));
  rung.enter(1, 4);
  EXPECT_DOUBLE_EQ(rung.cutoff().value(), 5);
  EXPECT_TRUE(rung.is_within_cutoff(4));
  EXPECT_FALSE(rung.is_within_cutoff(7));
}

TEST(Rung, WhatIsNotFiniteIsTheWorst) {
  Rung rung(0.5);
  rung.enter(0, kInf);
  rung.enter(1, kInf);
  EXPECT_FALSE(rung.is_within_cutoff(kInf));
  EXPECT_TRUE(rung.is_within_cutoff(1e300));
  rung.enter(2, 3);
  rung.enter(3, 4);
  EXPECT_DOUBLE_EQ(rung.cutoff().value(), 4) << "not between 4 and infinity";
}

TEST(Rung, OffersTheBestFirstAndTiesByNumber) {
  Rung rung(0.5);
  for (const auto& [trial, score] : {std::pair{4, 2.0}, {1, 2.0}, {2, 1.0}, {3, 9.0}})
    rung.enter(trial, score);
  rung.offer(4), rung.offer(1), rung.offer(3);
  EXPECT_EQ(rung.offered().begin()->second, 1);
  rung.offer(2);
  EXPECT_EQ(rung.offered().begin()->second, 2);
  rung.withdraw(2), rung.withdraw(1), rung.withdraw(77);
  EXPECT_EQ(rung.offered().begin()->second, 4);
  EXPECT_EQ(rung.size(), 4u);
}

TEST(Rung, ASecondEntryOfATrialChangesNothing) {
  Rung rung(0.5);
  rung.enter(0, 5);
  rung.enter(0, 1);
  EXPECT_EQ(rung.size(), 1u);
  EXPECT_EQ(rung.score(0), 5);
  EXPECT_EQ(rung.score(1), std::nullopt);
}

}  // namespace
}  // namespace skipjack
