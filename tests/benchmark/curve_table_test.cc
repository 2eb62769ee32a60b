#include "skipjack/benchmark/curve_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/disguise.h"
#include "skipjack/benchmark/replay.h"

namespace skipjack::benchmark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kHeader =
    R"({"format":"skipjack-curves-1","name":"tiny","space":)" +
    to_json_text(SearchSpace::from_text("x: uniform(0, 10)\nc: [a, b]").to_json()) +
    R"(,"metric":"loss","mode":"min","resource":"epoch","max":2})"
    "\n";
const std::string kRows =
    "[[1.0,\"a\"],[5,4],[1,1]]\n"
    "[[9.0,\"a\"],[3,1],[2,3]]\n"
    "[[1.0,\"b\"],[7,6],[1,1]]\n"
    "[[9.0,\"b\"],[],[0.5]]\n";

std::shared_ptr<const CurveTable> tiny() {
  return std::make_shared<const CurveTable>(parse_curve_table(kHeader + kRows, "tiny"));
}

Configuration at(double x, const char* c) { return Json(Json::Object{{"x", x}, {"c", c}}); }

Evaluation run(const World& world, const Configuration& configuration) {
  Rng rng(1, "test");
  return world.evaluate(configuration, rng);
}

TEST(CurveTable, ReadsWhatTheFormatSays) {
  const auto table = tiny();
  EXPECT_EQ(table->metric.mode, Mode::Min);
  ASSERT_THAT(table->rows, SizeIs(4));
  EXPECT_THAT(table->rows[1].values, ElementsAre(3, 1));
  EXPECT_THAT(table->rows[1].seconds, ElementsAre(2, 5));
  EXPECT_THAT(table->rows[3].values, IsEmpty());
  EXPECT_EQ(table->rows[3].total_seconds, 0.5);
}

TEST(CurveTable, NearestRowFillsTheGaps) {
  const auto world = make_curve_world(tiny(), {});
  EXPECT_EQ(world->true_value(at(4.9, "a")), 4);
  EXPECT_EQ(world->true_value(at(5.1, "a")), 1);
  // Another category is farther than any number.
  EXPECT_EQ(world->true_value(at(4.9, "b")), 6);
  EXPECT_EQ(world->true_value(at(8, "b")), std::nullopt);
  EXPECT_THAT(run(*world, at(8, "b")).curve, IsEmpty());
  const Evaluation evaluation = run(*world, at(8, "a"));
  ASSERT_THAT(evaluation.curve, SizeIs(2));
  EXPECT_EQ(evaluation.curve[0].seconds, 2);
  EXPECT_EQ(evaluation.seconds, 5);
  EXPECT_EQ(world->reference().best, 1);
  EXPECT_EQ(world->reference().median, 4);
}

/// Of 200 rows, values 10 x at level 1 and x at level 2, seconds x a level.
std::shared_ptr<const CurveTable> line() {
  std::string text = kHeader;
  for (int i = 0; i < 200; ++i) {
    const double x = 10 * (i + 0.5) / 200;
    text +=
        to_json_text(Json::Array{Json::Array{x, "a"}, Json::Array{10 * x, x}, Json::Array{x, x}}) +
        "\n";
  }
  return std::make_shared<const CurveTable>(parse_curve_table(text, "line"));
}

TEST(CurveTable, ForestSmoothsBetweenRows) {
  const auto world = make_curve_world(line(), {.gaps = Gaps::Forest});
  std::map<double, int> seen;
  for (const double x : {1.0, 3.3, 5.0, 7.7}) {
    const Evaluation evaluation = run(*world, at(x, "a"));
    EXPECT_NEAR(evaluation.curve[1].value, x, 0.2);
    // The same rows at all levels: curves stay in shape.
    EXPECT_NEAR(evaluation.curve[0].value, 10 * evaluation.curve[1].value, 1e-9);
    EXPECT_NEAR(evaluation.curve[0].seconds, evaluation.curve[1].value, 1e-9);
    EXPECT_EQ(evaluation.seconds, evaluation.curve[1].seconds);
    EXPECT_EQ(world->true_value(at(x, "a")), evaluation.curve[1].value);
  }
}

TEST(CurveTable, SpeedsDifferFromRunToRunIfSaid) {
  const auto world = make_curve_world(tiny(), {.log_speed_deviation = 0.5});
  Rng rng(2, "test");
  const double one = world->evaluate(at(1, "a"), rng).seconds;
  EXPECT_NE(one, world->evaluate(at(1, "a"), rng).seconds);
  EXPECT_THROW(make_curve_world(tiny(), {.log_speed_deviation = -1}), Error);
}

TEST(CurveTable, WhatBreaksTheFormatIsNamed) {
  const auto complaint = [](const std::string& text) -> std::string {
    try {
      parse_curve_table(text, "t");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Corrupted);
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(complaint("{}\n"), HasSubstr("header"));
  EXPECT_THAT(complaint(R"({"format":"skipjack-curves-1","name":"t","space":{"x":3}})"
                        "\n"),
              HasSubstr("no parameter to search"));
  EXPECT_THAT(complaint(kHeader), HasSubstr("no configuration works"));
  EXPECT_THAT(complaint(kHeader + "[[1.0,\"a\"],[5],[1,1]]\n"), HasSubstr("row 1: 1 numbers"));
  EXPECT_THAT(complaint(kHeader + "[[1.0,\"z\"],[5,4],[1,1]]\n"), HasSubstr("row 1"));
  EXPECT_THAT(complaint(kHeader + "[[1.0,\"a\"],[5,NaN],[1,1]]\n"), HasSubstr("out of range"));
  EXPECT_THAT(complaint(kHeader + "[[1.0,\"a\"],[5,4],[1,-1]]\n"), HasSubstr("below 0"));
  EXPECT_THAT(complaint(kHeader + "nonsense\n"), HasSubstr("row 1"));
  EXPECT_THROW(make_curve_world(std::make_shared<const CurveTable>(parse_curve_table(
                                    kHeader + "[[1.0,\"a\"],[5,4],[1,1]]\n", "t")),
                                {}),
               Error);
}

class CurveTables : public ::testing::TestWithParam<const char*> {};

TEST_P(CurveTables, HaveCurvesThatCrossAndCanBeSearched) {
  const auto path = std::filesystem::path(SKIPJACK_BENCH_DATA) / "curves" /
                    (std::string("lcbench_") + GetParam() + ".gz");
  EXPECT_LE(std::filesystem::file_size(path), 200'000u);
  const auto table = std::make_shared<const CurveTable>(read_curve_table(path));
  EXPECT_THAT(table->rows, SizeIs(500));
  int pairs = 0, crossed = 0;
  for (std::size_t i = 0; i + 1 < table->rows.size(); i += 2) {
    const auto& a = table->rows[i].values;
    const auto& b = table->rows[i + 1].values;
    ++pairs;
    crossed += (a[2] < b[2]) != (a[51] < b[51]) ? 1 : 0;
  }
  EXPECT_GT(crossed, pairs / 10);
  const auto world = disguise(make_curve_world(table, {}), {.seed = 1});
  const ReplayResult result = replay(
      *world, {.method = "random", .seed = 1, .time_limit = std::chrono::hours(1), .workers = 4});
  EXPECT_GE(result.best_value_regret, 0);
  EXPECT_LT(result.best_value_regret, 1);
}
INSTANTIATE_TEST_SUITE_P(Tasks, CurveTables, ::testing::Values("3945", "7593", "126026", "167190"));

}  // namespace
}  // namespace skipjack::benchmark
