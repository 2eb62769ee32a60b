// What methods that go by earlier experiments make of options and sources.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skipjack/base/error.h"
#include "skipjack/method/method.h"

namespace skipjack {
namespace {

using testing::HasSubstr;

Configuration at(int a, double b) {
  return Json::Object{{"a", a}, {"b", b}, {"c", "x"}, {"epochs", 9}};
}

MethodOptions options(Json::Object own = {}) {
  return {.space = SearchSpace({{"a", rand_int(0, 9)},
                                {"b", uniform(0, 1)},
                                {"c", choice({"x", "y"})},
                                {"epochs", Json(9)}}),
          .metrics = {{.name = "loss"}},
          .seed = 4,
          .sources = {{.name = "one", .observations = {{at(2, 0.25), 1}, {at(9, 0.9), 2}}},
                      {.name = "other", .observations = {{at(3, 0.5), 30}, {at(0, 0.0), 60}}}},
          .options = Json(std::move(own))};
}

std::string refused(std::string_view method, const MethodOptions& o) {
  try {
    make_scheduler(method, o);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    return error.what();
  }
  return "";
}

/// The first of what a scheduler starts with so many free workers.
std::vector<Configuration> starts(std::string_view method, const MethodOptions& o, int number) {
  const auto scheduler = make_scheduler(method, o);
  History history;
  std::vector<Configuration> result;
  for (std::int64_t i = 0; i < number; ++i) {
    const auto commands = scheduler->decide({.history = history, .free_workers = 1});
    const auto* start = commands.empty() ? nullptr : std::get_if<Start>(&commands[0]);
    if (!start) break;
    result.push_back(start->configuration);
    const Event event{.number = i,
                      .time = Duration(i),
                      .unix_time = 0,
                      .body = TrialStarted{.trial = i, .configuration = start->configuration}};
    history.apply(event);
    scheduler->apply(event, history);
  }
  return result;
}

TEST(BoundingBoxRecipe, SearchesInTheBoxByAnyMethod) {
  for (const char* searcher : {"random", "sobol", "bayesopt", "tpe", "rea"}) {
    const auto all = starts("bounding_box", options({{"searcher", searcher}}), 8);
    ASSERT_EQ(all.size(), 8u) << searcher;
    for (const Configuration& c : all) {
      EXPECT_THAT(c.at("a").as_int(), testing::AllOf(testing::Ge(2), testing::Le(3)));
      EXPECT_THAT(c.at("b").as_double(), testing::AllOf(testing::Ge(0.25), testing::Le(0.5)));
      EXPECT_EQ(c.at("c"), Json("x"));
      EXPECT_EQ(c.at("epochs"), Json(9));
    }
  }
  EXPECT_NE(starts("bounding_box", options({{"searcher", "sobol"}}), 8),
            starts("bounding_box", options(), 8));
}

TEST(BoundingBoxRecipe, OptionsReachTheSearcherAndTheBox) {
  EXPECT_THAT(refused("bounding_box",
                      options({{"searcher", "rea"},
                               {"searcher_options", Json::Object{{"population_size", 0}}}})),
              HasSubstr("population_size = 0"));
  EXPECT_THAT(refused("bounding_box", options({{"least_side", 0.0}})), HasSubstr("least_side"));
  EXPECT_THAT(refused("bounding_box", options({{"num_hyperparameters_per_task", 0}})),
              HasSubstr("num_hyperparameters_per_task"));
  bool is_wide = false;
  for (const Configuration& c :
       starts("bounding_box", options({{"num_hyperparameters_per_task", 2}}), 20))
    is_wide = is_wide || c.at("b").as_double() > 0.5;
  EXPECT_TRUE(is_wide);
}

TEST(BoundingBoxRecipe, BeginsWithThePointsGivenWhereverTheyLie) {
  MethodOptions o = options();
  o.points_to_evaluate = {Json::Object{{"a", 9}, {"b", 1.0}, {"c", "y"}}};
  const auto all = starts("bounding_box", o, 2);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].at("a"), Json(9));
  EXPECT_EQ(all[0].at("c"), Json("y"));
}

TEST(BoundingBoxRecipe, EndsWhenAFiniteBoxIsUsedUp) {
  MethodOptions o = options();
  o.space = SearchSpace({{"a", rand_int(0, 9)}});
  EXPECT_EQ(starts("bounding_box", o, 8).size(), 2u);
}

TEST(BoundingBoxRecipe, RefusesWhatCanNotSearchInABox) {
  for (const char* searcher : {"asha", "bounding_box", "zero_shot", "mo_bayesopt"})
    EXPECT_THAT(refused("bounding_box", options({{"searcher", searcher}})),
                HasSubstr("can't search in a box"))
        << searcher;
  EXPECT_THAT(refused("bounding_box", options({{"searcher", "magic"}})), HasSubstr("'magic'"));
}

TEST(TransferRecipes, WantOneObjective) {
  for (const char* method :
       {"bounding_box", "zero_shot", "quantile_transfer", "asha_quantile_transfer"}) {
    MethodOptions several = options();
    several.metrics = {{.name = "x"}, {.name = "y"}};
    EXPECT_THAT(refused(method, several), HasSubstr("exactly one objective")) << method;
  }
}

TEST(TransferRecipes, ZeroShotBeginsWithWhatIsBestInTheSources) {
  const auto all = starts("zero_shot", options(), 2);
  EXPECT_THAT(all, testing::UnorderedElementsAre(at(2, 0.25), at(3, 0.5)));
}

TEST(TransferRecipes, OptionsOfQuantileTransferReachIt) {
  EXPECT_THAT(refused("quantile_transfer", options({{"num_candidates", 0}})),
              HasSubstr("num_candidates = 0"));
  EXPECT_THAT(refused("quantile_transfer", options({{"max_fit_samples", 1}})),
              HasSubstr("max_fit_samples = 1"));
}

}  // namespace
}  // namespace skipjack
