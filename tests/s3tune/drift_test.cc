// Drift: nothing is corrected where nothing drifts, a slow wave is found and divided out.
#include "skipjack/s3tune/drift.h"

#include <gtest/gtest.h>

#include <cmath>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack::s3tune {
namespace {

struct World {
  std::vector<BaselineMeasurement> measurements;
  std::vector<Repeats> repeats;
};

double wave(double time) { return 0.15 * std::sin(time / 15); }

World make_world(double amplitude_share, double noise, std::uint64_t seed) {
  Rng rng(seed);
  World world;
  for (int i = 0; i < 16; ++i) {
    const double time = 6.0 * i;
    const auto draw = [&] {
      return 2 * std::exp(amplitude_share * wave(time) + noise * rng.normal());
    };
    world.measurements.push_back({time, {draw(), draw()}});
    world.repeats.push_back({draw(), draw(), draw()});
  }
  return world;
}

TEST(Drift, QuietBaselineIsLeftAlone) {
  int corrected = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const World world = make_world(0, 0.05, seed);
    const DriftModel model(world.measurements, world.repeats);
    corrected += model.corrects();
    if (!model.corrects()) {
      EXPECT_DOUBLE_EQ(model.factor(30), 1);
    }
  }
  // 5 % by design: 20 of 400, standard deviation 4.4.
  EXPECT_LE(corrected, 34);
}

TEST(Drift, SlowWaveIsFoundAndDividedOut) {
  double before = 0, after = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const World world = make_world(1, 0.03, seed);
    const DriftModel model(world.measurements, world.repeats);
    EXPECT_TRUE(model.corrects());
    for (double time = 3; time < 88; time += 5) {
      before += wave(time) * wave(time);
      const double left = wave(time) - std::log(model.factor(time));
      after += left * left;
    }
  }
  EXPECT_LT(after, 0.2 * before) << "the correction leaves less than a fifth of the variance";
}

TEST(Drift, NoiseIsThatOfTheRepeats) {
  const World world = make_world(0, 0.08, 7);
  EXPECT_NEAR(DriftModel(world.measurements, world.repeats).noise().value(), 0.08, 0.02);
}

TEST(Drift, FarOutsideItsMeasurementsItFallsBackToOne) {
  const World world = make_world(1, 0.02, 3);
  const DriftModel model(world.measurements, world.repeats);
  ASSERT_TRUE(model.corrects());
  EXPECT_NEAR(model.factor(1e6), 1, 1e-6);
  EXPECT_NEAR(model.factor(-1e6), 1, 1e-6);
}

TEST(Drift, TwoMeasurementsSayNothing) {
  const std::vector<BaselineMeasurement> measurements = {{0, {1, 1.01}}, {10, {3, 3.01}}};
  const DriftModel model(measurements, {});
  EXPECT_FALSE(model.corrects());
  EXPECT_EQ(model.factor(5), 1);
  EXPECT_EQ(model.p_value(), 1);
}

TEST(Drift, NothingMeasuredMeansNoCorrection) { EXPECT_EQ(DriftModel({}, {}).factor(1), 1); }

TEST(Drift, ImpossibleTimingsAreRefused) {
  const std::vector<BaselineMeasurement> zero = {{0, {0.0}}}, none = {{0, {}}};
  EXPECT_THROW(DriftModel(zero, {}), Error);
  EXPECT_THROW(DriftModel(none, {}), Error);
}

}  // namespace
}  // namespace skipjack::s3tune
