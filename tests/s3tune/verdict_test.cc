// Statistics of the verdict: critical values from published tables, intervals worked out by hand,
// and thousands of simulated verdicts for level and coverage.
#include "skipjack/s3tune/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack::s3tune {
namespace {

// Wilcoxon signed-rank table, two-sided 5 % (Hollander, Wolfe and Chicken, table A.4; R:
// qsignrank(.025, n) - 1).
TEST(SignedRank, CriticalValuesAreThoseOfTheTables) {
  const std::vector<std::pair<std::size_t, std::size_t>> table = {
      {6, 0},   {7, 2},   {8, 3},   {9, 5},   {10, 8},  {11, 10},
      {12, 13}, {13, 17}, {14, 21}, {15, 25}, {20, 52}, {25, 89}};
  for (const auto& [n, critical] : table)
    EXPECT_EQ(signed_rank_critical_value(n, 0.025), critical) << "n = " << n;
  EXPECT_EQ(signed_rank_critical_value(5, 0.025), std::nullopt);
}

TEST(SignedRank, ApproximationMeetsTheTableAboveTheExactRange) {
  // Table value for n = 100 at 2.5 % in one tail: 1955.
  const auto critical = signed_rank_critical_value(100, 0.025);
  ASSERT_TRUE(critical);
  EXPECT_NEAR(static_cast<double>(*critical), 1955, 3);
}

TEST(StudentT, QuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.7062, 1e-3);
  EXPECT_NEAR(student_t_quantile(0.975, 4), 2.77645, 1e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 9), 2.26216, 1e-4);
  EXPECT_NEAR(student_t_quantile(0.5, 9), 0, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.05, 30), -1.69726, 1e-4);
}

TEST(FDistribution, UpperTailsAreThoseOfTheTables) {
  EXPECT_NEAR(f_upper_tail(4.9646, 1, 10), 0.05, 1e-4);
  EXPECT_NEAR(f_upper_tail(2.8661, 4, 20), 0.05, 1e-4);
  EXPECT_NEAR(f_upper_tail(0, 3, 7), 1, 1e-12);
  EXPECT_EQ(f_upper_tail(HUGE_VAL, 3, 7), 0);
}

TEST(Gain, ConstantRatioIsFoundExactly) {
  const std::vector<double> baseline = {2, 4, 6, 8, 10, 12}, candidate = {1, 2, 3, 4, 5, 6};
  const auto gain = estimate_gain(baseline, candidate);
  ASSERT_TRUE(gain);
  EXPECT_NEAR(gain->ratio, 2, 1e-12);
  EXPECT_NEAR(gain->lower, 2, 1e-12);
  EXPECT_NEAR(gain->upper, 2, 1e-12);
  EXPECT_EQ(gain->num_pairs, 6u);
}

// Six log ratios 0.1, ..., 0.6: the 95 % interval is the range of the Walsh averages, the centre
// their median 0.35.
TEST(Gain, SixPairsGiveTheRangeOfTheWalshAverages) {
  std::vector<double> baseline, candidate(6, 1.0);
  for (int i = 1; i <= 6; ++i) baseline.push_back(std::exp(0.1 * i));
  const auto gain = estimate_gain(baseline, candidate);
  ASSERT_TRUE(gain);
  EXPECT_NEAR(std::log(gain->ratio), 0.35, 1e-12);
  EXPECT_NEAR(std::log(gain->lower), 0.1, 1e-12);
  EXPECT_NEAR(std::log(gain->upper), 0.6, 1e-12);
}

// Log ratios 0.1, 0.2, 0.3: t interval with 2 degrees of freedom, 0.2 +- 4.30265 * 0.1 / sqrt(3).
TEST(Gain, FewPairsFallBackToTheTInterval) {
  const std::vector<double> baseline = {std::exp(0.1), std::exp(0.2), std::exp(0.3)},
                            candidate(3, 1.0);
  const auto gain = estimate_gain(baseline, candidate);
  ASSERT_TRUE(gain);
  EXPECT_NEAR(std::log(gain->lower), 0.2 - 4.30265 * 0.1 / std::sqrt(3), 1e-5);
  EXPECT_NEAR(std::log(gain->upper), 0.2 + 4.30265 * 0.1 / std::sqrt(3), 1e-5);
}

TEST(Gain, OneSlowDownloadDoesNotMoveTheVerdict) {
  std::vector<double> baseline(12, 2.0), candidate(12, 1.0);
  candidate[7] = 30;
  const auto gain = estimate_gain(baseline, candidate);
  ASSERT_TRUE(gain);
  EXPECT_NEAR(gain->ratio, 2, 1e-9);
  EXPECT_GT(gain->lower, 1.0);
}

TEST(Gain, SwappingTheTwoInvertsTheRatio) {
  Rng rng(11);
  std::vector<double> a, b;
  for (int i = 0; i < 9; ++i) a.push_back(1 + rng.uniform()), b.push_back(1 + rng.uniform());
  const auto forward = estimate_gain(a, b), backward = estimate_gain(b, a);
  ASSERT_TRUE(forward && backward);
  EXPECT_NEAR(forward->ratio * backward->ratio, 1, 1e-12);
  EXPECT_NEAR(forward->lower * backward->upper, 1, 1e-12);
}

TEST(Gain, OnePairIsNoEvidence) {
  EXPECT_FALSE(estimate_gain(std::vector<double>{2}, std::vector<double>{1}));
}

TEST(Gain, BadTimingsAreRefused) {
  const std::vector<double> good = {1, 2, 3}, bad = {1, 0, 3}, nan = {1, std::nan(""), 3},
                            shorter = {1, 2};
  EXPECT_THROW(estimate_gain(good, bad), Error);
  EXPECT_THROW(estimate_gain(nan, good), Error);
  EXPECT_THROW(estimate_gain(good, shorter), Error);
  EXPECT_THROW(estimate_gain(good, good, {.confidence = 1.0}), Error);
}

TEST(Claim, NeedsTheWholeIntervalAboveOneAndMoreThanATrifle) {
  EXPECT_TRUE(claims_gain({.ratio = 1.2, .lower = 1.1, .upper = 1.3, .num_pairs = 12}));
  EXPECT_FALSE(claims_gain({.ratio = 1.2, .lower = 0.99, .upper = 1.4, .num_pairs = 12}));
  EXPECT_FALSE(claims_gain({.ratio = 1.005, .lower = 1.004, .upper = 1.006, .num_pairs = 12}));
}

TEST(Summary, MeanMedianAndRange) {
  const auto s = summarise_timings(std::vector<double>{3, 1, 2, 10});
  EXPECT_DOUBLE_EQ(s.mean, 4);
  EXPECT_DOUBLE_EQ(s.median, 2.5);
  EXPECT_DOUBLE_EQ(s.smallest, 1);
  EXPECT_DOUBLE_EQ(s.largest, 10);
  EXPECT_EQ(summarise_timings({}).count, 0u);
}

/// Download times as networks make them: log-normal, one in twelve with a tail of its own, all
/// under a drift that both arms of a block share.
struct SimulatedWorld {
  double true_ratio = 1;
  double noise = 0.05;
  double tail_odds = 1.0 / 12;
  double tail = 0.5;
};

struct Score {
  double claims = 0, covered = 0;
};

Score simulate(const SimulatedWorld& world, int num_blocks, int num_verdicts, std::uint64_t seed) {
  Score score;
  for (int v = 0; v < num_verdicts; ++v) {
    Rng rng(seed, "verdict", static_cast<std::uint64_t>(v));
    const double phase = rng.uniform(0, 6.28);
    std::vector<double> baseline, candidate;
    for (int block = 0; block < num_blocks; ++block) {
      const auto draw = [&](double level, double position) {
        const double drift = 0.2 * std::sin(phase + 0.4 * (block + position));
        double log_time = std::log(level) + drift + world.noise * rng.normal();
        if (rng.bernoulli(world.tail_odds)) log_time += world.tail * rng.exponential();
        return std::exp(log_time);
      };
      const bool baseline_first = rng.bernoulli(0.5);
      const double first = draw(baseline_first ? world.true_ratio : 1.0, 0.0);
      const double second = draw(baseline_first ? 1.0 : world.true_ratio, 0.5);
      baseline.push_back(baseline_first ? first : second);
      candidate.push_back(baseline_first ? second : first);
    }
    const auto gain = estimate_gain(baseline, candidate);
    if (claims_gain(*gain, 0)) score.claims += 1.0 / num_verdicts;
    if (gain->lower <= world.true_ratio && world.true_ratio <= gain->upper)
      score.covered += 1.0 / num_verdicts;
  }
  return score;
}

// 4000 verdicts: standard error of a share of 5 % is 0.35 %, of 95 % the same.
TEST(Verdict, ClaimsAGainWhereThereIsNoneInAtMostFivePercent) {
  constexpr std::uint64_t kSeed = 20240101;
  for (int blocks : {4, 6, 10, 12, 20}) {
    const Score score = simulate({.true_ratio = 1}, blocks, 4000, kSeed);
    EXPECT_LE(score.claims, 0.05) << blocks << " blocks, seed " << kSeed;
    EXPECT_GT(score.claims, 0) << "a test that never claims anything has no power";
  }
}

TEST(Verdict, IntervalsHoldTheTrueGainInAtLeastNinetyThreePercent) {
  constexpr std::uint64_t kSeed = 20240202;
  for (int blocks : {4, 6, 10, 12, 20})
    for (double ratio : {1.0, 1.1, 1.7}) {
      const Score score = simulate({.true_ratio = ratio}, blocks, 4000, kSeed);
      EXPECT_GE(score.covered, 0.93) << blocks << " blocks, ratio " << ratio << ", seed " << kSeed;
    }
}

TEST(Verdict, FindsAGainOfTenPercentUnderFivePercentNoise) {
  const Score score = simulate({.true_ratio = 1.10, .tail_odds = 0}, 12, 1000, 5);
  EXPECT_GT(score.claims, 0.6);
}

}  // namespace
}  // namespace skipjack::s3tune
