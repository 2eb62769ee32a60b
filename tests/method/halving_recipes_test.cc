#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../thrown.h"
#include "skipjack/method/method.h"

namespace skipjack {
namespace {

using ::testing::HasSubstr;

SearchSpace space() {
  return SearchSpace({{"a", rand_int(0, 9)}, {"b", uniform(0, 1)}, {"rounds", Json(9)}});
}

MethodOptions options(Json::Object own) {
  return {.space = space(), .metrics = {{.name = "loss"}}, .options = std::move(own)};
}

std::string refused(std::string_view method, MethodOptions options) {
  return message_of([&] { make_scheduler(method, options); });
}

Start first_start(Scheduler& scheduler) {
  const History history;
  auto commands = scheduler.decide({.history = history, .free_workers = 1});
  return std::get<Start>(commands.at(0));
}

TEST(HalvingRecipes, SayWhatOptionIsWrong) {
  for (const auto& [key, value] : Json::Object{{"max_t", 1},
                                               {"max_t", "nine"},
                                               {"type", "both"},
                                               {"brackets", 0},
                                               {"brackets", 99},
                                               {"rung_system_per_bracket", 1},
                                               {"grace_period", 9},
                                               {"reduction_factor", 1},
                                               {"rung_increment", 0},
                                               {"rung_levels", 3},
                                               {"searcher", "tpe"}}) {
    Json::Object own = {{key, value}};
    if (key != "max_t") own.emplace_back("max_t", 9);
    EXPECT_THAT(refused("asha", options(std::move(own))), HasSubstr(key)) << to_json_text(value);
  }
  EXPECT_THAT(refused("asha", options({{"max_t", 9}, {"brackets", 99}})),
              HasSubstr("brackets = 99 must be in [1, 3]"));
  EXPECT_THAT(refused("rush", options({{"max_t", 9}, {"num_threshold_candidates", 0}})),
              HasSubstr("num_threshold_candidates = 0"));
  EXPECT_THAT(refused("rush", options({{"max_t", 9}, {"num_hyperparameters_per_task", 0}})),
              HasSubstr("num_hyperparameters_per_task"));
  EXPECT_THAT(refused("median_stopping", options({{"rank_cutoff", 2}})), HasSubstr("rank_cutoff"));
}

TEST(HalvingRecipes, FindTheLargestResource) {
  EXPECT_THAT(refused("asha", options({})), HasSubstr("nothing says where they end"));
  EXPECT_EQ(first_start(*make_scheduler("asha", options({{"max_t", 27}}))).max_resource, 27);
  EXPECT_EQ(
      first_start(*make_scheduler("asha", options({{"max_resource_attr", "rounds"}}))).max_resource,
      9);
  MethodOptions named = options({});
  named.max_resource_attr = "rounds";
  EXPECT_EQ(first_start(*make_scheduler("asha", named)).max_resource, 9);
}

TEST(HalvingRecipes, WantOneObjectiveAndNoConstraints) {
  for (const char* method :
       {"asha", "hyperband", "pasha", "rush", "cost_asha", "median_stopping"}) {
    Json::Object own;
    if (std::string_view(method) != "median_stopping") own.emplace_back("max_t", 9);
    MethodOptions several = options(own);
    several.metrics = {{.name = "x"}, {.name = "y"}};
    EXPECT_THAT(refused(method, several), HasSubstr("exactly one objective")) << method;
    MethodOptions constrained = options(own);
    constrained.metrics.push_back({.name = "y", .role = MetricRole::Constraint});
    EXPECT_THAT(refused(method, constrained), HasSubstr("can't keep a measured constraint"));
  }
}

TEST(HalvingRecipes, AreNotCapped) {
  MethodOptions timed = options({{"max_t", 9}, {"cap", true}});
  timed.metrics.front().kind = MetricKind::Time;
  EXPECT_THAT(refused("asha", timed), HasSubstr("ends bad trials by itself"));
}

TEST(HalvingRecipes, RushBeginsWithTheBestOfEarlierExperiments) {
  MethodOptions rush = options({{"max_t", 9}});
  rush.sources = {{.name = "before",
                   .mode = Mode::Max,
                   .observations = {{Json::Object{{"a", 1}, {"b", 0.25}}, 0.5},
                                    {Json::Object{{"a", 7}, {"b", 0.75}}, 0.9}}}};
  const Configuration first = first_start(*make_scheduler("rush", rush)).configuration;
  EXPECT_EQ(first.at("a"), Json(7));
  EXPECT_EQ(first.at("b"), Json(0.75));
}

TEST(HalvingRecipes, SearchersAreThoseNamed) {
  const auto first = [](const char* searcher) {
    return first_start(*make_scheduler("asha", options({{"max_t", 9}, {"searcher", searcher}})))
        .configuration;
  };
  EXPECT_EQ(first("random"), first_start(*make_scheduler("random", options({}))).configuration);
  EXPECT_EQ(first("sobol"), first_start(*make_scheduler("sobol", options({}))).configuration);
  EXPECT_EQ(first("grid"), first_start(*make_scheduler("grid", options({}))).configuration);
}

TEST(HalvingRecipes, MedianStoppingTakesAnyMethodButItself) {
  const auto first = [](Json::Object own) {
    return first_start(*make_scheduler("median_stopping", options(std::move(own)))).configuration;
  };
  EXPECT_EQ(first({}), first_start(*make_scheduler("random", options({}))).configuration);
  EXPECT_EQ(first({{"scheduler", "asha"}, {"scheduler_options", Json::Object{{"max_t", 9}}}}),
            first({}));
  const Json::Object coarse = {{"num_samples", Json::Object{{"a", 1}, {"b", 1}}}};
  EXPECT_EQ(first({{"scheduler", "grid"}, {"scheduler_options", coarse}}).at("b"), Json(0.5));
  EXPECT_THAT(refused("median_stopping", options({{"scheduler", "MedianStoppingRule"}})),
              HasSubstr("around itself"));
  EXPECT_THAT(refused("median_stopping", options({{"scheduler", "magic"}})), HasSubstr("magic"));
  EXPECT_THAT(
      refused("median_stopping", options({{"scheduler_options", Json::Object{{"magic", 1}}}})),
      HasSubstr("magic"));
}

}  // namespace
}  // namespace skipjack
