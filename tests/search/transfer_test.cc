// Sources as a prior mean: when they are believed, what they change, and that nothing is left of
// them once they are not. Sources and targets are functions written here.
#include "skipjack/search/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "play.h"
#include "skipjack/base/rng.h"
#include "skipjack/search/bayesopt.h"

namespace skipjack {
namespace {

using Function = std::function<double(const UnitPoint&)>;

const SearchSpace& cube() {
  static const SearchSpace space(
      {{"x", uniform(0, 1)}, {"y", uniform(0, 1)}, {"z", uniform(0, 1)}});
  return space;
}

double bowl(const UnitPoint& u, double center) {
  double sum = 0;
  for (const double coordinate : u) sum += (coordinate - center) * (coordinate - center);
  return sum;
}
double near_third(const UnitPoint& u) { return bowl(u, 0.3); }
/// Another environment: other unit, other offset, the optimum moved a little.
double near_third_elsewhere(const UnitPoint& u) { return 7 + 40 * bowl(u, 0.34); }
double misleading(const UnitPoint& u) { return -near_third_elsewhere(u); }

SourceExperiment source(const Function& function, const SearchSpace& space = cube(),
                        std::uint64_t seed = 1, int size = 40) {
  SourceExperiment result{.name = "elsewhere", .observations = {}};
  Rng rng(seed, "source", 0);
  for (int i = 0; i < size; ++i) {
    UnitPoint u;
    for (std::size_t k = 0; k < space.searched().size(); ++k) u.push_back(rng.uniform());
    const Configuration configuration = space.decode(u);
    result.observations.push_back({configuration, function(space.encode(configuration))});
  }
  return result;
}

Observations observed(const Function& function, std::size_t number, std::uint64_t seed = 5) {
  Observations seen;
  Rng rng(seed, "target", 0);
  for (std::size_t i = 0; i < number; ++i) {
    const UnitPoint u = {rng.uniform(), rng.uniform(), rng.uniform()};
    seen.values.push_back({u, function(u), false, static_cast<TrialId>(i)});
  }
  return seen;
}

std::shared_ptr<const SourceModels> models_of(const UnitSpace& space,
                                              const std::vector<SourceExperiment>& sources) {
  return std::make_shared<const SourceModels>(space, sources);
}

PriorMean prior_after(const std::vector<SourceExperiment>& sources, std::size_t number,
                      std::uint64_t seed = 5) {
  static const UnitSpace space(cube());
  return choose_prior_mean(models_of(space, sources), space, observed(near_third, number, seed),
                           {.name = "loss"});
}

TEST(PriorMean, BelievesSourceThatResemblesTarget) {
  for (const std::size_t number : {4u, 8u, 20u})
    EXPECT_FALSE(prior_after({source(near_third_elsewhere)}, number).empty()) << number;
}

TEST(PriorMean, DropsMisleadingSourceWithinEightValues) {
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    for (std::size_t number = 8; number < 12; ++number)
      EXPECT_TRUE(prior_after({source(misleading)}, number, seed).empty()) << seed << " " << number;
}

TEST(PriorMean, WeighsMisleadingSourceBesideGoodOneLess) {
  // So rough that a dozen values do not tell it without sources.
  const Function rough = [](const UnitPoint& u) {
    return near_third(u) + 0.3 * std::sin(9 * u[0]) + 0.3 * std::cos(8 * u[1] + 5 * u[2]);
  };
  const Function opposite = [&](const UnitPoint& u) { return -rough(u); };
  const UnitSpace space(cube());
  const PriorMean prior = choose_prior_mean(
      models_of(space, {source(opposite, cube(), 1, 150), source(rough, cube(), 2, 150)}), space,
      observed(rough, 12), {.name = "loss"});
  ASSERT_FALSE(prior.empty());
  EXPECT_LT(prior.weights[0], 0.25 * prior.weights[1]);
}

TEST(PriorMean, IsEmptyWithoutSourcesOrValues) {
  EXPECT_TRUE(prior_after({}, 10).empty());
  EXPECT_TRUE(prior_after({source(near_third_elsewhere)}, 2).empty());
}

TEST(PriorMean, SlopeIsThatOfItsValues) {
  const UnitSpace space(cube());
  const PriorMean prior{
      .sources = models_of(space, {source(near_third_elsewhere), source(misleading)}),
      .weights = Eigen::Vector2d(0.7, 0.2)};
  const UnitPoint at = {0.2, 0.5, 0.8};
  const Eigen::VectorXd slope = prior.slope(at);
  for (std::size_t k = 0; k < 3; ++k) {
    std::vector<UnitPoint> around = {at, at};
    around[0][k] -= 1e-5, around[1][k] += 1e-5;
    const Eigen::VectorXd values = prior.at(around);
    EXPECT_NEAR(slope[static_cast<Eigen::Index>(k)], (values[1] - values[0]) / 2e-5, 1e-5);
  }
}

TEST(SourceModels, SayNothingOfParametersTheyDidNotHave) {
  const SearchSpace less({{"x", uniform(0, 1)}, {"z", uniform(0, 1)}});
  const UnitSpace space(cube());
  const std::vector<SourceExperiment> sources = {source(near_third, less)};
  const SourceModels models(space, sources);
  const std::vector<UnitPoint> points = {{0.3, 0.0, 0.3}, {0.3, 0.9, 0.3}, {0.9, 0.9, 0.9}};
  const Eigen::MatrixXd said = models.predict(points);
  EXPECT_DOUBLE_EQ(said(0, 0), said(1, 0));
  EXPECT_LT(said(0, 0), said(2, 0) - 1);
  EXPECT_EQ(models.slopes(points[2])(1, 0), 0);
}

TEST(SourceModels, LeaveOutSourceWithTwoObservations) {
  const UnitSpace space(cube());
  const std::vector<SourceExperiment> sources = {source(near_third, cube(), 1, 2),
                                                 source(near_third, cube(), 1, 9)};
  EXPECT_EQ(SourceModels(space, sources).size(), 1u);
}

TEST(FirstPoints, BeginWithWhatIsGoodInMostSources) {
  const auto far = [](const UnitPoint& u) { return bowl(u, 0.9); };
  const std::vector<SourceExperiment> sources = {
      source(far, cube(), 1), source(near_third, cube(), 2), source(near_third, cube(), 3)};
  const UnitSpace space(cube());
  const auto points = choose_first_points(SourceModels(space, sources), cube(), sources, 2);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_LT(near_third(cube().encode(points[0])), 0.2);
  // Then what is good in the one that is left.
  EXPECT_LT(far(cube().encode(points[1])), 0.2);
}

std::unique_ptr<Searcher> bayesopt(std::vector<SourceExperiment> sources, std::uint64_t seed = 3) {
  return make_bayesopt_search(
      {.space = cube(), .metric = {.name = "loss"}, .seed = seed, .sources = std::move(sources)});
}

double best_after(Searcher& searcher, int number) {
  play::Experiment experiment;
  double best = 1e9;
  for (int i = 0; i < number; ++i) {
    Configuration next = play::next(searcher, experiment);
    const double value = near_third(cube().encode(next));
    experiment.measured(std::move(next), value);
    best = std::min(best, value);
  }
  return best;
}

TEST(WarmBayesOpt, BeginsWithBestOfSource) {
  const SourceExperiment from = source(near_third_elsewhere);
  const auto best =
      std::min_element(from.observations.begin(), from.observations.end(),
                       [](const auto& a, const auto& b) { return a.value < b.value; });
  EXPECT_EQ(play::next(*bayesopt({from}), play::Experiment()), best->configuration);
}

TEST(WarmBayesOpt, TriesSecondPointOfSourceOnlyIfFirstOneLed) {
  const SourceExperiment from = source(near_third_elsewhere);
  const auto is_of_source = [&](const Configuration& c) {
    return std::any_of(from.observations.begin(), from.observations.end(),
                       [&](const auto& o) { return o.configuration == c; });
  };
  for (const bool leads : {true, false}) {
    const auto searcher = bayesopt({from});
    play::Experiment experiment;
    experiment.measured(play::next(*searcher, experiment), leads ? 1 : 3);
    const Configuration second = play::next(*searcher, experiment);
    EXPECT_FALSE(is_of_source(second));
    experiment.measured(second, 2);
    EXPECT_EQ(is_of_source(play::next(*searcher, experiment)), leads);
  }
}

TEST(WarmBayesOpt, IsBetterThanColdAfterSixOnEverySeed) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const double cold = best_after(*bayesopt({}, seed), 6);
    const double warm = best_after(*bayesopt({source(near_third_elsewhere)}, seed), 6);
    EXPECT_LT(warm, cold) << seed;
    EXPECT_LT(warm, 0.04) << seed;
  }
}

TEST(WarmBayesOpt, ProposesWhatColdOneWouldOnceSourceIsDropped) {
  const auto warm = bayesopt({source(misleading)});
  play::Experiment experiment;
  std::optional<Json> fitted;
  for (int i = 0; i < 14; ++i) {
    const Suggestion suggestion = warm->suggest(experiment.history(), {});
    const auto& proposal = std::get<Proposal>(suggestion);
    const Configuration& next = proposal.configuration;
    if (i >= 9) {
      // A cold one that goes on where the warm one is.
      const auto cold = bayesopt({});
      if (fitted) cold->restore(*fitted);
      EXPECT_EQ(to_json_text(next), to_json_text(play::next(*cold, experiment))) << i;
    }
    if (proposal.fitted) fitted = proposal.fitted;
    const double value = near_third(cube().encode(next));
    experiment.measured(next, value);
  }
}

TEST(WarmBayesOpt, ProposesTheSameWithoutMemory) {
  const std::vector<SourceExperiment> sources = {source(near_third_elsewhere)};
  const auto whole = bayesopt(sources);
  play::Experiment experiment;
  for (int i = 0; i < 12; ++i) {
    Configuration next = play::next(*whole, experiment);
    EXPECT_EQ(next, play::next(*bayesopt(sources), experiment)) << i;
    const double value = near_third(cube().encode(next));
    experiment.measured(std::move(next), value);
  }
}

}  // namespace
}  // namespace skipjack
