#include "skipjack/base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace skipjack {
namespace {

TEST(Rng, IsAFunctionOfSeedStreamAndNumber) {
  EXPECT_EQ(Rng(1, "a", 2).next(), Rng(1, "a", 2).next());
  EXPECT_NE(Rng(1, "a", 2).next(), Rng(1, "a", 3).next());
  EXPECT_NE(Rng(1, "a", 2).next(), Rng(1, "b", 2).next());
  EXPECT_NE(Rng(1, "a", 2).next(), Rng(2, "a", 2).next());
}

// Neighbouring seeds and numbers must not give related streams: the correlation of their uniforms
// has standard error 1/sqrt(n).
TEST(Rng, NeighbouringStreamsAreUncorrelated) {
  constexpr int n = 20000;
  double seeds = 0, numbers = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    seeds += (Rng(i, "s").uniform() - 0.5) * (Rng(i + 1, "s").uniform() - 0.5);
    numbers += (Rng(7, "s", i).uniform() - 0.5) * (Rng(7, "s", i + 1).uniform() - 0.5);
  }
  EXPECT_LT(std::abs(seeds / n * 12), 5 / std::sqrt(n));
  EXPECT_LT(std::abs(numbers / n * 12), 5 / std::sqrt(n));
}

TEST(Rng, UniformIntReachesBothEndsEqually) {
  Rng rng(3);
  int counts[5] = {};
  for (int i = 0; i < 50000; ++i) ++counts[rng.uniform_int(-2, 2) + 2];
  for (int count : counts) EXPECT_NEAR(count, 10000, 450);  // 5 standard deviations
  EXPECT_EQ(rng.uniform_int(7, 7), 7);
  (void)rng.uniform_int(INT64_MIN, INT64_MAX);
}

// Kolmogorov-Smirnov against the closed forms; 1.95 / sqrt(n) is the 0.1 % critical value.
template <class Draw, class Cdf>
double ks_distance(Draw draw, Cdf cdf, int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  for (double& v : values) v = draw();
  std::sort(values.begin(), values.end());
  double distance = 0;
  for (int i = 0; i < n; ++i) {
    const double p = cdf(values[static_cast<std::size_t>(i)]);
    distance = std::max({distance, std::abs(p - double(i) / n), std::abs(p - double(i + 1) / n)});
  }
  return distance;
}

TEST(Rng, DistributionsMatchTheirClosedForms) {
  constexpr int n = 20000;
  const double critical = 1.95 / std::sqrt(n);
  Rng rng(11);
  EXPECT_LT(ks_distance([&] { return rng.uniform(); }, [](double x) { return x; }, n), critical);
  EXPECT_LT(ks_distance([&] { return rng.normal(); },
                        [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }, n),
            critical);
  EXPECT_LT(
      ks_distance([&] { return rng.exponential(); }, [](double x) { return 1 - std::exp(-x); }, n),
      critical);
}

TEST(Rng, ShuffleGivesEveryOrder) {
  int counts[6] = {};
  Rng rng(5);
  for (int i = 0; i < 12000; ++i) {
    std::vector<int> items{0, 1, 2};
    rng.shuffle(items);
    ++counts[items[0] * 2 + (items[1] > items[2])];
  }
  for (int count : counts) EXPECT_NEAR(count, 2000, 205);  // 5 standard deviations
}

}  // namespace
}  // namespace skipjack
