// Measured constraints: what a search makes of them, and what is recommended in the end.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "play.h"
#include "skipjack/base/rng.h"
#include "skipjack/search/bayesopt.h"
#include "skipjack/search/feasibility.h"
#include "skipjack/search/random.h"
#include "skipjack/search/recommend.h"

namespace skipjack {
namespace {

using play::Experiment;
using play::next;

const Metric kLoss{.name = "loss"};

/// Of the mode, satisfied where memory <= 1 (Min) or, turned, >= -1 (Max).
Metric memory(Mode mode = Mode::Min) {
  return {.name = "memory",
          .mode = mode,
          .role = MetricRole::Constraint,
          .bound = mode == Mode::Min ? 1.0 : -1.0};
}

const SearchSpace& square() {
  static const SearchSpace space({{"x", uniform(0, 1)}, {"y", uniform(0, 1)}});
  return space;
}

/// The loss is the way to (0.1, 0.1); allowed is a disc of radius 0.1, 3 % of the square, whose
/// centre is sqrt(0.61) away: at best sqrt(0.61) - 0.1.
struct Disc {
  static double loss(const std::vector<double>& u) { return std::hypot(u[0] - 0.1, u[1] - 0.1); }
  static double memory(const std::vector<double>& u) {
    return std::hypot(u[0] - 0.7, u[1] - 0.6) / 0.1;
  }
  static constexpr double kBest = 0.6810249675906654;
};

enum class Play { Constrained, ConstrainedMax, Ignoring, Random };

void evaluate(Experiment& experiment, const Configuration& c, Mode mode) {
  const auto u = square().encode(c);
  const TrialId trial = experiment.start(c);
  Json metrics;
  metrics.set("loss", Disc::loss(u));
  metrics.set("memory", (mode == Mode::Min ? 1 : -1) * Disc::memory(u));
  experiment.report(trial, std::move(metrics));
  experiment.end(trial, Outcome::Completed);
}

Experiment played(Play how, std::uint64_t seed, int trials) {
  const Mode mode = how == Play::ConstrainedMax ? Mode::Max : Mode::Min;
  std::vector<Metric> constraints;
  if (how == Play::Constrained || how == Play::ConstrainedMax) constraints = {memory(mode)};
  const auto searcher =
      how == Play::Random
          ? make_random_search({.space = square(), .seed = seed})
          : make_bayesopt_search(
                {.space = square(), .metric = kLoss, .constraints = constraints, .seed = seed});
  Experiment experiment;
  for (int i = 0; i < trials; ++i) evaluate(experiment, next(*searcher, experiment), mode);
  return experiment;
}

/// The smallest loss of an allowed trial, 2 if there is none.
double best_allowed(const Experiment& experiment) {
  double best = 2;
  for (const Trial& trial : experiment.history().trials()) {
    const auto u = square().encode(trial.configuration);
    if (Disc::memory(u) <= 1) best = std::min(best, Disc::loss(u));
  }
  return best;
}

TEST(Constraints, SearchBeatsRandomAndIgnoringThemOnAllOfTenSeeds) {
  // Ten of ten by chance: once in a thousand.
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const double found = best_allowed(played(Play::Constrained, seed, 40));
    EXPECT_LT(found, best_allowed(played(Play::Random, seed, 40))) << seed;
    EXPECT_LT(found, best_allowed(played(Play::Ignoring, seed, 40))) << seed;
    EXPECT_LT(found, Disc::kBest + 0.02) << seed;
  }
}

TEST(Constraints, RecommendedConfigurationIsAllowedWhereThatOfTheLossAloneIsNot) {
  for (const Play how : {Play::Constrained, Play::ConstrainedMax}) {
    const std::vector<Metric> kept = {memory(how == Play::Constrained ? Mode::Min : Mode::Max)};
    const Experiment experiment = played(how, 3, 40);
    const auto found = recommend(square(), experiment.history(), kLoss, kept);
    ASSERT_TRUE(found && found->probability_feasible);
    EXPECT_GE(*found->probability_feasible, 0.5);
    EXPECT_LE(Disc::memory(square().encode(found->configuration)), 1.02);
    EXPECT_LE(Disc::memory(square().encode(found->best_value_configuration)), 1.0);
    EXPECT_LT(found->best_value, Disc::kBest + 0.05);
    const auto ignoring = recommend(square(), experiment.history(), kLoss);
    EXPECT_FALSE(ignoring->probability_feasible);
    EXPECT_GT(Disc::memory(square().encode(ignoring->configuration)), 1.0);
  }
}

TEST(Constraints, WhereNothingIsAllowedTheClosestIsRecommendedAndSaidSo) {
  const SearchSpace line({{"a", rand_int(0, 9)}});
  for (const int measured : {3, 10}) {
    Experiment experiment;
    for (std::int64_t a = 0; a < measured; ++a) {
      const TrialId trial = experiment.start(line.complete(Json::Object{{"a", a}}));
      // The best loss is at 0, the least memory, 2, at the other end.
      experiment.report(trial,
                        Json::Object{{"loss", 1.0 + static_cast<double>(a)},
                                     {"memory", 2.0 + static_cast<double>(measured - 1 - a)}});
      experiment.end(trial, Outcome::Completed);
    }
    const std::vector<Metric> kept = {memory()};
    const auto found = recommend(line, experiment.history(), kLoss, kept);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->configuration.at("a"), Json(measured - 1));
    EXPECT_LT(*found->probability_feasible, 0.5);
  }
}

TEST(Constraints, UntilSomethingIsAllowedTheLossDoesNotMatter) {
  // The less memory the larger x; nothing measured is allowed, and the loss draws to x = 0.
  const SearchSpace line({{"x", uniform(0, 1)}});
  const auto proposed = [&](double loss_slope) {
    const auto searcher = make_bayesopt_search(
        {.space = line, .metric = kLoss, .constraints = {memory()}, .seed = 5, .num_initial = 1});
    Experiment experiment;
    for (const double x : {0.0, 0.1, 0.2, 0.3, 0.4}) {
      const TrialId trial = experiment.start(line.complete(Json::Object{{"x", x}}));
      experiment.report(trial, Json::Object{{"loss", 5 + loss_slope * x}, {"memory", 3 - 2 * x}});
      experiment.end(trial, Outcome::Completed);
    }
    return next(*searcher, experiment).at("x").as_double();
  };
  EXPECT_GT(proposed(1), 0.8);
  EXPECT_EQ(proposed(1), proposed(-1));
}

TEST(Constraints, TrialThatDoesNotReportOneCountsAsFailed) {
  const SearchSpace small({{"a", rand_int(0, 3)}});
  const auto searcher =
      make_bayesopt_search({.space = small, .metric = kLoss, .constraints = {memory()}, .seed = 1});
  Experiment experiment;
  for (int i = 0; i < 4; ++i) experiment.measured(next(*searcher, experiment), 1);
  EXPECT_TRUE(std::holds_alternative<Exhausted>(searcher->suggest(experiment.history(), {})));
  const std::vector<Metric> kept = {memory()};
  EXPECT_FALSE(recommend(small, experiment.history(), kLoss, kept));
  EXPECT_TRUE(recommend(small, experiment.history(), kLoss));
}

TEST(Feasibility, SlopeIsThatOfTheProbability) {
  const UnitSpace space(square());
  Rng rng(1, "feasibility");
  std::vector<UnitPoint> evaluated, failed;
  std::vector<double> values;
  for (int i = 0; i < 12; ++i) {
    evaluated.push_back({rng.uniform(), rng.uniform()});
    values.push_back(Disc::memory(evaluated.back()));
    if (i < 4) failed.push_back({rng.uniform(), rng.uniform()});
  }
  const std::vector<Metric> kept = {memory()};
  const Feasibility feasibility({.space = space,
                                 .evaluated = evaluated,
                                 .failed = failed,
                                 .constraints = kept,
                                 .constraint_values = {values}});
  const auto at = [&](double x, double y) {
    return feasibility.log_probability(std::vector<UnitPoint>{{x, y}})[0];
  };
  constexpr double kStep = 1e-5;
  for (int i = 0; i < 5; ++i) {
    const UnitPoint p = {rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)};
    Eigen::VectorXd gradient = Eigen::VectorXd::Zero(2);
    const Eigen::VectorXd x = Eigen::Map<const Eigen::VectorXd>(p.data(), 2);
    const double value = at(p[0], p[1]);
    EXPECT_NEAR(feasibility.add_gradient(x, gradient), value, 1e-9 * (1 + std::abs(value)));
    const double by_x = (at(p[0] + kStep, p[1]) - at(p[0] - kStep, p[1])) / (2 * kStep);
    const double by_y = (at(p[0], p[1] + kStep) - at(p[0], p[1] - kStep)) / (2 * kStep);
    EXPECT_NEAR(gradient[0], by_x, 1e-4 * (1 + std::abs(by_x)));
    EXPECT_NEAR(gradient[1], by_y, 1e-4 * (1 + std::abs(by_y)));
  }
}

TEST(Feasibility, BelievedTrialsChangeWhatIsLikely) {
  const UnitSpace space(SearchSpace({{"x", uniform(0, 1)}}));
  const std::vector<UnitPoint> evaluated = {{0.0}, {0.2}, {0.4}, {0.6}};
  const std::vector<Metric> kept = {memory()};
  Feasibility feasibility({.space = space,
                           .evaluated = evaluated,
                           .constraints = kept,
                           .constraint_values = {{3.0, 2.4, 1.8, 0.8}}});
  EXPECT_EQ(feasibility.likely_satisfied(), (std::vector<std::uint8_t>{0, 0, 0, 1}));
  feasibility.believe({0.8});
  EXPECT_EQ(feasibility.likely_satisfied().size(), 5u);
  const double before = feasibility.log_probability(std::vector<UnitPoint>{{0.8}})[0];
  feasibility.believed_gave(0, std::vector<double>{4.0});
  EXPECT_LT(feasibility.log_probability(std::vector<UnitPoint>{{0.8}})[0], before);
}

}  // namespace
}  // namespace skipjack
