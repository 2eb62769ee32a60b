// What regularised evolution promises beyond the conformance suite.
#include "skipjack/search/rea.h"

#include <gtest/gtest.h>

#include "play.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using play::Experiment;

const Metric kLoss{.name = "loss"};

SearchSpace categories() {
  std::vector<Parameter> parameters;
  for (int k = 0; k < 5; ++k)
    parameters.push_back({"p" + std::to_string(k), choice({"a", "b", "c", "d", "e", "f", "g"})});
  return SearchSpace(std::move(parameters));
}

int differences(const Configuration& one, const Configuration& other) {
  int number = 0;
  for (const auto& [name, value] : one.as_object()) number += value != other.at(name);
  return number;
}

TEST(Rea, ByDefaultAChildOfTheLatestTwentyDiffersInOneParameter) {
  const SearchSpace space = categories();
  const auto searcher = make_rea_search({.space = space, .metric = kLoss, .seed = 1});
  Experiment experiment;
  for (int i = 0; i < 60; ++i) {
    const Configuration c = play::next(*searcher, experiment);
    if (i >= 20) {
      int nearest = 9;
      for (std::size_t t = experiment.history().trials().size() - 20;
           t < experiment.history().trials().size(); ++t)
        nearest = std::min(nearest, differences(c, experiment.history().trials()[t].configuration));
      EXPECT_EQ(nearest, 1) << "trial " << i;
    }
    experiment.measured(c, 1);
  }
}

TEST(Rea, TheOldestIsForgottenHoweverGood) {
  // The best value of all is the oldest. While it is a member and all are sampled it is the parent.
  const SearchSpace space = categories();
  const auto searcher = make_rea_search(
      {.space = space, .metric = kLoss, .seed = 2, .population_size = 4, .sample_size = 4});
  Experiment experiment;
  for (int i = 0; i < 5; ++i) experiment.measured(space.configuration_at(3000 * i), i);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto other = make_rea_search(
        {.space = space, .metric = kLoss, .seed = seed, .population_size = 4, .sample_size = 4});
    EXPECT_GT(differences(play::next(*other, experiment), space.configuration_at(0)), 1);
  }
}

TEST(Rea, FailedTrialsAreNoParents) {
  const SearchSpace space = categories();
  Experiment experiment;
  experiment.measured(space.configuration_at(0), 7);
  for (int i = 1; i < 4; ++i) experiment.failed(space.configuration_at(4000 * i));
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto searcher = make_rea_search(
        {.space = space, .metric = kLoss, .seed = seed, .population_size = 4, .sample_size = 2});
    EXPECT_EQ(differences(play::next(*searcher, experiment), space.configuration_at(0)), 1);
  }
}

TEST(Rea, RefusesOptionsOutOfRange) {
  const SearchSpace space = categories();
  EXPECT_THROW(make_rea_search({.space = space, .population_size = 0}), Error);
  EXPECT_THROW(make_rea_search({.space = space, .sample_size = 0}), Error);
  EXPECT_THROW(make_rea_search({.space = space, .sample_size = 10'001}), Error);
}

TEST(Rea, OneSizeGivenTheOtherFits) {
  const SearchSpace space = categories();
  // Random trials at the start: as many as members.
  const auto begins_to_select_after = [&](ReaOptions options) {
    options.space = space;
    options.metric = kLoss;
    const auto searcher = make_rea_search(std::move(options));
    Experiment experiment;
    for (int i = 0;; ++i) {
      const Configuration c = play::next(*searcher, experiment);
      for (const Trial& trial : experiment.history().trials())
        if (differences(c, trial.configuration) == 1) return i;
      experiment.measured(c, 1);
    }
  };
  EXPECT_EQ(begins_to_select_after({.sample_size = 25}), 25);
  EXPECT_EQ(begins_to_select_after({.population_size = 4}), 4);
  EXPECT_EQ(begins_to_select_after({.population_size = 4, .sample_size = 10}), 4);
}

}  // namespace
}  // namespace skipjack
