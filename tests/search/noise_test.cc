// Noise that is unlike what the model expects: what is recommended stays sensible.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numbers>
#include <vector>

#include "play.h"
#include "skipjack/base/rng.h"
#include "skipjack/search/bayesopt.h"
#include "skipjack/search/recommend.h"

namespace skipjack {
namespace {

constexpr int kTrials = 60, kSeeds = 10;

const SearchSpace& square() {
  static const SearchSpace space({{"x", uniform(0, 1)}, {"y", uniform(0, 1)}});
  return space;
}

double truth(const Configuration& c) {
  const double x = c.at("x").as_double() - 0.3, y = c.at("y").as_double() - 0.7;
  return 4 * (x * x + y * y);
}

/// What a tuning recommends whose values are the truth plus noise.
Recommendation tune(std::uint64_t seed, const std::function<double(Rng&)>& noise) {
  const Metric metric{.name = "loss"};
  const auto searcher = make_bayesopt_search({.space = square(), .metric = metric, .seed = seed});
  play::Experiment experiment;
  Rng rng(seed, "noise");
  for (int i = 0; i < kTrials; ++i) {
    const Configuration c = play::next(*searcher, experiment);
    experiment.measured(c, truth(c) + noise(rng));
  }
  return *recommend(square(), experiment.history(), metric);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

TEST(Noise, HeavyTailsDoNotMislead) {
  std::vector<double> recommended, luckiest;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Recommendation r = tune(seed, [](Rng& rng) {
      // Cauchy: one value in thirty is off by more than half the range.
      return 0.05 * std::tan(std::numbers::pi * (rng.uniform() - 0.5));
    });
    recommended.push_back(truth(r.configuration));
    luckiest.push_back(truth(r.best_value_configuration));
  }
  std::printf("recommended %.3f, luckiest value %.3f from the best\n", median(recommended),
              median(luckiest));
  EXPECT_LT(median(recommended), 0.15);
  EXPECT_LT(median(recommended), median(luckiest));
}

TEST(Noise, FarAboveTheSignalIsNotTakenForOne) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Recommendation r = tune(seed, [](Rng& rng) { return 100 * rng.normal(); });
    EXPECT_FALSE(r.indistinguishable.empty()) << seed;
    ASSERT_TRUE(r.probability_best);
    EXPECT_LT(*r.probability_best, 0.9) << seed;
  }
}

}  // namespace
}  // namespace skipjack
