// Sources carried into another space, and the configurations that a warm start begins with. What
// ought to come out follows from the spaces and values written here.
#include "skipjack/search/warm_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "play.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

Configuration make(Json::Object values) { return Json(std::move(values)); }
Configuration at(double x, double y) { return make({{"x", x}, {"y", y}}); }

const SearchSpace& square() {
  static const SearchSpace space({{"x", uniform(0, 1)}, {"y", uniform(0, 1)}});
  return space;
}

std::string refusal(const Json& json) {
  try {
    source_experiment_from_json(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
    return error.what();
  }
  return "nothing was refused";
}

TEST(SourceExperiment, ComesBackFromJson) {
  const SourceExperiment source{
      .name = "eu-west",
      .mode = Mode::Max,
      .observations = {{at(0.25, 1), 3.5}, {make({{"act", "relu"}, {"n", 7}}), -1e300}}};
  const Json json = to_json(source);
  EXPECT_EQ(source_experiment_from_json(parse_json(to_json_text(json))), source);
}

/// With these lists.
Json source_json(const std::string& lists) { return parse_json(R"({"name": "a", )" + lists + "}"); }
constexpr const char* kNone = R"("parameters": [], "configurations": [], "values": [])";

TEST(SourceExperiment, HoldsEachParameterNameOnce) {
  const SourceExperiment source{.name = "a", .observations = {{at(1, 2), 3}, {at(4, 5), 6}}};
  EXPECT_EQ(to_json(source), parse_json(R"({"name": "a", "mode": "min", "parameters": ["x", "y"],
                           "configurations": [[1.0, 2.0], [4.0, 5.0]], "values": [3.0, 6.0]})"));
}

TEST(SourceExperiment, IsMinimisedIfNothingIsSaid) {
  EXPECT_EQ(source_experiment_from_json(source_json(kNone)).mode, Mode::Min);
}

TEST(SourceExperiment, RefusesValueThatIsNotFiniteByItsPlace) {
  EXPECT_THAT(
      refusal(source_json(R"("parameters": [], "configurations": [[], []], "values": [1, NaN])")),
      HasSubstr("'a', observation 1: value = NaN must be a finite number"));
}

TEST(SourceExperiment, RefusesWhatIsNoConfiguration) {
  EXPECT_THAT(refusal(source_json(R"("parameters": ["x"], "configurations": [[]], "values": [1])")),
              HasSubstr("observation 0: the configuration must be a list of 1 values"));
}

TEST(SourceExperiment, RefusesListsOfDifferentLengths) {
  EXPECT_THAT(refusal(source_json(R"("parameters": [], "configurations": [[]], "values": [])")),
              HasSubstr("1 configurations and 0 values"));
  EXPECT_THAT(refusal(source_json(R"("parameters": [], "configurations": [])")),
              HasSubstr("values must be a list"));
}

TEST(SourceExperiment, RefusesUnknownMode) {
  EXPECT_THAT(refusal(source_json(std::string(R"("mode": "best", )") + kNone)),
              HasSubstr("mode = \"best\""));
}

TEST(SourceExperiment, RefusesMissingName) {
  EXPECT_THAT(refusal(parse_json(std::string("{") + kNone + "}")), HasSubstr("'name'"));
}

TEST(SourceExperiment, HoldsWhatHistoryMeasured) {
  play::Experiment experiment;
  experiment.measured(at(0.1, 0.2), 5);
  experiment.failed(at(0.3, 0.4));
  experiment.start(at(0.5, 0.6));
  experiment.measured(at(0.1, 0.2), 6);
  const SourceExperiment source =
      source_experiment("first", experiment.history(), {.name = "loss", .mode = Mode::Max});
  EXPECT_EQ(source, (SourceExperiment{.name = "first",
                                      .mode = Mode::Max,
                                      .observations = {{at(0.1, 0.2), 5}, {at(0.1, 0.2), 6}}}));
}

CarriedObservation carried(const SearchSpace& space, Configuration configuration) {
  const auto all = carry_over(space, {.name = "s", .observations = {{configuration, 1}}});
  if (all.size() != 1) {
    ADD_FAILURE() << to_json_text(configuration) << " was left out";
    return {};
  }
  return all.front();
}

bool left_out(const SearchSpace& space, Configuration configuration) {
  return carry_over(space, {.name = "s", .observations = {{configuration, 1}}}).empty();
}

TEST(CarryOver, KeepsConfigurationOfSameSpace) {
  const CarriedObservation same = carried(square(), at(0.25, 0.5));
  EXPECT_EQ(same.configuration, at(0.25, 0.5));
  EXPECT_TRUE(same.exact);
}

TEST(CarryOver, TakesNearestNumberOfEachKindOfDomain) {
  const SearchSpace space({{"real", log_uniform(1e-3, 1)},
                           {"integer", log_rand_int(1, 100)},
                           {"grid", fin_range(0, 1, 5)},
                           {"ordinal", ordinal({16, 32, 128})},
                           {"quantised", quantized(uniform(0, 10), 2.5)}});
  const CarriedObservation moved = carried(
      space,
      make({{"real", 7.0}, {"integer", -3}, {"grid", 0.6}, {"ordinal", 90}, {"quantised", 6.2}}));
  EXPECT_EQ(
      moved.configuration,
      make({{"real", 1.0}, {"integer", 1}, {"grid", 0.5}, {"ordinal", 128}, {"quantised", 5.0}}));
  EXPECT_FALSE(moved.exact);
}

TEST(CarryOver, FillsMissingParameterWithMidpointAndConstantWithItsOwnValue) {
  const SearchSpace space({{"x", uniform(0, 1)}, {"y", uniform(0, 4)}, {"epochs", Json(10)}});
  const CarriedObservation filled =
      carried(space, make({{"x", 0.25}, {"epochs", 99}, {"other", "ignored"}}));
  EXPECT_EQ(filled.configuration, make({{"x", 0.25}, {"y", 2.0}, {"epochs", 10}}));
  EXPECT_FALSE(filled.exact);
}

TEST(CarryOver, LeavesOutUnknownCategory) {
  const SearchSpace space({{"act", choice({"relu", "tanh"})}, {"x", uniform(0, 1)}});
  EXPECT_TRUE(left_out(space, make({{"act", "gelu"}, {"x", 0.5}})));
  EXPECT_FALSE(left_out(space, make({{"act", "tanh"}, {"x", 0.5}})));
}

TEST(CarryOver, LeavesOutWhatViolatesConstraint) {
  const SearchSpace space({{"x", uniform(0, 1)}, {"y", uniform(0, 1)}}, {"x + y <= 1"});
  EXPECT_TRUE(left_out(space, at(0.75, 0.5)));
  EXPECT_FALSE(left_out(space, at(0.25, 0.5)));
}

TEST(CarryOver, LeavesOutWhatSharesNoParameter) {
  EXPECT_TRUE(left_out(square(), make({{"a", 0.5}, {"b", 0.5}})));
  EXPECT_TRUE(left_out(square(), make({{"x", std::numeric_limits<double>::quiet_NaN()}})));
}

TEST(CarryOver, StandardisesValuesSoThatSmallerIsBetter) {
  // 1, 2, 3 have mean 2 and deviation sqrt(2/3) or 1, as one counts; maximised, 3 is best.
  const auto all =
      carry_over(square(), {.name = "s",
                            .mode = Mode::Max,
                            .observations = {{at(0, 0), 101}, {at(0, 1), 102}, {at(1, 0), 103}}});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_NEAR(all[1].target, 0, 1e-12);
  EXPECT_NEAR(all[0].target, -all[2].target, 1e-12);
  EXPECT_LT(all[2].target, -0.9);
}

TEST(CarryOver, CopesWithSourceWhoseValuesAreAllEqual) {
  for (const auto& one :
       carry_over(square(), {.name = "s", .observations = {{at(0, 0), 7}, {at(1, 1), 7}}}))
    EXPECT_TRUE(std::isfinite(one.target));
}

/// Of the squared distance from (x, y), on a grid of 21 by 21.
SourceExperiment bowl(std::string name, double x, double y) {
  SourceExperiment source{.name = std::move(name), .observations = {}};
  for (int i = 0; i <= 20; ++i)
    for (int j = 0; j <= 20; ++j) {
      const double a = i / 20.0, b = j / 20.0;
      source.observations.push_back({at(a, b), std::hypot(a - x, b - y) + 1});
    }
  return source;
}

std::vector<Configuration> choose(const SearchSpace& space, std::vector<SourceExperiment> sources,
                                  std::size_t number) {
  return choose_transfer_points({.space = space, .sources = sources, .number = number});
}

TEST(ChooseTransferPoints, BeginsWithBestOfEverySourceInTurn) {
  const auto points = choose(square(), {bowl("a", 0.25, 0.25), bowl("b", 0.75, 0.75)}, 4);
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(points[0], at(0.25, 0.25));
  EXPECT_EQ(points[1], at(0.75, 0.75));
}

TEST(ChooseTransferPoints, AreNoNeighboursOfOneOptimum) {
  const auto points = choose(square(), {bowl("a", 0.5, 0.5)}, 3);
  ASSERT_EQ(points.size(), 3u);
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const double dx = points[i].at("x").as_double() - points[j].at("x").as_double();
      const double dy = points[i].at("y").as_double() - points[j].at("y").as_double();
      // Five of the 441 points lie within 0.05 of the best and would be the top of a plain ranking.
      EXPECT_GT(std::hypot(dx, dy), 0.1);
    }
}

TEST(ChooseTransferPoints, AreAllOfBetterTenth) {
  // Within 0.2 of the middle, 49 of 441 points lie at most sqrt(0.0325) away: no point of the best
  // tenth is farther than that.
  for (const Configuration& point : choose(square(), {bowl("a", 0.5, 0.5)}, 8))
    EXPECT_LT(std::hypot(point.at("x").as_double() - 0.5, point.at("y").as_double() - 0.5), 0.2);
}

TEST(ChooseTransferPoints, FillUpWithNeighboursRatherThanLeaveRoom) {
  const auto points = choose(square(), {bowl("a", 0.5, 0.5)}, 40);
  EXPECT_EQ(points.size(), 40u);
}

TEST(ChooseTransferPoints, NeverTakeWorseHalfOfSource) {
  SourceExperiment source{.name = "s", .observations = {}};
  for (int i = 0; i < 6; ++i) source.observations.push_back({at(i / 5.0, 0), 1.0 + i});
  EXPECT_THAT(choose(square(), {source}, 10),
              UnorderedElementsAre(at(0, 0), at(1 / 5.0, 0), at(2 / 5.0, 0)));
}

TEST(ChooseTransferPoints, JudgeRepeatedMeasurementsByTheirMean) {
  // (1, 1) was lucky once.
  const SourceExperiment source{
      .name = "s",
      .observations = {{at(1, 1), 10.1}, {at(1, 1), 10.9}, {at(0, 0), 10.3}, {at(0, 1), 10.8}}};
  EXPECT_EQ(choose(square(), {source}, 1).front(), at(0, 0));
}

TEST(ChooseTransferPoints, GoByModeOfEachSource) {
  SourceExperiment turned = bowl("a", 0.25, 0.5);
  turned.mode = Mode::Max;
  for (auto& observation : turned.observations) observation.value *= -1;
  EXPECT_EQ(choose(square(), {turned}, 5), choose(square(), {bowl("a", 0.25, 0.5)}, 5));
}

TEST(ChooseTransferPoints, AreFeasibleAndDistinctInAnotherSpace) {
  // The source's optimum lies outside, so that many of its best end on the bound.
  const SearchSpace space({{"x", rand_int(0, 3)}, {"y", uniform(0.4, 0.6)}}, {"x * y <= 1.7"});
  std::uint64_t seed = 1;
  Rng rng(seed, "test");
  SourceExperiment source{.name = "s", .observations = {}};
  for (int i = 0; i < 200; ++i) {
    const double x = rng.uniform(0, 5), y = rng.uniform();
    source.observations.push_back({at(x, y), std::hypot(x - 4.5, y - 0.2)});
  }
  const auto points = choose(space, {source}, 20);
  std::set<std::string> keys;
  for (const Configuration& point : points) {
    EXPECT_TRUE(space.contains(point)) << to_json_text(point);
    EXPECT_TRUE(keys.insert(space.key(point)).second) << to_json_text(point);
  }
  EXPECT_GE(points.size(), 3u);
}

TEST(ChooseTransferPoints, GiveNothingWithoutSources) {
  EXPECT_TRUE(choose(square(), {}, 5).empty());
  EXPECT_TRUE(choose(square(), {{.name = "empty", .observations = {}}}, 5).empty());
}

TEST(ChooseTransferPoints, RefuseNumberZero) {
  EXPECT_THROW(choose(square(), {bowl("a", 0.5, 0.5)}, 0), Error);
}

}  // namespace
}  // namespace skipjack
