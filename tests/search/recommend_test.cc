#include "skipjack/search/recommend.h"

#include <gtest/gtest.h>

#include <cmath>

#include "play.h"
#include "skipjack/base/rng.h"
#include "skipjack/search/surrogate.h"

namespace skipjack {
namespace {

using play::Experiment;

const SearchSpace& space() {
  static const SearchSpace space({{"a", rand_int(0, 9)}});
  return space;
}

Configuration with(std::int64_t a) {
  Json partial;
  partial.set("a", a);
  return space().complete(partial);
}

TEST(Recommend, NothingMeasuredMeansNothing) {
  Experiment experiment;
  experiment.failed(with(1));
  experiment.start(with(2));
  EXPECT_FALSE(recommend(space(), experiment.history(), {.name = "loss"}));
}

TEST(Recommend, FewMeasurementsGiveTheBestMean) {
  Experiment experiment;
  experiment.measured(with(1), 5);
  experiment.measured(with(2), 1);  // lucky once
  experiment.measured(with(2), 9);
  const auto found = recommend(space(), experiment.history(), {.name = "loss"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->source, RecommendationSource::ObservedMean);
  EXPECT_EQ(found->configuration, with(1));
  EXPECT_DOUBLE_EQ(found->mean, 5);
  EXPECT_DOUBLE_EQ(found->best_value, 1);
  EXPECT_EQ(found->best_value_trial, 1);
  EXPECT_FALSE(found->lower);
}

TEST(Recommend, ComparesTrialsAtTheHighestLevelOnly) {
  Experiment experiment;
  for (std::int64_t a = 0; a < 8; ++a) {
    const TrialId trial = experiment.start(with(a));
    experiment.report_at(1, trial, "loss", 0.1 * static_cast<double>(a));
    if (a == 5 || a == 6) experiment.report_at(9, trial, "loss", 2 + 0.1 * static_cast<double>(a));
    experiment.end(trial, a == 5 || a == 6 ? Outcome::Completed : Outcome::Stopped);
  }
  const auto recommended = [&](std::string_view resource_attr) {
    return recommend(space(), experiment.history(), {.name = "loss"}, {}, resource_attr);
  };
  EXPECT_EQ(recommended("epoch")->configuration, with(5));
  EXPECT_DOUBLE_EQ(recommended("epoch")->best_value, 0);
  EXPECT_NE(recommended("")->configuration, with(5));
}

TEST(Recommend, DoesNotBelieveASingleLuckyValue) {
  // A bowl with its bottom at 4, measured three times each with noise 0.3, and one lucky value far
  // away.
  Experiment experiment;
  Rng rng(11, "recommend");
  for (int repeat = 0; repeat < 3; ++repeat)
    for (std::int64_t a = 0; a < 10; ++a)
      experiment.measured(with(a),
                          10 + std::pow(static_cast<double>(a) - 4, 2) / 4 + 0.3 * rng.normal());
  experiment.measured(with(9), 9.0);
  const auto found = recommend(space(), experiment.history(), {.name = "loss"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->source, RecommendationSource::Model);
  EXPECT_NEAR(static_cast<double>(found->configuration.at("a").as_int()), 4, 1);
  EXPECT_EQ(found->num_measurements, 3);
  EXPECT_LT(*found->lower, found->mean);
  EXPECT_GT(*found->upper, found->mean);
  EXPECT_DOUBLE_EQ(found->best_value, 9.0);
  EXPECT_EQ(found->best_value_configuration, with(9));
}

TEST(Recommend, SaysHowSureItIsAndWhatElseItMayBe) {
  // 3 and 4 are equal, the rest far worse; noise 0.3.
  Experiment experiment;
  Rng rng(12, "recommend");
  for (int repeat = 0; repeat < 6; ++repeat)
    for (std::int64_t a = 0; a < 10; ++a)
      experiment.measured(with(a), (a == 3 || a == 4 ? 10 : 15) + 0.3 * rng.normal());
  const auto found = recommend(space(), experiment.history(), {.name = "loss"});
  ASSERT_TRUE(found && found->probability_best);
  ASSERT_EQ(found->indistinguishable.size(), 1u);
  const auto& other = found->indistinguishable[0];
  EXPECT_EQ(found->trial + other.trial, 7);
  EXPECT_GE(*found->probability_best, 0.5);
  EXPECT_NEAR(*found->probability_best + other.probability_best, 1, 1e-9);
  EXPECT_GE(other.mean, found->mean);
}

TEST(Recommend, IsSureWhereThereIsNoNoise) {
  Experiment experiment;
  for (std::int64_t a = 0; a < 10; ++a)
    experiment.measured(with(a), std::pow(static_cast<double>(a) - 4, 2));
  const auto found = recommend(space(), experiment.history(), {.name = "loss"});
  ASSERT_TRUE(found);
  EXPECT_GT(found->probability_best.value_or(0), 0.95);
}

TEST(Recommend, NeverWhatWasOnlyBounded) {
  Experiment experiment;
  for (std::int64_t a = 0; a < 6; ++a) experiment.measured(with(a), 20 - static_cast<double>(a));
  experiment.stopped(with(9), 15.0);
  const auto found = recommend(space(), experiment.history(), {.name = "loss"});
  ASSERT_TRUE(found);
  EXPECT_LT(found->trial, 6);
}

TEST(Recommend, LargestWinsInModeMax) {
  Experiment experiment;
  for (std::int64_t a = 0; a < 10; ++a) experiment.measured(with(a), static_cast<double>(a));
  const auto found = recommend(space(), experiment.history(), {.name = "loss", .mode = Mode::Max});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->configuration, with(9));
  EXPECT_GE(*found->upper, found->mean);
  EXPECT_DOUBLE_EQ(found->best_value, 9);
}

TEST(Recommend, LeavesOutWhatMostlyFails) {
  Experiment experiment;
  for (std::int64_t a = 1; a < 10; ++a) experiment.measured(with(a), 10 + static_cast<double>(a));
  experiment.measured(with(0), 1);
  experiment.failed(with(0));
  const auto found = recommend(space(), experiment.history(), {.name = "loss"});
  ASSERT_TRUE(found);
  EXPECT_NE(found->configuration, with(0));
}

TEST(Recommend, IntervalHoldsTheTrueMeanAboutAsOftenAsItSays) {
  int held = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed, "interval");
    Experiment experiment;
    for (int i = 0; i < 40; ++i) {
      const std::int64_t a = rng.uniform_int(0, 9);
      experiment.measured(with(a), 20 + std::pow(static_cast<double>(a) - 4, 2) + 2 * rng.normal());
    }
    const auto found = recommend(space(), experiment.history(), {.name = "loss"});
    ASSERT_TRUE(found);
    const double truth =
        20 + std::pow(static_cast<double>(found->configuration.at("a").as_int()) - 4, 2);
    held += *found->lower <= truth && truth <= *found->upper;
  }
  // 95 expected of a perfect model; picking the best mean and fitting the model cost some.
  EXPECT_GE(held, 80);
}

TEST(TargetTransform, RoundTripsAndKeepsOrder) {
  const std::vector<double> values = {1, 1.2, 1.5, 2, 3, 5, 100};
  for (const Mode mode : {Mode::Min, Mode::Max}) {
    const TargetTransform transform(values, {.name = "x", .mode = mode});
    double previous = transform.to_target(0.9);
    for (const double value : {1.0, 1.1, 4.0, 99.0, 1e4}) {
      const double target = transform.to_target(value);
      EXPECT_EQ(target > previous, mode == Mode::Min) << value;
      EXPECT_NEAR(transform.to_value(target), value, 1e-9 * value);
      previous = target;
    }
  }
}

TEST(TargetTransform, TargetsHaveMeanZeroAndVarianceOne) {
  const std::vector<double> values = {-3, 1, 0.5, 2, 8, -1};
  const TargetTransform transform(values, {.name = "x"});
  double sum = 0, squares = 0;
  for (const double value : values) {
    const double t = transform.to_target(value);
    sum += t, squares += t * t;
  }
  EXPECT_NEAR(sum, 0, 1e-12);
  EXPECT_NEAR(squares, 6, 1e-9);
}

TEST(SurrogateFit, SurvivesItsJson) {
  const SurrogateFit fit{
      .objective = {.inverse_squared_lengthscales = Eigen::Vector2d(0.1, 3.0 / 7),
                    .outputscale = 1.7,
                    .noise_variance = 1.0 / 3},
      .feasibility = std::nullopt,
      .num_observations = 12};
  const auto back = surrogate_fit_from_json(parse_json(to_json_text(to_json(fit))), 2);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->objective.inverse_squared_lengthscales,
            fit.objective.inverse_squared_lengthscales);
  EXPECT_EQ(back->objective.outputscale, fit.objective.outputscale);
  EXPECT_EQ(back->objective.noise_variance, fit.objective.noise_variance);
  EXPECT_EQ(back->num_observations, 12u);
  EXPECT_FALSE(surrogate_fit_from_json(to_json(fit), 3));
}

}  // namespace
}  // namespace skipjack
