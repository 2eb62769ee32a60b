#include "skipjack/tuner/stopping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../thrown.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(StoppingCriterion, RoundTripsThroughJson) {
  StoppingCriterion c{.max_time = 90s,
                      .max_reports = 1,
                      .max_trials_started = 2,
                      .max_trials_completed = 3,
                      .max_trials_finished = 4,
                      .max_cost = 5.5,
                      .cost_metric = "money",
                      .min_metric_value = {{"a", 1.5}},
                      .max_metric_value = {{"b", 2.5}},
                      .plateau = PlateauCriterion{.metric = "a", .mode = Mode::Max, .patience = 3}};
  const Json json = to_json(c);
  EXPECT_EQ(to_json(stopping_criterion_from_json(json)), json);
  EXPECT_EQ(json.as_object().size(), 10u);
}

TEST(StoppingCriterion, NamesAnUnknownField) {
  try {
    stopping_criterion_from_json(Json::Object{{"max_wallclock", 5}});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("'max_wallclock'"));
  }
}

TEST(StoppingCriterion, NamesTheFieldOfTheWrongType) {
  for (const auto& [text, field] : std::vector<std::pair<std::string, std::string>>{
           {R"({"cost_metric": 3})", "cost_metric: "},
           {R"({"max_metric_value": {"acc": "x"}})", "max_metric_value: acc: "},
           {R"({"plateau": 3})", "plateau: "},
           {R"({"plateau": {"metric": 3}})", "plateau.metric: "},
           {R"({"plateau": {"patience": "x"}})", "plateau.patience: "}})
    EXPECT_THAT(
        error_of([&, &json = text] { stopping_criterion_from_json(parse_json(json)); }).what(),
        testing::StartsWith(field));
}

TEST(Progress, RemainingFractionIsTheSmallestOfAllBounds) {
  Progress progress({.max_time = 100s, .max_trials_started = 4});
  History history;
  const Event started{.number = 0, .body = TrialStarted{.trial = 0}};
  history.apply(started);
  progress.apply(started, history);
  EXPECT_DOUBLE_EQ(*progress.remaining_fraction(10s), 0.75);
  EXPECT_DOUBLE_EQ(*progress.remaining_fraction(60s), 0.4);
  EXPECT_DOUBLE_EQ(*progress.remaining_fraction(200s), 0.0);
  EXPECT_EQ(Progress({}).remaining_fraction(10s), std::nullopt);
}

}  // namespace
}  // namespace skipjack
