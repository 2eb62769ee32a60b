// Searchers that weigh several objectives, and what they find on problems with a known front.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "play.h"
#include "skipjack/base/error.h"
#include "skipjack/model/hypervolume.h"
#include "skipjack/search/mo_bayesopt.h"
#include "skipjack/search/nsga2.h"
#include "skipjack/search/pareto_order.h"
#include "skipjack/search/random.h"
#include "skipjack/search/rea.h"
#include "skipjack/search/scalarization.h"

namespace skipjack {
namespace {

using play::Experiment;
using play::next;

/// ZDT1 [Zitzler2000] in four variables, the second objective turned for Max where asked: the front
/// is f2 = 1 - sqrt(f1), where all variables but the first are 0.
struct Zdt1 {
  Mode second = Mode::Min;
  SearchSpace space{
      {{"a", uniform(0, 1)}, {"b", uniform(0, 1)}, {"c", uniform(0, 1)}, {"d", uniform(0, 1)}}};

  std::vector<Metric> objectives() const {
    return {{.name = "f1"}, {.name = "f2", .mode = second}};
  }
  std::pair<double, double> values(const Configuration& c) const {
    const auto u = space.encode(c);
    const double g = 1 + 9 * (u[1] + u[2] + u[3]) / 3;
    return {u[0], g * (1 - std::sqrt(u[0] / g))};
  }
  void evaluate(Experiment& experiment, const Configuration& c) const {
    const TrialId trial = experiment.start(c);
    const auto [f1, f2] = values(c);
    experiment.report(trial, Json::Object{{"f1", f1}, {"f2", second == Mode::Min ? f2 : -f2}});
    experiment.end(trial, Outcome::Completed);
  }
  /// Up to (1, 5); at most 5 - 1/3.
  double hypervolume(const Experiment& experiment) const {
    const auto& trials = experiment.history().trials();
    Eigen::MatrixXd y(static_cast<Eigen::Index>(trials.size()), 2);
    for (Eigen::Index i = 0; i < y.rows(); ++i) {
      const auto [f1, f2] = values(trials[static_cast<std::size_t>(i)].configuration);
      y(i, 0) = f1, y(i, 1) = f2;
    }
    return skipjack::hypervolume(y, Eigen::Vector2d(1.0001, 5));
  }
  double reached(Searcher& searcher, int trials) const {
    Experiment experiment;
    for (int i = 0; i < trials; ++i) evaluate(experiment, next(searcher, experiment));
    return hypervolume(experiment);
  }
};

constexpr double kWhole = 5 - 1.0 / 3;
constexpr int kTrials = 40, kSeeds = 8;

TEST(ParetoOrder, GoesFrontByFrontAndLeavesTheWorstForLast) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> losses = {{2, 2}, {3, 3}, {inf, 0}, {1, 1}};
  for (const FrontOrder order : {FrontOrder::EpsilonNet, FrontOrder::Crowding})
    EXPECT_EQ(pareto_order(losses, order), (std::vector<std::size_t>{3, 0, 1, 2}));
  // One front: the net begins with the compromise, crowding with the ends.
  const std::vector<std::vector<double>> front = {{0, 10}, {1, 6}, {4, 4}, {10, 0}};
  EXPECT_EQ(pareto_order(front, FrontOrder::EpsilonNet), (std::vector<std::size_t>{2, 0, 3, 1}));
  EXPECT_EQ(pareto_order(front, FrontOrder::Crowding), (std::vector<std::size_t>{0, 3, 2, 1}));
  EXPECT_TRUE(pareto_order(std::vector<FinishedTrial>{}, FrontOrder::Crowding).empty());
}

TEST(ParetoOrder, WhatBreaksFewerConstraintsComesFirst) {
  const std::vector<FinishedTrial> trials = {
      {.trial = 0, .loss = 1, .other_losses = {1}, .num_broken = 2},
      {.trial = 1, .loss = 9, .other_losses = {9}},
      {.trial = 2, .loss = 3, .other_losses = {3}, .num_broken = 1},
      {.trial = 3, .loss = 8, .other_losses = {8}}};
  EXPECT_EQ(pareto_order(trials, FrontOrder::Crowding), (std::vector<std::size_t>{3, 1, 2, 0}));
}

/// Of so many seeds, those in which a searcher comes to more of the front of ZDT1 than random
/// search does, in 200 trials.
template <class Make>
int num_better_than_random(Make make) {
  int better = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Zdt1 problem{.second = seed % 2 == 0 ? Mode::Min : Mode::Max};
    better += problem.reached(*make(problem, seed), 200) >
              problem.reached(*make_random_search({.space = problem.space, .seed = seed}), 200);
  }
  return better;
}

TEST(Nsga2, ReachesMoreHypervolumeThanRandom) {
  const auto make = [](const Zdt1& problem, std::uint64_t seed) {
    return make_nsga2_search(
        {.space = problem.space, .objectives = problem.objectives(), .seed = seed});
  };
  EXPECT_EQ(num_better_than_random(make), kSeeds);
}

TEST(Nsga2, RefusesOptionsOutOfRange) {
  const Zdt1 problem;
  const auto with = [&](auto change) {
    Nsga2Options options{.space = problem.space, .objectives = problem.objectives()};
    change(options);
    return options;
  };
  EXPECT_NO_THROW(make_nsga2_search(with([](auto&) {})));
  EXPECT_THROW(make_nsga2_search(with([](auto& o) { o.objectives.pop_back(); })), Error);
  EXPECT_THROW(make_nsga2_search(with([](auto& o) { o.population_size = 1; })), Error);
  EXPECT_THROW(make_nsga2_search(with([](auto& o) { o.crossover_probability = 1.1; })), Error);
}

TEST(MoRea, ReachesMoreHypervolumeThanRandom) {
  const auto make = [](const Zdt1& problem, std::uint64_t seed) {
    return make_rea_search({.space = problem.space,
                            .metric = problem.objectives().front(),
                            .others = {problem.objectives().back()},
                            .seed = seed,
                            .population_size = 20});
  };
  EXPECT_EQ(num_better_than_random(make), kSeeds);
}

TEST(MoBayesOpt, ReachesMoreHypervolumeThanRandomAndNearlyAllOnAverage) {
  for (const Mode second : {Mode::Min, Mode::Max}) {
    double average = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const Zdt1 problem{.second = second};
      const double found = problem.reached(
          *make_mo_bayesopt_search(
              {.space = problem.space, .objectives = problem.objectives(), .seed = seed}),
          kTrials);
      const double random =
          problem.reached(*make_random_search({.space = problem.space, .seed = seed}), kTrials);
      EXPECT_GT(found, random) << seed;
      EXPECT_LT(random, 0.8 * kWhole) << seed;
      average += found / kSeeds;
    }
    EXPECT_GT(average, 0.98 * kWhole);
  }
}

TEST(RandomScalarization, ReachesMoreHypervolumeThanRandom) {
  for (const Mode second : {Mode::Min, Mode::Max})
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const Zdt1 problem{.second = second};
      const double found = problem.reached(
          *make_random_scalarization_search(
              {.space = problem.space, .objectives = problem.objectives(), .seed = seed}),
          kTrials);
      const double random =
          problem.reached(*make_random_search({.space = problem.space, .seed = seed}), kTrials);
      EXPECT_GT(found, random) << seed;
    }
}

TEST(LinearScalarization, GoesWhereTheWeightedSumIsSmallest) {
  // f1 = x, f2 = (1 - x)^2, to be maximised as 3 - f2: of w1 x + w2 (1 - x)^2 the bottom is at 1 -
  // w1 / (2 w2).
  const SearchSpace line({{"x", uniform(0, 1)}});
  for (const double w1 : {0.4, 1.6}) {
    const auto searcher = make_linear_scalarization_search(
        {.space = line,
         .objectives = {{.name = "f1"}, {.name = "f2", .mode = Mode::Max}},
         .seed = 1},
        {w1, 1});
    Experiment experiment;
    double best = 1e9, best_x = -1;
    for (int i = 0; i < 20; ++i) {
      const Configuration c = next(*searcher, experiment);
      const double x = c.at("x").as_double();
      const TrialId trial = experiment.start(c);
      experiment.report(trial, Json::Object{{"f1", x}, {"f2", 3 - (1 - x) * (1 - x)}});
      experiment.end(trial, Outcome::Completed);
      const double sum = w1 * x + (1 - x) * (1 - x);
      if (sum < best) best = sum, best_x = x;
    }
    EXPECT_NEAR(best_x, 1 - w1 / 2, 0.03) << w1;
  }
}

TEST(MoBayesOpt, KeepsToWhatIsAllowed) {
  // Half of the front is forbidden: f1 >= 0.5.
  const Zdt1 problem;
  const auto searcher = make_mo_bayesopt_search(
      {.space = problem.space,
       .objectives = problem.objectives(),
       .constraints =
           {{.name = "f1", .mode = Mode::Max, .role = MetricRole::Constraint, .bound = 0.5}},
       .seed = 2});
  Experiment experiment;
  int allowed = 0;
  for (int i = 0; i < kTrials; ++i) {
    const Configuration c = next(*searcher, experiment);
    if (i >= kTrials / 2) allowed += problem.values(c).first >= 0.49;
    problem.evaluate(experiment, c);
  }
  EXPECT_GE(allowed, kTrials / 2 - 3);
}

TEST(MoBayesOpt, PendingTrialsAreNotCrowded) {
  const Zdt1 problem;
  const auto searcher = make_mo_bayesopt_search(
      {.space = problem.space, .objectives = problem.objectives(), .seed = 4});
  Experiment experiment;
  for (int i = 0; i < 10; ++i) problem.evaluate(experiment, next(*searcher, experiment));
  std::vector<std::vector<double>> running;
  for (int i = 0; i < 4; ++i) {
    const Configuration c = next(*searcher, experiment);
    for (const auto& other : running) {
      double distance = 0;
      const auto u = problem.space.encode(c);
      for (std::size_t k = 0; k < u.size(); ++k) distance += std::abs(u[k] - other[k]);
      EXPECT_GT(distance, 0.02) << i;
    }
    running.push_back(problem.space.encode(c));
    experiment.start(c);
  }
}

TEST(MoBayesOpt, TakesThreeAndFourObjectivesAndRefusesOneAndFive) {
  const Zdt1 problem;
  std::vector<Metric> objectives = {{.name = "f1"}};
  for (const char* name : {"f2", "f1", "f2"}) {
    objectives.push_back({.name = name, .mode = objectives.size() == 2 ? Mode::Max : Mode::Min});
    const auto searcher =
        make_mo_bayesopt_search({.space = problem.space, .objectives = objectives, .seed = 1});
    Experiment experiment;
    for (int i = 0; i < 15; ++i) problem.evaluate(experiment, next(*searcher, experiment));
  }
  objectives.push_back({.name = "f1"});
  EXPECT_THROW(make_mo_bayesopt_search({.space = problem.space, .objectives = objectives}), Error);
  EXPECT_THROW(make_mo_bayesopt_search({.space = problem.space, .objectives = {{.name = "f1"}}}),
               Error);
}

}  // namespace
}  // namespace skipjack
