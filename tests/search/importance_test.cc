#include "skipjack/search/importance.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../thrown.h"
#include "play.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using play::Experiment;

/// y = 4 a + b (+ 0 c), independent and uniform: the increases are twice the variances of the
/// summands, 16 / 6 and 1 / 6 (for the choice d, of 0 or 3 at equal odds: 2 * 9 / 4).
const SearchSpace& space() {
  static const SearchSpace space(
      {{"a", uniform(0, 1)}, {"b", uniform(0, 1)}, {"c", uniform(0, 1)}});
  return space;
}

Experiment measured(const SearchSpace& space, int number, double (*value)(const Configuration&)) {
  Experiment experiment;
  for (int i = 0; i < number; ++i) {
    Rng rng(1, "trial", static_cast<std::uint64_t>(i));
    const Configuration configuration = *space.sample(rng);
    experiment.measured(configuration, value(configuration));
  }
  return experiment;
}

double linear(const Configuration& c) { return 4 * c.at("a").as_double() + c.at("b").as_double(); }

TEST(Importance, IsAsTheVariancesOfSummands) {
  const Experiment experiment = measured(space(), 400, linear);
  const Importance found = parameter_importance(space(), experiment.history(), {.name = "loss"});
  ASSERT_EQ(found.parameters.size(), 3u);
  EXPECT_EQ(found.parameters[0].parameter, "a");
  EXPECT_NEAR(found.parameters[0].increase, 16.0 / 6, 0.4);
  EXPECT_NEAR(found.parameters[0].share, 16.0 / 17, 0.03);
  EXPECT_EQ(found.parameters[1].parameter, "b");
  EXPECT_NEAR(found.parameters[1].share, 1.0 / 17, 0.03);
  EXPECT_NEAR(found.parameters[2].share, 0, 0.01);
  EXPECT_GT(found.explained, 0.95);
  EXPECT_EQ(found.num_trials, 400u);
}

TEST(Importance, SeesChoices) {
  const SearchSpace mixed({{"a", uniform(0, 1)}, {"d", choice({"x", "y"})}});
  const Experiment experiment = measured(mixed, 200, [](const Configuration& c) {
    return c.at("a").as_double() + (c.at("d").as_string() == "x" ? 3.0 : 0.0);
  });
  const Importance found = parameter_importance(mixed, experiment.history(), {.name = "loss"});
  EXPECT_EQ(found.parameters[0].parameter, "d");
  EXPECT_NEAR(found.parameters[0].share, (9.0 / 4) / (9.0 / 4 + 1.0 / 12), 0.03);
}

TEST(Importance, OfNoiseExplainsNothing) {
  Experiment experiment;
  for (std::uint64_t i = 0; i < 60; ++i) {
    Rng rng(2, "trial", i);
    const Configuration configuration = *space().sample(rng);
    experiment.measured(configuration, rng.normal());
  }
  EXPECT_LT(parameter_importance(space(), experiment.history(), {.name = "loss"}).explained, 0.2);
}

TEST(Importance, NeedsTenMeasuredTrials) {
  Experiment experiment = measured(space(), 9, linear);
  experiment.stopped(space().midpoint(), 7);
  EXPECT_EQ(error_of([&] {
              parameter_importance(space(), experiment.history(), {.name = "loss"});
            }).code(),
            ErrorCode::InvalidArgument);
}

TEST(Importance, OfAConstantIsZero) {
  const Experiment experiment = measured(space(), 20, [](const Configuration&) { return 1.0; });
  const Importance found = parameter_importance(space(), experiment.history(), {.name = "loss"});
  EXPECT_EQ(found.parameters[0].share, 0);
  EXPECT_EQ(found.explained, 0);
}

}  // namespace
}  // namespace skipjack
