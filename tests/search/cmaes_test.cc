// What the evolution strategy promises beyond the conformance suite.
#include "skipjack/search/cmaes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>

#include "play.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using play::Experiment;

const Metric kLoss{.name = "loss"};

SearchSpace mixed() {
  return SearchSpace({{"a", uniform(0, 1)},
                      {"b", log_uniform(1e-4, 1)},
                      {"c", choice({"x", "y", "z"})},
                      {"d", rand_int(1, 50)}});
}

double loss_of(const SearchSpace& space, const Configuration& c) {
  const auto unit = space.encode(c);
  double f = c.at("c") == Json("y") ? 0 : 0.3;
  for (const std::size_t k : {0, 1, 3}) f += std::pow(unit[k] - 0.7, 2);
  return f;
}

TEST(CmaesSearch, FindsTheMinimumOfAMixedFunction) {
  for (const Mode mode : {Mode::Min, Mode::Max}) {
    const SearchSpace space = mixed();
    int found = 0;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const auto searcher = make_cmaes_search(
          {.space = space, .metric = {.name = "loss", .mode = mode}, .seed = seed});
      Experiment experiment;
      double best = 1e9;
      for (int i = 0; i < 200; ++i) {
        const Configuration c = play::next(*searcher, experiment);
        const double f = loss_of(space, c);
        best = std::min(best, f);
        experiment.measured(c, mode == Mode::Min ? f : -f);
      }
      found += best < 1e-3;
    }
    EXPECT_GE(found, 7) << "of 10 seeds; random search comes within 1e-3 in one of a hundred";
  }
}

TEST(CmaesSearch, ManyAtOnceEndingInAnyOrderConvergeToo) {
  // Sixteen in flight, twice a generation; the newest ends first half the time.
  const SearchSpace space = mixed();
  const auto searcher = make_cmaes_search({.space = space, .metric = kLoss, .seed = 5});
  Experiment experiment;
  std::deque<TrialId> running;
  Rng rng(5, "workers");
  double best = 1e9;
  for (int i = 0; i < 400; ++i) {
    const Configuration c = play::next(*searcher, experiment);
    running.push_back(experiment.start(c));
    if (running.size() < 16) continue;
    const bool newest = rng.bernoulli(0.5);
    const TrialId trial = newest ? running.back() : running.front();
    newest ? running.pop_back() : running.pop_front();
    const double f = loss_of(
        space, experiment.history().trials()[static_cast<std::size_t>(trial)].configuration);
    best = std::min(best, f);
    experiment.report(trial, "loss", f);
    experiment.end(trial, Outcome::Completed);
  }
  EXPECT_LT(best, 1e-3);
}

TEST(CmaesSearch, AFreshSearcherAgreesWithOneThatSawItAll) {
  const SearchSpace space = mixed();
  const auto first = make_cmaes_search({.space = space, .metric = kLoss, .seed = 6});
  Experiment experiment;
  for (int i = 0; i < 100; ++i) {
    const Configuration c = play::next(*first, experiment);
    if (i % 9 == 0)
      experiment.failed(c);
    else
      experiment.measured(c, loss_of(space, c));
    const auto second = make_cmaes_search({.space = space, .metric = kLoss, .seed = 6});
    ASSERT_EQ(play::next(*first, experiment), play::next(*second, experiment)) << i;
  }
}

TEST(CmaesSearch, StartsOverForAnotherHistory) {
  const SearchSpace space = mixed();
  Experiment one, other;
  for (const auto& [experiment, seed] : {std::pair{&one, 1}, std::pair{&other, 2}}) {
    Rng rng(static_cast<std::uint64_t>(seed), "other history");
    for (int i = 0; i < 30; ++i) experiment->measured(*space.sample(rng), i);
  }
  const auto searcher = make_cmaes_search({.space = space, .metric = kLoss, .seed = 6});
  const auto fresh = make_cmaes_search({.space = space, .metric = kLoss, .seed = 6});
  play::next(*searcher, one);
  EXPECT_EQ(play::next(*searcher, other), play::next(*fresh, other));
}

TEST(CmaesSearch, RestartsElsewhereWhenARunHasEnded) {
  // A run ends when it has converged; without another its proposals would stay within 1e-6 for
  // ever.
  const SearchSpace space({{"a", uniform(0, 1)}, {"b", uniform(0, 1)}});
  const auto searcher = make_cmaes_search({.space = space, .metric = kLoss, .seed = 7});
  Experiment experiment;
  double best = 1e9;
  bool converged = false;
  int far_after = 0;
  for (int i = 0; i < 1500; ++i) {
    const Configuration c = play::next(*searcher, experiment);
    const double distance = std::hypot(c.at("a").as_double() - 0.4, c.at("b").as_double() - 0.6);
    best = std::min(best, distance);
    converged = converged || best < 1e-6;
    far_after += converged && distance > 0.1;
    experiment.measured(c, distance);
  }
  EXPECT_TRUE(converged);
  EXPECT_GE(far_after, 20);
}

TEST(CmaesSearch, RefusesOptionsOutOfRange) {
  EXPECT_THROW(make_cmaes_search({.space = mixed(), .population_size = 3}), Error);
  EXPECT_THROW(make_cmaes_search({.space = mixed(), .initial_sigma = 0}), Error);
  EXPECT_THROW(make_cmaes_search({.space = mixed(), .initial_sigma = NAN}), Error);
}

}  // namespace
}  // namespace skipjack
