// Searchers behind rungs: what they learn along the resource axis, and where they look.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "play.h"
#include "skipjack/base/error.h"
#include "skipjack/search/bore.h"
#include "skipjack/search/cqr.h"
#include "skipjack/search/curve_model.h"
#include "skipjack/search/hypertune.h"
#include "skipjack/search/level_ensemble.h"
#include "skipjack/search/mobster.h"

namespace skipjack {
namespace {

using play::Experiment;

const Metric kLoss{.name = "loss"};
const Metric kScore{.name = "loss", .mode = Mode::Max};
const LevelOptions kLevels{.rung_levels = {1, 3, 9}, .max_resource = 27};

SearchSpace line() { return SearchSpace({{"x", uniform(0, 1)}}); }

Configuration at(double x) { return Json(Json::Object{{"x", x}}); }

/// Falls with the resource; best at x = 0.3. Far enough from 0 not to be taken by its logarithm.
double loss_at(double x, std::int64_t epoch) {
  return 2 + std::pow(x - 0.3, 2) + 0.5 / static_cast<double>(epoch);
}

/// Reports at epochs 1 to last.
TrialId run_to(Experiment& experiment, double x, std::int64_t last, double sign = 1) {
  const TrialId trial = experiment.start(at(x));
  for (std::int64_t epoch = 1; epoch <= last; ++epoch)
    experiment.report_at(epoch, trial, "loss", sign * loss_at(x, epoch));
  return trial;
}

void paused_at(Experiment& experiment, double x, std::int64_t last, double sign = 1) {
  experiment.end(run_to(experiment, x, last, sign), Outcome::Paused);
}

std::unique_ptr<Searcher> mobster(const Metric& metric = kLoss,
                                  ResourceKernel kernel = ResourceKernel::Matern) {
  return make_mobster_search(
      {.space = line(), .metric = metric, .seed = 1, .levels = kLevels, .kernel = kernel});
}

TEST(Mobster, LearnsFromTheFirstRungAlone) {
  for (const auto& [metric, sign] : {std::pair(kLoss, 1.0), std::pair(kScore, -1.0)}) {
    Experiment experiment;
    for (int i = 0; i < 10; ++i) paused_at(experiment, 0.05 + 0.1 * i, 1, sign);
    EXPECT_NEAR(play::next(*mobster(metric), experiment).at("x").as_double(), 0.3, 0.1);
  }
}

TEST(Mobster, EveryKernelOfCurvesFindsTheValley) {
  for (const ResourceKernel kernel :
       {ResourceKernel::Matern, ResourceKernel::WarpedMatern, ResourceKernel::ExpDecaySum,
        ResourceKernel::ExpDecayCombined, ResourceKernel::ExpDecayDelta1,
        ResourceKernel::FreezeThaw, ResourceKernel::CrossValidation}) {
    Experiment experiment;
    for (int i = 0; i < 10; ++i) paused_at(experiment, 0.05 + 0.1 * i, i % 3 == 0 ? 9 : 1);
    EXPECT_NEAR(play::next(*mobster(kLoss, kernel), experiment).at("x").as_double(), 0.3, 0.12)
        << to_string(kernel);
  }
}

TEST(Mobster, WhatAKernelHoldsOfCurvesDecides) {
  // Curves that cross: x = 0.3 is best at the first level, 0.7 later.
  Experiment crossing;
  for (int i = 0; i < 12; ++i) {
    const double x = (i + 0.5) / 12;
    const TrialId trial = crossing.start(at(x));
    crossing.report_at(1, trial, "loss", 3 + std::pow(x - 0.3, 2));
    if (i % 2 == 0) crossing.report_at(3, trial, "loss", 2.5 + std::pow(x - 0.6, 2));
    if (i % 4 == 0) crossing.report_at(9, trial, "loss", 2 + std::pow(x - 0.7, 2));
    crossing.end(trial, Outcome::Paused);
  }
  const auto proposed = [&](ResourceKernel kernel) {
    return play::next(*mobster(kLoss, kernel), crossing).at("x").as_double();
  };
  std::vector<double> all;
  // What lets configurations' curves differ follows the later levels.
  for (const ResourceKernel kernel :
       {ResourceKernel::Matern, ResourceKernel::WarpedMatern, ResourceKernel::ExpDecayCombined,
        ResourceKernel::ExpDecayDelta1, ResourceKernel::CrossValidation}) {
    all.push_back(proposed(kernel));
    EXPECT_NEAR(all.back(), 0.7, 0.05) << to_string(kernel);
  }
  // What knows one course for all, or takes differences between trials for luck, does not.
  for (const ResourceKernel kernel :
       {ResourceKernel::ExpDecaySum, ResourceKernel::FreezeThaw, ResourceKernel::NoisyRepeats}) {
    all.push_back(proposed(kernel));
    EXPECT_GT(std::abs(all.back() - 0.7), 0.1) << to_string(kernel);
  }
  std::sort(all.begin(), all.end());
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_GT(all[i] - all[i - 1], 1e-4);
}

TEST(Mobster, RepetitionsAverageOut) {
  // Means of ever more measurements: single ones are too noisy to tell a valley.
  Experiment experiment;
  Rng rng(11, "repeats-test");
  for (int i = 0; i < 20; ++i) {
    const double x = (i + 0.5) / 20;
    const TrialId trial = experiment.start(at(x));
    double sum = 0;
    for (std::int64_t r = 1; r <= (i % 2 == 0 ? 9 : 1); ++r) {
      sum += 2 + std::pow(x - 0.3, 2) + 0.1 * rng.normal();
      experiment.report_at(r, trial, "loss", sum / static_cast<double>(r));
    }
    experiment.end(trial, Outcome::Paused);
  }
  const auto searcher = mobster(kLoss, ResourceKernel::NoisyRepeats);
  EXPECT_NEAR(play::next(*searcher, experiment).at("x").as_double(), 0.3, 0.2);
}

TEST(Mobster, RunningTrialsTeachByTheRungsTheyHavePassed) {
  Experiment experiment;
  for (int i = 0; i < 3; ++i) paused_at(experiment, 0.1 + 0.4 * i, 1);
  for (int i = 0; i < 6; ++i) run_to(experiment, 0.05 + 0.18 * i, 3);
  EXPECT_NEAR(play::next(*mobster(), experiment).at("x").as_double(), 0.3, 0.12);
}

TEST(Mobster, ScoresRestingTrialsByTheirCurves) {
  for (const auto& [metric, sign] : {std::pair(kLoss, 1.0), std::pair(kScore, -1.0)}) {
    Experiment experiment;
    for (int i = 0; i < 10; ++i) paused_at(experiment, 0.05 + 0.1 * i, 1, sign);
    const std::vector<Configuration> resting = {at(0.85), at(0.25), at(0.65)};
    const auto scores = mobster(metric)->score(experiment.history(), resting, 3);
    ASSERT_EQ(scores.size(), 3u);
    EXPECT_GT(scores[1], scores[2]);
    EXPECT_GT(scores[2], scores[0]);
  }
}

TEST(Mobster, WithoutLevelsInTheReportsItGoesOnAsAtTheStart) {
  Experiment experiment;
  for (int i = 0; i < 12; ++i) {
    const TrialId trial = experiment.start(at(0.05 * i));
    experiment.report(trial, Json::Object{{"loss", 0.1 * i}});
    experiment.end(trial, Outcome::Completed);
  }
  EXPECT_TRUE(std::holds_alternative<Proposal>(mobster()->suggest(experiment.history(), {})));
  const std::vector<Configuration> one = {at(0.5)};
  EXPECT_TRUE(mobster()->score(experiment.history(), one, 1).empty());
}

TEST(Mobster, KeepsAwayFromWhatIsNoLongerFinite) {
  Experiment experiment;
  for (int i = 0; i < 8; ++i) {
    const double x = 0.05 + 0.12 * i;
    const TrialId trial = run_to(experiment, x, 1);
    // The valley lies where trials diverge.
    if (x < 0.45) experiment.report_at(2, trial, "loss", std::numeric_limits<double>::quiet_NaN());
    experiment.end(trial, Outcome::Paused);
  }
  EXPECT_GT(play::next(*mobster(), experiment).at("x").as_double(), 0.4);
}

TEST(Mobster, RefusesWhatMakesNoSense) {
  EXPECT_THROW(make_mobster_search({.space = line(), .levels = kLevels, .bohb_threshold = 0}),
               Error);
  EXPECT_THROW(make_mobster_search({.space = line(), .levels = {.max_resource = 0}}), Error);
  EXPECT_THROW(resource_kernel_from_string("rbf"), Error);
  EXPECT_THROW(resource_acquisition_from_string("best"), Error);
  EXPECT_EQ(resource_kernel_from_string("exp-decay-sum"), ResourceKernel::ExpDecaySum);
}

TEST(LevelLog, HighestLevelIsTheHighestWithEnough) {
  Experiment experiment;
  for (int i = 0; i < 9; ++i) paused_at(experiment, 0.1 * i, i < 3 ? 9 : i < 5 ? 3 : 1);
  LevelLog log(line(), kLoss, kLevels);
  log.update(experiment.history());
  EXPECT_EQ(log.milestones(), (std::vector<std::int64_t>{1, 3, 9, 27}));
  EXPECT_EQ(highest_level_with(log.records(), log.milestones(), 3), 9);
  EXPECT_EQ(highest_level_with(log.records(), log.milestones(), 4), 3);
  EXPECT_EQ(highest_level_with(log.records(), log.milestones(), 6), 1);
  EXPECT_EQ(highest_level_with(log.records(), log.milestones(), 60), 1);
}

TEST(LevelLog, TakesInWhatAResumedTrialAdds) {
  Experiment experiment;
  paused_at(experiment, 0.5, 1);
  LevelLog log(line(), kLoss, kLevels);
  log.update(experiment.history());
  EXPECT_EQ(log.records()[0].reached(), 1);
  experiment.resume(0);
  // From the start again, as a program without checkpoints does.
  for (std::int64_t epoch = 1; epoch <= 3; ++epoch)
    experiment.report_at(epoch, 0, "loss", loss_at(0.5, epoch));
  log.update(experiment.history());
  EXPECT_EQ(log.records()[0].reached(), 3);
  EXPECT_EQ(log.records()[0].state, LevelRecord::State::Running);
  EXPECT_EQ(log.num_values(), 2u);
}

TEST(LevelLog, WhatWasLeftBehindIsNotGood) {
  Experiment experiment;
  paused_at(experiment, 0.1, 3);
  paused_at(experiment, 0.2, 1);
  run_to(experiment, 0.3, 1);
  experiment.failed(at(0.4));
  LevelLog log(line(), kLoss, kLevels);
  log.update(experiment.history());
  const Observations seen = observations_at(log, 3);
  ASSERT_EQ(seen.values.size(), 1u);
  EXPECT_DOUBLE_EQ(seen.values[0].value, loss_at(0.1, 3));
  EXPECT_THAT(seen.invalid, testing::ElementsAre(UnitPoint{0.2}, UnitPoint{0.4}));
  EXPECT_THAT(seen.pending, testing::ElementsAre(UnitPoint{0.3}));
  const Observations last = last_observations(log);
  EXPECT_EQ(last.values.size(), 3u);
  EXPECT_TRUE(last.pending.empty());
}

TEST(AshaBore, ProposesWhereTrialsComeFar) {
  Experiment experiment;
  // What leads at the first rung is behind at the third.
  for (int i = 0; i < 24; ++i) {
    const double x = (i + 0.5) / 24;
    const TrialId trial = experiment.start(at(x));
    experiment.report_at(1, trial, "loss", x < 0.5 ? 0.1 : 0.2);
    if (i % 2 == 0) experiment.report_at(3, trial, "loss", x < 0.75 ? 0.1 : 0.0);
    experiment.end(trial, Outcome::Paused);
  }
  const auto searcher =
      make_bore_search({.space = line(), .metric = kLoss, .seed = 1, .levels = kLevels});
  EXPECT_GT(play::next(*searcher, experiment).at("x").as_double(), 0.7);
}

TEST(AshaCqr, LearnsFromTrialsThatStillRun) {
  Experiment experiment;
  for (int i = 0; i < 30; ++i) run_to(experiment, (i + 0.5) / 30, 1);
  const auto searcher =
      make_cqr_search({.space = line(), .metric = kLoss, .seed = 1, .levels = kLevels});
  double sum = 0;
  for (int i = 0; i < 5; ++i) {
    const double x = play::next(*searcher, experiment).at("x").as_double();
    sum += std::abs(x - 0.3);
    run_to(experiment, x, 1);
  }
  EXPECT_LT(sum / 5, 0.15);
}

// Ensemble ------------------------------------------------------------------------------------

/// Twenty trials with values of f1 at level 1, the first twelve with values of f3 at level 3.
template <class F1, class F3>
std::vector<double> weights_of(const F1& f1, const F3& f3) {
  Experiment experiment;
  Rng rng(7, "ensemble-test");
  for (int i = 0; i < 20; ++i) {
    const double x = std::fmod(0.13 + 0.618 * i, 1.0);
    const TrialId trial = experiment.start(at(x));
    experiment.report_at(1, trial, "loss", f1(x) + 1e-3 * rng.normal());
    if (i < 12) experiment.report_at(3, trial, "loss", f3(x) + 1e-3 * rng.normal());
    experiment.end(trial, Outcome::Paused);
  }
  const UnitSpace space(line());
  LevelLog log(line(), kLoss, kLevels);
  log.update(experiment.history());
  const auto ensemble = LevelEnsemble::make({.space = space, .metric = kLoss, .log = log});
  std::vector<double> weights;
  for (const std::optional<double>& weight : ensemble->weights()) weights.push_back(*weight);
  return weights;
}

TEST(LevelEnsemble, LevelsAreWeighedByHowTheyRankTheTop) {
  const auto wave = [](double x) { return std::sin(25 * x); };
  // Twenty values of a wave tell its ranks better than folds of twelve do.
  const std::vector<double> same = weights_of(wave, [&](double x) { return 0.5 * wave(x) - 1; });
  EXPECT_GT(same[0], 0.6);
  EXPECT_NEAR(std::accumulate(same.begin(), same.end(), 0.0), 1, 1e-12);
  const std::vector<double> opposed =
      weights_of([](double x) { return x; }, [](double x) { return -x; });
  EXPECT_LT(opposed[0], 0.05);
  EXPECT_GT(opposed[1], 0.95);
  EXPECT_EQ(opposed.size(), 2u) << "no more levels have values";
}

TEST(HyperTune, WeightsSayNothingBeforeTwoLevelsHaveSixValues) {
  const HyperTuneSearch search =
      make_hypertune_search({.space = line(), .metric = kLoss, .levels = kLevels});
  Experiment experiment;
  for (int i = 0; i < 9; ++i) paused_at(experiment, 0.1 + 0.1 * i, i < 5 ? 3 : 1);
  EXPECT_FALSE(search.weights(experiment.history()));
  paused_at(experiment, 0.45, 3);
  EXPECT_EQ(search.weights(experiment.history())->size(), 2u);
}

TEST(HyperTune, ALevelWithoutValuesBetweenOthersHasNoWeight) {
  const HyperTuneSearch search =
      make_hypertune_search({.space = line(), .metric = kLoss, .levels = kLevels});
  // Reports at 3 and 9 alone.
  Experiment experiment;
  for (int i = 0; i < 7; ++i) {
    const TrialId trial = experiment.start(Json::Object{{"x", 0.1 + 0.1 * i}});
    for (const std::int64_t epoch : {3, 9}) experiment.report_at(epoch, trial, "loss", i);
    experiment.end(trial, Outcome::Completed);
  }
  const auto theta = search.weights(experiment.history());
  ASSERT_TRUE(theta);
  ASSERT_EQ(theta->size(), 3u);
  EXPECT_FALSE((*theta)[0]);
  EXPECT_NEAR(*(*theta)[1] + *(*theta)[2], 1, 1e-9);
}

TEST(HyperTune, BracketsOfLevelsWithoutValuesKeepTheirShare) {
  // Hyperband's of three levels; theirs worked out by hand.
  const std::vector<std::int64_t> levels = {1, 3, 9};
  const std::vector<double> standard = {1, 0.5, 1.0 / 3};
  EXPECT_THAT(bracket_shares({0.25, 0.75}, levels, standard),
              testing::ElementsAre(0.75, 0.75, 1.0 / 3));
  EXPECT_THAT(bracket_shares({0, 0.5, 0.5}, levels, {1, 0.5}), testing::ElementsAre(0, 1.5));
  EXPECT_EQ(bracket_shares({0, 0, 1}, levels, {1, 0.5}), (std::vector<double>{1, 0.5}));
  EXPECT_THAT(bracket_shares({std::nullopt, 0.5, 0.5}, levels, {1, 0.5, 0.25}),
              testing::ElementsAre(1, 0.5625, 0.1875));
}

TEST(HyperTune, FindsTheValleyByBothLevels) {
  Experiment experiment;
  for (int i = 0; i < 18; ++i) paused_at(experiment, (i + 0.5) / 18, i % 3 == 0 ? 3 : 1);
  const HyperTuneSearch search =
      make_hypertune_search({.space = line(), .metric = kLoss, .levels = kLevels});
  EXPECT_NEAR(play::next(*search.searcher, experiment).at("x").as_double(), 0.3, 0.1);
}

// Cost ----------------------------------------------------------------------------------------

TEST(CurveModel, FiftyLevelsOfAHundredTrialsStayBounded) {
  const SearchSpace space({{"a", uniform(0, 1)}, {"b", uniform(0, 1)}, {"c", uniform(0, 1)}});
  const LevelOptions levels{.max_resource = 50, .data = SearcherData::All};
  Experiment experiment;
  Rng rng(3, "curves-test");
  for (int i = 0; i < 100; ++i) {
    const double a = rng.uniform();
    const TrialId trial =
        experiment.start(Json::Object{{"a", a}, {"b", rng.uniform()}, {"c", rng.uniform()}});
    for (std::int64_t epoch = 1; epoch <= 50; ++epoch)
      experiment.report_at(epoch, trial, "loss", loss_at(a, epoch));
    experiment.end(trial, Outcome::Completed);
  }
  const UnitSpace unit_space(space);
  LevelLog log(space, kLoss, levels);
  log.update(experiment.history());
  const CurveModel model({.space = unit_space, .metric = kLoss, .log = log});
  EXPECT_LE(model.num_rows(), 400u);
  EXPECT_GE(model.num_rows(), 300u);
  const auto searcher = make_mobster_search({.space = space, .metric = kLoss, .levels = levels});
  const auto before = std::chrono::steady_clock::now();
  EXPECT_NEAR(play::next(*searcher, experiment).at("a").as_double(), 0.3, 0.1);
  // Generous, for sanitizers and busy machines; five thousand rows would miss it.
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
}

TEST(CurveModel, FitComesBackFromText) {
  const UnitSpace space(line());
  for (const ResourceKernel kernel : {ResourceKernel::Matern, ResourceKernel::ExpDecayCombined}) {
    const CurveFit fit{.curves = default_curve_hyperparameters(kernel, space.model_kinds()),
                       .num_measurements = 17};
    const Json json = parse_json(to_json_text(to_json(fit)));
    const auto back = curve_fit_from_json(json, kernel, space);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->curves, fit.curves);
    EXPECT_EQ(back->num_measurements, 17u);
    EXPECT_FALSE(curve_fit_from_json(json, ResourceKernel::FreezeThaw, space) &&
                 kernel == ResourceKernel::Matern);
  }
  for (const char* text : {"null", "{}", R"({"curves": 3, "num_measurements": 1})",
                           R"({"curves": {"inverse_squared_lengthscales": [1], "outputscale": 1,
                               "noise_variance": 1, "resource": [-1]}, "num_measurements": 1})"})
    EXPECT_FALSE(curve_fit_from_json(parse_json(text), ResourceKernel::Matern, space)) << text;
}

}  // namespace
}  // namespace skipjack
