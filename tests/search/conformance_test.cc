// What every searcher promises, run for each of them. A new searcher is one line in kSearchers.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <limits>
#include <set>

#include "play.h"
#include "skipjack/search/bayesopt.h"
#include "skipjack/search/bore.h"
#include "skipjack/search/cmaes.h"
#include "skipjack/search/cost_aware.h"
#include "skipjack/search/cqr.h"
#include "skipjack/search/grid.h"
#include "skipjack/search/hypertune.h"
#include "skipjack/search/latin_hypercube.h"
#include "skipjack/search/local_search.h"
#include "skipjack/search/mo_bayesopt.h"
#include "skipjack/search/mobster.h"
#include "skipjack/search/nsga2.h"
#include "skipjack/search/quantile_transfer.h"
#include "skipjack/search/random.h"
#include "skipjack/search/rea.h"
#include "skipjack/search/scalarization.h"
#include "skipjack/search/sobol.h"
#include "skipjack/search/tpe.h"
#include "skipjack/search/zero_shot.h"

namespace skipjack {
namespace {

using play::Experiment;

enum class Repeats { Never, WhereNoisy };

struct SearcherCase {
  std::string name;
  std::function<std::unique_ptr<Searcher>(SearchSpace, Metric, std::uint64_t)> make;
  Repeats repeats = Repeats::Never;
};

/// Two objectives that every trial of these tests reports: the metric, and its contrary.
std::vector<Metric> opposed(const Metric& metric) {
  Metric contrary = metric;
  contrary.mode = metric.mode == Mode::Min ? Mode::Max : Mode::Min;
  return {metric, contrary};
}

double loss_of(const SearchSpace& space, const Configuration& configuration);

/// Fifteen configurations of the space, measured where all that is good here is a little better.
SourceExperiment source_for(const SearchSpace& space) {
  SourceExperiment source{.name = "elsewhere", .observations = {}};
  Rng rng(17, "source", 0);
  for (int i = 0; i < 15; ++i) {
    std::vector<double> u;
    for (std::size_t k = 0; k < space.searched().size(); ++k) u.push_back(rng.uniform());
    const Configuration configuration = space.decode(u);
    source.observations.push_back({configuration, 2 * loss_of(space, configuration) - 1});
  }
  return source;
}

/// Trials of these tests report at the first.
const LevelOptions kLevels{.rung_levels = {1, 3}, .max_resource = 9};

const std::vector<SearcherCase>& searchers() {
  static const std::vector<SearcherCase> cases = {
      {"Random",
       [](SearchSpace space, const Metric&, std::uint64_t seed) {
         return make_random_search({.space = std::move(space), .seed = seed});
       }},
      {"Grid",
       [](SearchSpace space, const Metric&, std::uint64_t seed) {
         return make_grid_search({.space = std::move(space), .seed = seed});
       }},
      {"Sobol",
       [](SearchSpace space, const Metric&, std::uint64_t seed) {
         return make_sobol_search({.space = std::move(space), .seed = seed});
       }},
      {"BayesOpt",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_bayesopt_search({.space = std::move(space), .metric = metric, .seed = seed});
       },
       Repeats::WhereNoisy},
      {"BayesOptConstrained",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         // Half of what the losses here come to.
         Metric kept = metric;
         kept.role = MetricRole::Constraint, kept.bound = metric.mode == Mode::Min ? 0.3 : -0.3;
         return make_bayesopt_search(
             {.space = std::move(space), .metric = metric, .constraints = {kept}, .seed = seed});
       },
       Repeats::WhereNoisy},
      {"MoBayesOpt",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_mo_bayesopt_search(
             {.space = std::move(space), .objectives = opposed(metric), .seed = seed});
       }},
      {"Nsga2",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_nsga2_search({.space = std::move(space),
                                   .objectives = opposed(metric),
                                   .seed = seed,
                                   .population_size = 6});
       }},
      {"MoRea",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_rea_search({.space = std::move(space),
                                 .metric = metric,
                                 .others = {opposed(metric).back()},
                                 .seed = seed,
                                 .population_size = 10,
                                 .sample_size = 3});
       }},
      {"RandomScalarization",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_random_scalarization_search(
             {.space = std::move(space), .objectives = opposed(metric), .seed = seed});
       }},
      {"LinearScalarization",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_linear_scalarization_search(
             {.space = std::move(space), .objectives = opposed(metric), .seed = seed}, {1, 0.5});
       }},
      {"CostAware",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_cost_aware_search({.space = std::move(space), .metric = metric, .seed = seed});
       }},
      {"BayesOptFromSource",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_bayesopt_search(
             {.space = space, .metric = metric, .seed = seed, .sources = {source_for(space)}});
       },
       Repeats::WhereNoisy},
      {"ZeroShot",
       [](SearchSpace space, const Metric&, std::uint64_t seed) {
         return make_zero_shot_search(
             {.space = space, .seed = seed, .sources = {source_for(space)}});
       }},
      {"QuantileTransfer",
       [](SearchSpace space, const Metric&, std::uint64_t seed) {
         return make_quantile_transfer_search(
             {.space = space, .seed = seed, .sources = {source_for(space)}});
       }},
      {"LatinHypercube",
       [](SearchSpace space, const Metric&, std::uint64_t seed) {
         return make_latin_hypercube_search({.space = std::move(space), .seed = seed});
       }},
      {"Tpe",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_tpe_search({.space = std::move(space), .metric = metric, .seed = seed});
       }},
      {"Cmaes",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_cmaes_search({.space = std::move(space), .metric = metric, .seed = seed});
       }},
      {"Rea",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_rea_search({.space = std::move(space),
                                 .metric = metric,
                                 .seed = seed,
                                 .population_size = 10,
                                 .sample_size = 4});
       }},
      {"LocalSearch",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_local_search({.space = std::move(space), .metric = metric, .seed = seed});
       }},
      {"Bore",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_bore_search({.space = std::move(space), .metric = metric, .seed = seed});
       }},
      {"BoreForest",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_bore_search({.space = std::move(space),
                                  .metric = metric,
                                  .seed = seed,
                                  .classifier = BoreClassifier::Forest});
       }},
      {"BoreProcess",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_bore_search({.space = std::move(space),
                                  .metric = metric,
                                  .seed = seed,
                                  .classifier = BoreClassifier::GaussianProcess});
       }},
      {"Cqr",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_cqr_search({.space = std::move(space), .metric = metric, .seed = seed});
       }},
      {"Mobster",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_mobster_search(
             {.space = std::move(space), .metric = metric, .seed = seed, .levels = kLevels});
       }},
      {"MobsterFreezeThaw",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_mobster_search({.space = std::move(space),
                                     .metric = metric,
                                     .seed = seed,
                                     .levels = kLevels,
                                     .kernel = ResourceKernel::FreezeThaw,
                                     .resource_acq = ResourceAcquisition::Final});
       }},
      {"HyperTune",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_hypertune_search(
                    {.space = std::move(space), .metric = metric, .seed = seed, .levels = kLevels})
             .searcher;
       }},
      {"BoreAtLevels",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_bore_search(
             {.space = std::move(space), .metric = metric, .seed = seed, .levels = kLevels});
       }},
      {"CqrAtLevels",
       [](SearchSpace space, const Metric& metric, std::uint64_t seed) {
         return make_cqr_search(
             {.space = std::move(space), .metric = metric, .seed = seed, .levels = kLevels});
       }},
  };
  return cases;
}

const Metric kLoss{.name = "loss"};

SearchSpace mixed_space(std::vector<std::string> constraints = {}) {
  return SearchSpace({{"lr", log_uniform(1e-6, 1)},
                      {"units", log_rand_int(16, 512)},
                      {"act", choice({"relu", "tanh", "gelu"})},
                      {"depth", rand_int(1, 20)},
                      {"bias", choice({true, false})},
                      {"batch", ordinal({16, 32, 64, 128})},
                      {"epochs", Json(10)}},
                     std::move(constraints));
}

/// momentum and beta come and go with the optimizer, nesterov with momentum.
SearchSpace conditional_space() {
  return SearchSpace({{"lr", log_uniform(1e-4, 1)},
                      {"optimizer", choice({"sgd", "adam"})},
                      {"momentum", uniform(0, 1)},
                      {"nesterov", choice({true, false})},
                      {"beta", rand_int(1, 100)}},
                     {"momentum < 0.9 or lr < 0.1"},
                     {{"momentum", "optimizer == 'sgd'"},
                      {"nesterov", "momentum > 0.3"},
                      {"beta", "optimizer == 'adam'"}});
}

SearchSpace small_space() {
  return SearchSpace({{"a", rand_int(0, 3)}, {"b", choice({"x", "y", "z"})}});
}

double loss_of(const SearchSpace& space, const Configuration& configuration) {
  double sum = 0;
  for (const double u : space.encode(configuration)) sum += (u - 0.3) * (u - 0.3);
  return sum;
}

class SearcherConformance : public testing::TestWithParam<SearcherCase> {
 protected:
  std::unique_ptr<Searcher> make(const SearchSpace& space, const Metric& metric = kLoss,
                                 std::uint64_t seed = 1) const {
    return GetParam().make(space, metric, seed);
  }
  /// Evaluates proposals until there is none or limit is reached; returns the number.
  int run(Searcher& searcher, Experiment& experiment, int limit,
          const std::function<void(Experiment&, Configuration)>& evaluate) const {
    for (int i = 0; i < limit; ++i) {
      Suggestion suggestion = searcher.suggest(experiment.history(), {});
      auto* proposal = std::get_if<Proposal>(&suggestion);
      if (proposal == nullptr) return i;
      evaluate(experiment, std::move(proposal->configuration));
    }
    return limit;
  }
};

TEST_P(SearcherConformance, ProposalsLieInTheSpace) {
  const SearchSpace space = mixed_space();
  const auto searcher = make(space);
  Experiment experiment;
  const int done = run(*searcher, experiment, 40, [&](Experiment& e, Configuration c) {
    ASSERT_TRUE(space.contains(c)) << to_json_text(c);
    EXPECT_EQ(c.at("epochs"), Json(10));
    e.measured(c, loss_of(space, c));
  });
  EXPECT_EQ(done, 40);
}

TEST_P(SearcherConformance, ProposalsKeepTheConstraints) {
  const SearchSpace space = mixed_space({"units * depth <= 2000", "act != 'relu' or lr < 0.1"});
  const auto searcher = make(space);
  Experiment experiment;
  run(*searcher, experiment, 40, [&](Experiment& e, Configuration c) {
    ASSERT_TRUE(space.satisfies_constraints(c)) << to_json_text(c);
    e.measured(c, loss_of(space, c));
  });
}

TEST_P(SearcherConformance, FindsItsWayInACellOfTwoPercent) {
  const SearchSpace space({{"a", uniform(0, 1)}, {"b", uniform(0, 1)}, {"c", rand_int(1, 10)}},
                          {"a > 0.8", "b > 0.9"});
  const auto searcher = make(space);
  Experiment experiment;
  const int done = run(*searcher, experiment, 20, [&](Experiment& e, Configuration c) {
    ASSERT_TRUE(space.satisfies_constraints(c)) << to_json_text(c);
    e.measured(c, loss_of(space, c));
  });
  // A grid of five values an axis has five feasible points here: one of a, one of b, five of c...
  // none of b = 0.9.
  EXPECT_GE(done, GetParam().name == "Grid" ? 0 : 20);
}

TEST_P(SearcherConformance, ProposalsHoldActiveParametersAlone) {
  const SearchSpace space = conditional_space();
  const auto searcher = make(space);
  Experiment experiment;
  std::set<std::string> optimizers;
  const int done = run(*searcher, experiment, 40, [&](Experiment& e, Configuration c) {
    ASSERT_TRUE(space.contains(c)) << to_json_text(c);
    optimizers.insert(c.at("optimizer").as_string());
    if (c.find("nesterov") != nullptr && c.at("nesterov").as_bool())
      e.failed(c);
    else
      e.measured(c, loss_of(space, c));
  });
  EXPECT_EQ(done, 40);
  EXPECT_EQ(optimizers.size(), 2u);
}

TEST_P(SearcherConformance, ExhaustsAConditionalSpaceWithoutProposingTheSameTwice) {
  // Four of a, two of b, one of c.
  const SearchSpace space({{"kind", choice({"a", "b", "c"})},
                           {"n", rand_int(1, 4)},
                           {"flag", choice({true, false})},
                           {"unused", rand_int(1, 5)}},
                          {}, {{"n", "kind == 'a'"}, {"flag", "kind == 'b'"}, {"unused", "n > 4"}});
  const auto searcher = make(space);
  Experiment experiment;
  std::set<std::string> seen;
  const int done = run(*searcher, experiment, 50, [&](Experiment& e, Configuration c) {
    EXPECT_TRUE(seen.insert(space.key(c)).second) << to_json_text(c);
    e.failed(c);
  });
  EXPECT_EQ(done, 7);
  EXPECT_TRUE(std::holds_alternative<Exhausted>(searcher->suggest(experiment.history(), {})));
}

TEST_P(SearcherConformance, IsAFunctionOfSeedAndHistory) {
  for (const SearchSpace& space : {mixed_space(), conditional_space()}) {
    const auto one = make(space), other = make(space);
    Experiment experiment;
    for (int i = 0; i < 25; ++i) {
      Suggestion a = one->suggest(experiment.history(), {}),
                 b = other->suggest(experiment.history(), {});
      ASSERT_TRUE(std::holds_alternative<Proposal>(a) && std::holds_alternative<Proposal>(b));
      const Configuration chosen = std::get<Proposal>(a).configuration;
      ASSERT_EQ(chosen, std::get<Proposal>(b).configuration) << "trial " << i;
      if (i % 5 == 4)
        experiment.failed(chosen);
      else
        experiment.measured(chosen, loss_of(space, chosen));
    }
  }
}

TEST_P(SearcherConformance, RestoredSearcherGoesOnTheSame) {
  const SearchSpace space = mixed_space();
  const auto first = make(space);
  Experiment experiment;
  std::optional<Json> fitted;
  for (int i = 0; i < 20; ++i) {
    Suggestion suggestion = first->suggest(experiment.history(), {});
    auto& proposal = std::get<Proposal>(suggestion);
    if (proposal.fitted) {
      // Through text, as the journal keeps it.
      fitted = parse_json(to_json_text(*proposal.fitted));
      first->restore(*fitted);
    }
    experiment.measured(proposal.configuration, loss_of(space, proposal.configuration));
  }
  const auto second = make(space);
  if (fitted) second->restore(*fitted);
  Suggestion a = first->suggest(experiment.history(), {}),
             b = second->suggest(experiment.history(), {});
  EXPECT_EQ(std::get<Proposal>(a).configuration, std::get<Proposal>(b).configuration);
}

TEST_P(SearcherConformance, SurvivesHostileFittedParameters) {
  const auto searcher = make(small_space());
  for (const char* text : {"null", "[]", "{}", R"({"objective": 3, "num_observations": -1})",
                           R"({"objective": {"inverse_squared_lengthscales": [1, "x"],
                               "outputscale": NaN, "noise_variance": 0}, "num_observations": 4})"})
    searcher->restore(parse_json(text));
  Experiment experiment;
  EXPECT_TRUE(std::holds_alternative<Proposal>(searcher->suggest(experiment.history(), {})));
}

TEST_P(SearcherConformance, DependsOnTheSeed) {
  if (GetParam().name == "ZeroShot") GTEST_SKIP() << "what it begins with is the sources' alone";
  const SearchSpace space = mixed_space();
  // The very first one may come from elsewhere.
  std::set<std::string> seconds;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Experiment experiment;
    const auto searcher = make(space, kLoss, seed);
    experiment.measured(play::next(*searcher, experiment), 1);
    seconds.insert(space.key(play::next(*searcher, experiment)));
  }
  EXPECT_GE(seconds.size(), 3u);
}

TEST_P(SearcherConformance, ExhaustsAFiniteSpaceWithoutNoise) {
  const SearchSpace space = small_space();
  const auto searcher = make(space);
  Experiment experiment;
  std::set<std::string> seen;
  const int done = run(*searcher, experiment, 200, [&](Experiment& e, Configuration c) {
    seen.insert(space.key(c));
    e.measured(c, loss_of(space, c));
  });
  EXPECT_EQ(seen.size(), 12u);
  if (GetParam().repeats == Repeats::Never) {
    EXPECT_EQ(done, 12);
  }
  EXPECT_LE(done, 120);
  EXPECT_TRUE(std::holds_alternative<Exhausted>(searcher->suggest(experiment.history(), {})));
}

TEST_P(SearcherConformance, ExhaustsASpaceInWhichEverythingFails) {
  const SearchSpace space = small_space();
  const auto searcher = make(space);
  Experiment experiment;
  std::set<std::string> seen;
  const int done = run(*searcher, experiment, 50, [&](Experiment& e, Configuration c) {
    EXPECT_TRUE(seen.insert(space.key(c)).second) << "failed configuration proposed again";
    e.failed(c);
  });
  EXPECT_EQ(done, 12);
  EXPECT_TRUE(std::holds_alternative<Exhausted>(searcher->suggest(experiment.history(), {})));
}

TEST_P(SearcherConformance, NothingFeasibleEnds) {
  const SearchSpace space({{"a", rand_int(0, 3)}, {"b", rand_int(0, 3)}}, {"a + b > 100"});
  const auto searcher = make(space);
  Experiment experiment;
  EXPECT_TRUE(std::holds_alternative<Exhausted>(searcher->suggest(experiment.history(), {})));
}

TEST_P(SearcherConformance, NeverProposesAFailedConfigurationAgain) {
  const SearchSpace space({{"a", rand_int(0, 9)}, {"b", rand_int(0, 9)}});
  const auto searcher = make(space);
  Experiment experiment;
  std::set<std::string> failed;
  run(*searcher, experiment, 60, [&](Experiment& e, Configuration c) {
    ASSERT_FALSE(failed.contains(space.key(c)));
    if (c.at("a").as_int() + c.at("b").as_int() < 8) {
      failed.insert(space.key(c));
      e.failed(c);
    } else {
      e.measured(c, loss_of(space, c));
    }
  });
}

TEST_P(SearcherConformance, RunningTrialsAreNotProposedAgain) {
  const SearchSpace space = small_space();
  const auto searcher = make(space);
  Experiment experiment;
  std::set<std::string> running;
  for (int i = 0; i < 12; ++i) {
    Suggestion s = searcher->suggest(experiment.history(), {});
    auto* proposal = std::get_if<Proposal>(&s);
    ASSERT_NE(proposal, nullptr) << i;
    ASSERT_TRUE(running.insert(space.key(proposal->configuration)).second);
    experiment.start(proposal->configuration);
  }
  EXPECT_FALSE(std::holds_alternative<Proposal>(searcher->suggest(experiment.history(), {})));
}

TEST_P(SearcherConformance, EightWorkersGetEightConfigurations) {
  const SearchSpace space = mixed_space();
  const auto searcher = make(space);
  Experiment experiment;
  run(*searcher, experiment, 15,
      [&](Experiment& e, Configuration c) { e.measured(c, loss_of(space, c)); });
  std::set<std::string> running;
  for (int i = 0; i < 8; ++i) {
    Suggestion s = searcher->suggest(experiment.history(), {});
    auto& proposal = std::get<Proposal>(s);
    EXPECT_TRUE(running.insert(space.key(proposal.configuration)).second) << i;
    experiment.start(proposal.configuration);
  }
}

TEST_P(SearcherConformance, ConstantMetricIsNoObstacle) {
  const SearchSpace space = mixed_space();
  const auto searcher = make(space);
  Experiment experiment;
  std::set<std::string> seen;
  const int done = run(*searcher, experiment, 30, [&](Experiment& e, Configuration c) {
    seen.insert(space.key(c));
    e.measured(c, 1.0);
  });
  EXPECT_EQ(done, 30);
  EXPECT_GE(seen.size(), 25u);
}

TEST_P(SearcherConformance, OddMetricValuesAreNoObstacle) {
  const SearchSpace space = mixed_space();
  const std::vector<double> odd = {std::numeric_limits<double>::quiet_NaN(),
                                   std::numeric_limits<double>::infinity(),
                                   -std::numeric_limits<double>::infinity(),
                                   1e308,
                                   -1e308,
                                   0.0,
                                   5e-324,
                                   1.0};
  const auto searcher = make(space);
  Experiment experiment;
  int i = 0;
  const int done = run(*searcher, experiment, 40, [&](Experiment& e, Configuration c) {
    ASSERT_TRUE(space.contains(c));
    e.measured(c, odd[static_cast<std::size_t>(i++) % odd.size()]);
  });
  EXPECT_EQ(done, 40);
}

TEST_P(SearcherConformance, TakesBothModes) {
  const SearchSpace space = mixed_space();
  for (const Mode mode : {Mode::Min, Mode::Max}) {
    const Metric metric{.name = "loss", .mode = mode};
    const auto searcher = make(space, metric);
    Experiment experiment;
    EXPECT_EQ(run(*searcher, experiment, 20,
                  [&](Experiment& e, Configuration c) { e.measured(c, 1 + loss_of(space, c)); }),
              20);
  }
}

TEST_P(SearcherConformance, DomainsOfOneValueAreNoObstacle) {
  const SearchSpace space({{"a", rand_int(3, 3)}, {"b", choice({"only"})}, {"c", uniform(0, 1)}});
  const auto searcher = make(space);
  Experiment experiment;
  const int done = run(*searcher, experiment, 12, [&](Experiment& e, Configuration c) {
    ASSERT_TRUE(space.contains(c));
    e.measured(c, loss_of(space, c));
  });
  EXPECT_EQ(done, GetParam().name == "Grid" ? 5 : 12);
}

TEST_P(SearcherConformance, NoParametersAreOneConfiguration) {
  const SearchSpace space({{"epochs", Json(3)}});
  const auto searcher = make(space);
  Experiment experiment;
  const int done = run(*searcher, experiment, 30, [&](Experiment& e, Configuration c) {
    EXPECT_EQ(c.at("epochs"), Json(3));
    e.measured(c, 1.0);
  });
  EXPECT_GE(done, 1);
  EXPECT_LE(done, 10);
  EXPECT_TRUE(std::holds_alternative<Exhausted>(searcher->suggest(experiment.history(), {})));
}

TEST_P(SearcherConformance, SixHundredTrialsStayBounded) {
  const SearchSpace space = mixed_space();
  Experiment experiment;
  const auto random = make_random_search({.space = space, .seed = 9});
  for (int i = 0; i < 600; ++i) {
    Suggestion s = random->suggest(experiment.history(), {});
    const Configuration c = std::get<Proposal>(s).configuration;
    if (i % 7 == 0)
      experiment.failed(c);
    else
      experiment.measured(c, loss_of(space, c));
  }
  const auto searcher = make(space);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(std::holds_alternative<Proposal>(searcher->suggest(experiment.history(), {})));
  // Generous, for sanitizers and busy machines; cubic growth without a cap would miss it.
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(30));
}

INSTANTIATE_TEST_SUITE_P(, SearcherConformance, testing::ValuesIn(searchers()),
                         [](const auto& p) { return p.param.name; });

}  // namespace
}  // namespace skipjack
