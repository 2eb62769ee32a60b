// Searchers that go by earlier experiments alone: what of these comes first, against orders, ranks
// and boxes worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

#include "play.h"
#include "skipjack/base/error.h"
#include "skipjack/search/bounding_box.h"
#include "skipjack/search/quantile_transfer.h"
#include "skipjack/search/random.h"
#include "skipjack/search/source_table.h"
#include "skipjack/search/zero_shot.h"

namespace skipjack {
namespace {

using play::Experiment;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

using Function = std::function<double(const Configuration&)>;

const SearchSpace& plane() {
  static const SearchSpace space({{"x", uniform(0, 1)}, {"y", uniform(0, 1)}});
  return space;
}

Configuration at(double x, double y) { return Json::Object{{"x", x}, {"y", y}}; }

double bowl(const Configuration& c) {
  const double x = c.at("x").as_double() - 0.8, y = c.at("y").as_double() - 0.3;
  return x * x + y * y;
}

SourceExperiment sampled(const Function& function, std::uint64_t seed, int size = 60,
                         const SearchSpace& space = plane()) {
  SourceExperiment source{.name = "elsewhere", .observations = {}};
  Rng rng(seed, "source", 0);
  for (int i = 0; i < size; ++i) {
    const Configuration configuration = *space.sample(rng);
    source.observations.push_back({configuration, function(configuration)});
  }
  return source;
}

/// Of x = 0, 1, 2, ... in this order.
SourceExperiment of_values(std::vector<double> values, Mode mode = Mode::Min) {
  SourceExperiment source{.name = "table", .mode = mode, .observations = {}};
  for (std::size_t i = 0; i < values.size(); ++i)
    source.observations.push_back({Json::Object{{"x", static_cast<int>(i)}}, values[i]});
  return source;
}

std::vector<Configuration> proposals(Searcher& searcher, int number) {
  std::vector<Configuration> result;
  Experiment experiment;
  for (int i = 0; i < number; ++i) {
    result.push_back(play::next(searcher, experiment));
    experiment.measured(result.back(), 1);
  }
  return result;
}

double mean_of(const Function& function, const std::vector<Configuration>& configurations) {
  double sum = 0;
  for (const Configuration& c : configurations) sum += function(c);
  return sum / static_cast<double>(configurations.size());
}

TEST(SourceTable, RepetitionsAreOneAndTheBestIsFirst) {
  const SourceExperiment source{
      .name = "s",
      .mode = Mode::Max,
      .observations = {{at(0.1, 0.1), 1}, {at(0.2, 0.2), 5}, {at(0.1, 0.1), 3}}};
  const SourceTable table = tabulate_sources(plane(), std::span(&source, 1));
  EXPECT_THAT(table.configurations, ElementsAre(at(0.1, 0.1), at(0.2, 0.2)));
  ASSERT_EQ(table.sources.at(0).size(), 2u);
  EXPECT_EQ(table.sources[0][0].configuration, 1u);
  EXPECT_LT(table.sources[0][0].target, table.sources[0][1].target);
}

TEST(SourceTable, KnowsWhatWasMovedIntoTheSpace) {
  const SourceExperiment source{
      .name = "s",
      .observations = {{at(0.1, 0.1), 1}, {at(0.2, 7), 0}, {Json::Object{{"z", 1}}, 0}}};
  const SourceTable table = tabulate_sources(plane(), std::span(&source, 1));
  EXPECT_THAT(table.configurations, ElementsAre(at(0.1, 0.1), at(0.2, 1.0)));
  EXPECT_FALSE(table.sources.at(0).at(0).exact);
  EXPECT_TRUE(table.sources[0].at(1).exact);
}

TEST(Ranks, EqualValuesShareTheMeanOfTheirs) {
  EXPECT_THAT(shared_ranks(std::vector<double>{5, 1, 5, 0, 5}), ElementsAre(4, 2, 4, 1, 4));
  EXPECT_TRUE(shared_ranks({}).empty());
}

TEST(NormalScores, AreQuantilesOfTheNormalDistribution) {
  // Printed tables: 7/8 is at 1.15035, 5/8 at 0.31864.
  EXPECT_THAT(normal_scores(std::vector<double>{100, -3, 0.5, 1e9}),
              Pointwise(DoubleNear(1e-5), {0.31864, -1.15035, -0.31864, 1.15035}));
  EXPECT_THAT(normal_scores(std::vector<double>{2, 2, 2}),
              Pointwise(DoubleNear(1e-12), {0.0, 0.0, 0.0}));
}

TEST(Portfolio, EachAddsMostToThoseBeforeIt) {
  // Sums are 5, 4, 6, 5: the second. Beside it the first and the last come to 3, the third to 4;
  // with the first the last comes to 2. The third adds nothing to any of them.
  EXPECT_THAT(portfolio_order({{1, 2, 3, 4}, {4, 2, 3, 1}}), ElementsAre(1, 0, 3, 2));
}

TEST(Portfolio, OfOneSourceIsItsOrder) {
  EXPECT_THAT(portfolio_order({{3, 1, 4, 2}}), ElementsAre(1, 3, 0, 2));
}

TEST(Portfolio, WhatIsLeftIsAPortfolioAgain) {
  // The first is best in both; of the others the last is better on average.
  EXPECT_THAT(portfolio_order({{1, 2, 5, 3}, {1, 5, 3, 2}}), ElementsAre(0, 3, 1, 2));
}

TEST(ZeroShot, ProposesThePortfolioOfATableThenTheRest) {
  const SearchSpace space({{"x", rand_int(0, 5)}});
  // The better halves are 0, 2, 1 and (larger is better) 1, 3, 4. Ranks of 0 to 4 are 1 3 2 4 5
  // and 5 1 4 2 3: first 1, with a sum of 4; 0 beside it comes to 2, which is the least.
  const auto searcher =
      make_zero_shot_search({.space = space,
                             .sources = {of_values({1, 3, 2, 4, 5, 6}),
                                         of_values({-600, -1, -400, -2, -300, -500}, Mode::Max)}});
  std::vector<std::int64_t> order;
  for (const Configuration& c : proposals(*searcher, 6)) order.push_back(c.at("x").as_int());
  // Of 2, 3, 4, whose sums are 6, 6, 8, the first; beside it 3 comes to 4, and 4 to 5. 5 is random.
  EXPECT_THAT(order, ElementsAre(1, 0, 2, 3, 4, 5));
}

TEST(ZeroShot, SourcesWithoutCommonConfigurationsAreComparedByTheirModels) {
  const auto searcher = make_zero_shot_search(
      {.space = plane(), .sources = {sampled(bowl, 1), sampled(bowl, 2), sampled(bowl, 3)}});
  const std::vector<Configuration> first = proposals(*searcher, 5);
  const auto random = make_random_search({.space = plane(), .seed = 1});
  EXPECT_LT(mean_of(bowl, first), 0.1 * mean_of(bowl, proposals(*random, 200)));
}

TEST(ZeroShot, GoesOnAtRandomAfterTheBetterHalf) {
  const SourceExperiment source = sampled(bowl, 1, 10);
  const auto searcher = make_zero_shot_search({.space = plane(), .sources = {source}});
  std::set<std::string> known;
  for (const auto& observation : source.observations)
    known.insert(plane().key(observation.configuration));
  const std::vector<Configuration> all = proposals(*searcher, 12);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(known.contains(plane().key(all[i])), i < 5) << i;
}

TEST(ZeroShot, LeavesOutWhatWasTried) {
  const SourceExperiment source = sampled(bowl, 1);
  const auto searcher = make_zero_shot_search({.space = plane(), .sources = {source}});
  const std::vector<Configuration> first = proposals(*searcher, 2);
  Experiment experiment;
  experiment.failed(first[0]);
  EXPECT_EQ(play::next(*searcher, experiment), first[1]);
}

TEST(QuantileTransfer, BeginsWhereSourcesAreGood) {
  // Units, offsets and shape differ.
  const auto searcher = make_quantile_transfer_search(
      {.space = plane(),
       .seed = 5,
       .sources = {sampled(bowl, 1),
                   sampled([](const auto& c) { return 1e6 * std::exp(9 * bowl(c)) - 40; }, 2)}});
  const auto random = make_random_search({.space = plane(), .seed = 1});
  EXPECT_LT(mean_of(bowl, proposals(*searcher, 30)), 0.3 * mean_of(bowl, proposals(*random, 200)));
}

TEST(QuantileTransfer, KnowsNothingButTheOrderWithinASource) {
  const auto first = [](const SourceExperiment& source) {
    const auto searcher =
        make_quantile_transfer_search({.space = plane(), .seed = 5, .sources = {source}});
    return proposals(*searcher, 10);
  };
  const SourceExperiment plain = sampled(bowl, 1);
  SourceExperiment bent = plain, turned = plain;
  turned.mode = Mode::Max;
  for (auto& observation : bent.observations) observation.value = std::exp(observation.value);
  for (auto& observation : turned.observations) observation.value = -3 * observation.value;
  EXPECT_EQ(first(bent), first(plain));
  EXPECT_EQ(first(turned), first(plain));
}

TEST(QuantileTransfer, ScoreRanksTheGoodFirst) {
  const auto searcher =
      make_quantile_transfer_search({.space = plane(), .sources = {sampled(bowl, 1)}});
  const std::vector<Configuration> both = {at(0.1, 0.9), at(0.8, 0.3)};
  const std::vector<double> scores = searcher->score(History(), both, std::nullopt);
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_GT(scores[1], scores[0]);
}

TEST(QuantileTransfer, RefusesOptionsOutOfRange) {
  EXPECT_THROW(make_quantile_transfer_search({.space = plane(), .num_candidates = 0}), Error);
  EXPECT_THROW(make_quantile_transfer_search({.space = plane(), .max_fit_samples = 2}), Error);
}

TEST(BoundingBox, SpansTheBestOfEachSource) {
  const std::vector<SourceExperiment> sources = {
      {.name = "a", .observations = {{at(0.2, 0.5), 1}, {at(0.9, 0.9), 2}}},
      {.name = "b", .mode = Mode::Max, .observations = {{at(0.6, 0.52), 9}, {at(0.1, 0.1), 2}}}};
  const SearchSpace box = bounding_box({.space = plane(), .sources = sources});
  const auto x = std::get<FloatDomain>(box.searched().at(0).second);
  EXPECT_EQ(x, (FloatDomain{.lower = 0.2, .upper = 0.6}));
  // Two hundredths apart, widened to a tenth about their middle.
  const auto y = std::get<FloatDomain>(box.searched().at(1).second);
  EXPECT_NEAR(y.lower, 0.46, 1e-12);
  EXPECT_NEAR(y.upper, 0.56, 1e-12);
  const SearchSpace all =
      bounding_box({.space = plane(), .sources = sources, .number_per_source = 2});
  EXPECT_EQ(std::get<FloatDomain>(all.searched().at(0).second),
            (FloatDomain{.lower = 0.1, .upper = 0.9}));
}

TEST(BoundingBox, HoldsThePointsThatItIsGiven) {
  const std::vector<SourceExperiment> sources = {
      {.name = "a", .observations = {{at(0.5, 0.5), 1}}}};
  const std::vector<Configuration> points = {at(0.0, 0.5)};
  const SearchSpace box = bounding_box({.space = plane(), .sources = sources, .points = points});
  EXPECT_TRUE(box.contains(points[0]));
  EXPECT_TRUE(box.contains(at(0.5, 0.5)));
  EXPECT_FALSE(box.contains(at(0.6, 0.5)));
}

SearchSpace every_kind() {
  return SearchSpace({{"lr", log_uniform(1e-6, 1)},
                      {"units", log_rand_int(16, 512)},
                      {"act", choice({"relu", "tanh", "gelu", "elu"})},
                      {"depth", rand_int(1, 20)},
                      {"batch", ordinal({16, 32, 64, 128})},
                      {"steps", log_fin_range(0.001, 10, 9)},
                      {"drop", quantized(uniform(0, 0.95), 0.1)},
                      {"odd", quantized(rand_int(1, 99), 3)},
                      {"one", rand_int(3, 3)},
                      {"epochs", Json(10)}});
}

TEST(BoundingBox, LiesInTheSpaceAndHoldsTheBestWhateverTheDomains) {
  const SearchSpace space = every_kind();
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Function value = [&](const Configuration& c) { return c.at("lr").as_double(); };
    const std::vector<SourceExperiment> sources = {sampled(value, seed, 6, space),
                                                   sampled(value, seed + 100, 6, space)};
    const SearchSpace box = bounding_box({.space = space, .sources = sources});
    for (const SourceExperiment& source : sources) {
      const auto best =
          std::min_element(source.observations.begin(), source.observations.end(),
                           [](const auto& a, const auto& b) { return a.value < b.value; });
      EXPECT_TRUE(box.contains(best->configuration)) << to_json_text(best->configuration);
    }
    Rng rng(seed);
    for (int i = 0; i < 100; ++i) {
      const Configuration inside = *box.sample(rng);
      ASSERT_TRUE(space.contains(inside)) << to_json_text(inside);
    }
  }
}

TEST(BoundingBox, KeepsTheCategoriesThatOccurInTheirOrder) {
  const SearchSpace space({{"act", choice({"relu", "tanh", "gelu"})}, {"x", uniform(0, 1)}});
  const auto best = [](const char* act) {
    return SourceExperiment{.name = act, .observations = {{Json::Object{{"act", act}}, 0}}};
  };
  const std::vector<SourceExperiment> sources = {best("gelu"), best("relu")};
  const SearchSpace box = bounding_box({.space = space, .sources = sources});
  EXPECT_EQ(std::get<CategoricalDomain>(box.searched().at(0).second).categories,
            (std::vector<Json>{"relu", "gelu"}));
  // No source had it.
  EXPECT_EQ(box.searched().at(1).second, uniform(0, 1));
}

TEST(BoundingBox, LeavesWhatExpressionsMayName) {
  const SearchSpace space({{"optimizer", choice({"sgd", "adam"})},
                           {"momentum", uniform(0, 1)},
                           {"beta", uniform(0, 1)}},
                          {"optimizer != 'adam' or beta < 0.9"},
                          {{"momentum", "optimizer == 'sgd'"}, {"beta", "optimizer == 'adam'"}});
  const std::vector<SourceExperiment> sources = {
      {.name = "a", .observations = {{Json::Object{{"optimizer", "sgd"}, {"momentum", 0.9}}, 1}}}};
  const SearchSpace box = bounding_box({.space = space, .sources = sources});
  EXPECT_EQ(box.searched().at(0).second, choice({"sgd", "adam"}));
  EXPECT_NEAR(std::get<FloatDomain>(box.searched().at(1).second).lower, 0.85, 1e-12);
  EXPECT_EQ(box.searched().at(2).second, uniform(0, 1));
}

TEST(BoundingBox, RefusesOptionsOutOfRange) {
  EXPECT_THROW(bounding_box({.space = plane(), .number_per_source = 0}), Error);
  EXPECT_THROW(bounding_box({.space = plane(), .least_side = 0}), Error);
  EXPECT_THROW(bounding_box({.space = plane(), .least_side = 1.5}), Error);
}

}  // namespace
}  // namespace skipjack
