// What the searchers on trees promise beyond the conformance suite.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <ostream>

#include "play.h"
#include "skipjack/base/error.h"
#include "skipjack/search/bore.h"
#include "skipjack/search/cqr.h"
#include "skipjack/search/random.h"
#include "skipjack/search/training_rows.h"

namespace skipjack {
namespace {

using play::Experiment;

const Metric kLoss{.name = "loss"};

Observations values_of(const std::vector<double>& values) {
  Observations seen;
  for (std::size_t i = 0; i < values.size(); ++i)
    seen.values.push_back(
        {.point = {static_cast<double>(i)}, .value = values[i], .trial = static_cast<TrialId>(i)});
  return seen;
}

TEST(TrainingRows, KeepsTheBestQuarterAndTheLatest) {
  for (const Mode mode : {Mode::Min, Mode::Max}) {
    std::vector<double> values(20);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = (mode == Mode::Min ? 1.0 : -1.0) * static_cast<double>(i);
    const TrainingRows rows = training_rows(values_of(values), {.name = "loss", .mode = mode}, 8);
    std::vector<double> kept;
    for (const UnitPoint& point : rows.points) kept.push_back(point[0]);
    EXPECT_EQ(kept, (std::vector<double>{0, 1, 14, 15, 16, 17, 18, 19}));
    EXPECT_TRUE(std::is_sorted(rows.targets.begin(), rows.targets.end()));
  }
}

TEST(TrainingRows, FailuresAreAsBadAsTheWorst) {
  Observations seen = values_of({3, 1, 2});
  seen.values[2].bounded = true;
  seen.invalid = {{7.0}};
  const TrainingRows rows = training_rows(seen, kLoss, 400);
  EXPECT_EQ(rows.kinds,
            (std::vector{RowKind::Measured, RowKind::Measured, RowKind::Bounded, RowKind::Failed}));
  EXPECT_EQ(rows.targets[3], rows.targets[0]);
  EXPECT_EQ(rows.points[3], UnitPoint{7.0});
  EXPECT_EQ(best_points(rows, 5), (std::vector<UnitPoint>{{1.0}, {0.0}}));
}

TEST(TrainingRows, ALuckyRepetitionMakesNoConfigurationGood) {
  Observations seen = values_of({0, 9, 9, 5, 6, 7, 8, 8, 8, 8});
  seen.values[1].point = seen.values[2].point = seen.values[0].point;
  const TrainingRows rows = training_rows(seen, kLoss, 8);
  std::vector<double> kept;
  for (const UnitPoint& point : rows.points) kept.push_back(point[0]);
  EXPECT_EQ(kept, (std::vector<double>{0, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(best_points(training_rows(seen, kLoss, 400), 1), (std::vector<UnitPoint>{{3.0}}));
}

using MakeSearch = std::function<std::unique_ptr<Searcher>(SearchSpace, Metric, std::uint64_t)>;

struct TreeSearch {
  std::string name;
  MakeSearch make;
};
void PrintTo(const TreeSearch& search, std::ostream* out) { *out << search.name; }

MakeSearch make_bore(BoreClassifier classifier) {
  return [classifier](SearchSpace space, Metric metric, std::uint64_t seed) {
    return make_bore_search({.space = std::move(space),
                             .metric = std::move(metric),
                             .seed = seed,
                             .classifier = classifier});
  };
}

const std::vector<TreeSearch>& tree_searches() {
  static const std::vector<TreeSearch> searches = {
      {"Boosting", make_bore(BoreClassifier::Boosting)},
      {"Forest", make_bore(BoreClassifier::Forest)},
      {"Process", make_bore(BoreClassifier::GaussianProcess)},
      {"Cqr",
       [](SearchSpace space, Metric metric, std::uint64_t seed) {
         return make_cqr_search({.space = std::move(space),
                                 .metric = std::move(metric),
                                 .seed = seed,
                                 .num_candidates = 500});
       }},
  };
  return searches;
}

class TreeSearchers : public testing::TestWithParam<TreeSearch> {};
/// All but the smooth process, which looks beyond an edge again and again.
class SearchersThatSplit : public testing::TestWithParam<TreeSearch> {};
std::vector<TreeSearch> searches_that_split() {
  std::vector<TreeSearch> searches = tree_searches();
  std::erase_if(searches, [](const TreeSearch& search) { return search.name == "Process"; });
  return searches;
}

SearchSpace mixed_space() {
  return SearchSpace({{"lr", log_uniform(1e-5, 1)},
                      {"units", log_rand_int(8, 512)},
                      {"act", choice({"relu", "tanh", "gelu", "elu"})},
                      {"drop", uniform(0, 0.9)}});
}

// Best lr 1e-3, 64 units, gelu; drop does not matter.
double loss_of(const SearchSpace& space, const Configuration& c) {
  const std::vector<double> u = space.encode(c);
  return std::pow(u[0] - 0.4, 2) + std::pow(u[1] - 0.5, 2) +
         (c.at("act") == Json("gelu") ? 0.0 : 0.1);
}

/// The best true value after a number of evaluations with a little noise.
double best_after(Searcher& searcher, const SearchSpace& space, int evaluations, Mode mode,
                  std::uint64_t seed) {
  Experiment experiment;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < evaluations; ++i) {
    Suggestion suggestion = searcher.suggest(experiment.history(), {});
    Configuration c = std::get<Proposal>(suggestion).configuration;
    const double loss = loss_of(space, c);
    best = std::min(best, loss);
    const double noise = 0.01 * Rng(seed, "noise", static_cast<std::uint64_t>(i)).normal();
    experiment.measured(std::move(c), (mode == Mode::Min ? 1 : -1) * (loss + noise));
  }
  return best;
}

TEST_P(TreeSearchers, FindBetterThanRandomInEitherMode) {
  const SearchSpace space = mixed_space();
  double gained = 0;
  const int rounds = 6;
  for (std::uint64_t seed = 0; seed < rounds; ++seed) {
    const Mode mode = seed % 2 == 0 ? Mode::Min : Mode::Max;
    const Metric metric{.name = "loss", .mode = mode};
    const auto searcher = GetParam().make(space, metric, seed);
    const auto random = make_random_search({.space = space, .seed = seed});
    gained += std::log10(best_after(*random, space, 40, mode, seed) /
                         best_after(*searcher, space, 40, mode, seed)) /
              rounds;
  }
  // The best of 40 is half of random search's, in the mean of logarithms.
  EXPECT_GT(gained, 0.3);
}

TEST_P(TreeSearchers, ScoreRanksTheGoodFirst) {
  const SearchSpace space = mixed_space();
  const auto random = make_random_search({.space = space, .seed = 3});
  Experiment experiment;
  for (int i = 0; i < 80; ++i) {
    Suggestion s = random->suggest(experiment.history(), {});
    const Configuration c = std::get<Proposal>(s).configuration;
    experiment.measured(c, loss_of(space, c));
  }
  const auto searcher = GetParam().make(space, kLoss, 1);
  const Configuration good =
      space.complete(Json::Object{{"lr", 1e-3}, {"units", 64}, {"act", "gelu"}, {"drop", 0.3}});
  const Configuration bad =
      space.complete(Json::Object{{"lr", 0.9}, {"units", 500}, {"act", "relu"}, {"drop", 0.3}});
  const std::vector<Configuration> both = {bad, good};
  const std::vector<double> scores = searcher->score(experiment.history(), both, std::nullopt);
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_GT(scores[1], scores[0]);
}

TEST_P(SearchersThatSplit, KeepAwayFromWhereTrialsFail) {
  const SearchSpace space({{"a", uniform(0, 1)}, {"b", uniform(0, 1)}});
  const auto searcher = GetParam().make(space, kLoss, 5);
  Experiment experiment;
  int failures = 0;
  for (int i = 0; i < 60; ++i) {
    Suggestion s = searcher->suggest(experiment.history(), {});
    const Configuration c = std::get<Proposal>(s).configuration;
    // The metric improves up to the edge of what works.
    if (c.at("a").as_double() > 0.5) {
      experiment.failed(c);
      failures += i >= 20;
    } else {
      experiment.measured(c, 1 - c.at("a").as_double());
    }
  }
  // Random search fails at half of the last forty.
  EXPECT_LE(failures, 14);
}

TEST_P(TreeSearchers, TenThousandObservationsOfSixtyParametersAreNoStall) {
  std::vector<Parameter> parameters;
  for (int k = 0; k < 60; ++k)
    parameters.push_back({"p" + std::to_string(k), k % 3 == 0 ? rand_int(0, 99) : uniform(0, 1)});
  const SearchSpace space(parameters);
  Experiment experiment;
  Rng rng(1);
  for (int i = 0; i < 10'000; ++i) {
    const Configuration c = *space.sample(rng);
    experiment.measured(c, c.at("p0").as_double() + rng.normal());
  }
  const auto searcher = GetParam().make(space, kLoss, 1);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(std::holds_alternative<Proposal>(searcher->suggest(experiment.history(), {})));
  // Generous, for sanitizers and busy machines; without a cap on the rows it would be a minute.
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
}

INSTANTIATE_TEST_SUITE_P(, TreeSearchers, testing::ValuesIn(tree_searches()),
                         [](const auto& p) { return p.param.name; });
INSTANTIATE_TEST_SUITE_P(, SearchersThatSplit, testing::ValuesIn(searches_that_split()),
                         [](const auto& p) { return p.param.name; });

TEST(Bore, RefusesOptionsOutOfRangeByName) {
  const auto message = [](BoreOptions options) -> std::string {
    try {
      make_bore_search(std::move(options));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      return error.what();
    }
    return "";
  };
  const SearchSpace space = mixed_space();
  EXPECT_NE(message({.space = space, .gamma = 0}).find("gamma"), std::string::npos);
  EXPECT_NE(message({.space = space, .gamma = 1}).find("gamma"), std::string::npos);
  EXPECT_NE(message({.space = space, .num_initial = 0}).find("num_initial"), std::string::npos);
  EXPECT_NE(message({.space = space, .random_fraction = 2}).find("random_fraction"),
            std::string::npos);
  EXPECT_NE(message({.space = space, .num_candidates = 0}).find("num_candidates"),
            std::string::npos);
  EXPECT_EQ(message({.space = space}), "");
}

TEST(Cqr, RefusesOptionsOutOfRangeByName) {
  const SearchSpace space = mixed_space();
  EXPECT_THROW(make_cqr_search({.space = space, .num_initial = 0}), Error);
  EXPECT_THROW(make_cqr_search({.space = space, .num_candidates = 0}), Error);
  EXPECT_THROW(make_cqr_search({.space = space, .num_candidates = 200'000}), Error);
}

}  // namespace
}  // namespace skipjack
