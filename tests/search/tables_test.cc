// Replays measured tables: the promise that model-based search is worth its cost, as a paired test
// over seeds. Every regret is judged by the tables' true means, which no searcher sees.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "replay.h"
#include "statistics.h"

namespace skipjack::bench {
namespace {

constexpr int kSeeds = 20;

struct Comparison {
  double bayesopt_mean = 0, random_mean = 0, p_value = 1, median_seconds = 0;
};

Comparison compare(const std::string& name) {
  const Table table = read_table(std::string(SKIPJACK_BENCH_DATA) + "/tables/" + name + ".txt.gz");
  std::vector<double> model, random, seconds;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const ReplayResult ours =
        replay(table, {.method = "bayesopt", .seed = seed, .checkpoints = {100}});
    model.push_back(ours.regret.front());
    seconds.insert(seconds.end(), ours.seconds.end() - 10, ours.seconds.end());
    random.push_back(
        replay(table, {.method = "random", .seed = seed, .checkpoints = {100}}).regret.front());
  }
  Comparison result;
  for (int i = 0; i < kSeeds; ++i) {
    result.bayesopt_mean += model[static_cast<std::size_t>(i)] / kSeeds;
    result.random_mean += random[static_cast<std::size_t>(i)] / kSeeds;
  }
  result.p_value = wilcoxon_less(model, random);
  std::nth_element(seconds.begin(),
                   seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2),
                   seconds.end());
  result.median_seconds = seconds[seconds.size() / 2];
  return result;
}

TEST(BayesOptOnTables, BeatsRandomOnAtLeastFiveOfThem) {
  int won = 0;
  for (const char* name :
       {"hpobench_australian", "hpobench_blood_transfusion", "hpobench_car", "hpobench_phoneme",
        "hpolib_naval_propulsion", "hpolib_parkinsons_telemonitoring", "kt_convolution_A100",
        "kt_convolution_MI250X", "kt_dedispersion_A100"}) {
    const Comparison c = compare(name);
    std::printf("%-28s regret %.4f, random %.4f, one-sided p %.2g, suggestion %.1f ms\n", name,
                c.bayesopt_mean, c.random_mean, c.p_value, 1e3 * c.median_seconds);
    std::fflush(stdout);
    if (c.p_value < 0.05 && c.bayesopt_mean < c.random_mean) ++won;
    EXPECT_LT(c.median_seconds, 0.050) << name << ", suggestions 91 to 100";
  }
  EXPECT_GE(won, 5);
}

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

TEST(SignTest, CountsHeads) {
  const std::vector<double> zero(4, 0.0), mixed = {-1, -1, -1, 1};
  EXPECT_NEAR(sign_test_less(mixed, zero), 5.0 / 16, 1e-12);
}

TEST(DisguisedSpace, ShowsEveryRowExactlyOnce) {
  const Table table =
      read_table(std::string(SKIPJACK_BENCH_DATA) + "/tables/kt_convolution_A100.txt.gz");
  for (const std::uint64_t seed : {1u, 2u}) {
    const DisguisedSpace disguise(table, seed);
    std::vector<std::int64_t> numbers;
    for (std::int64_t i = 0; i < *disguise.space().cardinality(); ++i)
      numbers.push_back(disguise.number(disguise.space().configuration_at(i)));
    std::sort(numbers.begin(), numbers.end());
    for (std::size_t i = 0; i < numbers.size(); ++i)
      ASSERT_EQ(numbers[i], static_cast<std::int64_t>(i));
  }
}

}  // namespace
}  // namespace skipjack::bench
