#include "skipjack/search/cost_aware.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "play.h"
#include "skipjack/search/bayesopt.h"

namespace skipjack {
namespace {

using play::Experiment;

/// Branin's function [Jones1998] less its minimum 0.397887, which it has at three places along the
/// first axis; and costs that grow along that axis, by e^3 from the middle to either end.
const SearchSpace& space() {
  static const SearchSpace space({{"x", uniform(0, 1)}, {"y", uniform(0, 1)}});
  return space;
}
double loss_at(const std::vector<double>& u) {
  const double x = 15 * u[0] - 5, y = 15 * u[1], pi = std::acos(-1.0);
  const double bend = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6;
  return bend * bend + 10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10 - 0.397887;
}
double cost_at(const std::vector<double>& u) { return std::exp(6 * (u[0] - 0.5)); }

enum class Cooling {
  WithTheBudget,
  Done,  ///< as if nothing were left: costs do not count
};

/// What was spent until the loss was within the regret; everything if it never was.
double cost_to_reach(double regret, Searcher& searcher, double budget,
                     Cooling cooling = Cooling::WithTheBudget) {
  Experiment experiment;
  double spent = 0;
  while (spent < budget) {
    const double left = cooling == Cooling::Done ? 0 : 1 - spent / budget;
    const Suggestion suggestion =
        searcher.suggest(experiment.history(), {.remaining_fraction = left});
    const Configuration c = std::get<Proposal>(suggestion).configuration;
    const auto u = space().encode(c);
    spent += cost_at(u);
    if (loss_at(u) <= regret) return spent;
    const TrialId trial = experiment.start(c);
    experiment.report(trial, Json::Object{{"loss", loss_at(u)}, {"cost", cost_at(u)}});
    experiment.end(trial, Outcome::Completed);
  }
  return budget;
}

TEST(CostAware, SpendsLessToTheSameRegret) {
  // Against bayesopt, and against itself where costs do not count.
  constexpr int kSeeds = 60;
  constexpr double kRegret = 0.5, kBudget = 200;
  int wins[2] = {}, losses[2] = {};
  double spent = 0, rivals[2] = {};
  for (std::uint64_t seed = 100; seed < 100 + kSeeds; ++seed) {
    const auto aware = [&] {
      return make_cost_aware_search(
          {.space = space(), .metric = {.name = "loss"}, .cost_metric = "cost", .seed = seed});
    };
    const auto plain =
        make_bayesopt_search({.space = space(), .metric = {.name = "loss"}, .seed = seed});
    const double own = cost_to_reach(kRegret, *aware(), kBudget);
    const double others[2] = {cost_to_reach(kRegret, *plain, kBudget),
                              cost_to_reach(kRegret, *aware(), kBudget, Cooling::Done)};
    spent += own;
    for (int i = 0; i < 2; ++i) {
      rivals[i] += others[i];
      wins[i] += own<others[i], losses[i] += own> others[i];
    }
  }
  for (int i = 0; i < 2; ++i) {
    const std::string what = "spent " + std::to_string(spent) + ", rival " + std::to_string(i) +
                             " " + std::to_string(rivals[i]) + "; won " + std::to_string(wins[i]) +
                             ", lost " + std::to_string(losses[i]);
    RecordProperty("rival" + std::to_string(i), what);
    EXPECT_LT(spent, rivals[i]) << what;
    // A sign test: by chance one time in a hundred.
    const int decided = wins[i] + losses[i];
    EXPECT_GE(wins[i], 0.5 * decided + 2.33 * 0.5 * std::sqrt(decided)) << what;
  }
}

TEST(CostAware, WithoutAMetricTheCostIsTheTimeATrialTook) {
  // Where the trial takes e^(6 x) seconds and the loss does not tell places apart, the cheap end is
  // proposed; and where x is turned around, the other end.
  for (const double slope : {6.0, -6.0}) {
    const SearchSpace line({{"x", uniform(0, 1)}});
    const auto searcher = make_cost_aware_search(
        {.space = line, .metric = {.name = "loss"}, .seed = 1, .num_initial = 1});
    History history;
    std::int64_t number = 0;
    Duration now{0};
    const auto apply = [&](EventBody body) {
      history.apply({.number = number++, .time = now, .unix_time = 0, .body = std::move(body)});
    };
    for (TrialId i = 0; i < 6; ++i) {
      const double x = 0.1 + 0.16 * static_cast<double>(i);
      apply(TrialStarted{.trial = i, .configuration = line.complete(Json::Object{{"x", x}})});
      now += from_seconds(std::exp(slope * (x - 0.5)));
      apply(Reported{{i, 0}, Json::Object{{"loss", 1 + 0.1 * static_cast<double>(i % 2)}}});
      apply(AttemptEnded{{i, 0}, {.outcome = Outcome::Completed}});
    }
    const Suggestion suggestion = searcher->suggest(history, {.remaining_fraction = 1});
    const double x = std::get<Proposal>(suggestion).configuration.at("x").as_double();
    EXPECT_LT(slope > 0 ? x : 1 - x, 0.3) << slope;
  }
}

}  // namespace
}  // namespace skipjack
