#include "skipjack/benchmark/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "skipjack/base/error.h"

namespace skipjack::benchmark {
namespace {

using ::testing::HasSubstr;

// Two ordered levels, three categories; (1, 2) is missing: it failed.
constexpr const char* kSmall =
    "small 2 5\n2 0 3 1\n"
    "0 0 2 1.0 3.0\n0 1 1 4\n0 2 1 8.0\n1 0 1 16.0\n1 1 1 0.5\n";

std::shared_ptr<const Table> small() {
  return std::make_shared<const Table>(parse_table(kSmall, "small"));
}
Configuration row(std::int64_t p0, const char* p1) {
  return Json(Json::Object{{"p0", p0}, {"p1", p1}});
}
Rng rng(std::uint64_t number = 0) { return Rng(1, "draw", number); }

TEST(Table, KnowsMeansBestAndMedian) {
  const auto table = small();
  EXPECT_EQ(table->name, "small");
  ASSERT_EQ(table->columns.size(), 2u);
  EXPECT_TRUE(table->columns[1].unordered);
  EXPECT_EQ(table->rows.size(), 5u);
  EXPECT_EQ(table->rows.at(0).mean, 2);
  EXPECT_EQ(table->best_mean, 0.5);
  EXPECT_EQ(table->median_mean, 4);
}

TEST(Table, RefusesWhatBreaksTheFormatAndNamesTheRow) {
  const auto message = [](const std::string& text) {
    try {
      parse_table(text, "bad");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::Corrupted);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message(""), HasSubstr("an integer is due"));
  EXPECT_THAT(message("t 1 2\n2 0\n0 1 1.0\n2 1 2.0\n"), HasSubstr("row 1"));
  EXPECT_THAT(message("t 1 2\n2 0\n0 1 1.0\n1 1 x\n"), HasSubstr("'x'"));
  EXPECT_THAT(message("t 1 2\n2 0\n0 1 1.0\n1 1 nan\n"), HasSubstr("1e100"));
  EXPECT_THAT(message("t 1 2\n2 0\n0 1 1.0\n1 1 1e200\n"), HasSubstr("1e100"));
  EXPECT_THAT(message("t 1 2\n20000 1\n"), HasSubstr("categories"));
  EXPECT_THAT(message("t 1 2\n2 0\n0 1 1.0\n0 1 2.0\n"), HasSubstr("twice"));
  EXPECT_THAT(message("t 1 2\n2 0\n0 1 1.0\n1 0\n"), HasSubstr("[1, "));
  EXPECT_THAT(message("t 1 2\n2 0\n0 1 1.0\n1 1 2.0\n0"), HasSubstr("goes on"));
  EXPECT_THAT(message("t 1 2\n2 0\n0 1 1.0\n1 1 1.0\n"), HasSubstr("flat"));
  EXPECT_THAT(message("t 2 2\n9007199254740992 0 2 0\n"), HasSubstr("2^53"));
  EXPECT_THAT(message("t 9999999 2\n"), HasSubstr("9999999"));
}

TEST(Table, MissingFileIsNotFoundAndDamagedGzipCorrupted) {
  try {
    read_table("/nonexistent/table.gz");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::NotFound);
  }
}

TEST(Table, EveryTableOfTheProjectReads) {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(SKIPJACK_BENCH_DATA) + "/tables")) {
    const Table table = read_table(entry.path());
    EXPECT_EQ(table.name + ".txt.gz", entry.path().filename().string());
    ++count;
  }
  EXPECT_EQ(count, 9);
}

TEST(TableWorld, DrawsRepeatsAndFailsWhereThereIsNoRow) {
  const auto world = make_table_world(small(), {});
  std::set<double> seen;
  for (std::uint64_t i = 0; i < 30; ++i) {
    Rng draw = rng(i);
    const Evaluation run = world->evaluate(row(0, "v0"), draw);
    seen.insert(run.curve.at(0).value);
    EXPECT_GT(run.seconds, 0);
  }
  EXPECT_EQ(seen, (std::set<double>{1, 3}));
  EXPECT_EQ(*world->true_value(row(0, "v0")), 2);
  EXPECT_NEAR(normalised_regret(*world, row(0, "v0")), 1.5 / 3.5, 1e-12);
  Rng draw = rng();
  EXPECT_TRUE(world->evaluate(row(1, "v2"), draw).curve.empty());
  EXPECT_EQ(world->true_value(row(1, "v2")), std::nullopt);
  EXPECT_EQ(normalised_regret(*world, row(1, "v2")), std::numeric_limits<double>::infinity());
}

TEST(TableWorld, TimesLastAsLongAsTheySayInSeconds) {
  const auto world = make_table_world(small(), {.seconds_per_unit = 1e-3});
  EXPECT_EQ(world->metric().kind, MetricKind::Time);
  Rng draw = rng();
  const Evaluation run = world->evaluate(row(1, "v0"), draw);
  EXPECT_DOUBLE_EQ(run.curve.at(0).value, 0.016);
  EXPECT_DOUBLE_EQ(run.seconds, 0.016);
  EXPECT_DOUBLE_EQ(world->reference().best, 0.5e-3);
  EXPECT_EQ(world->evaluate(row(1, "v2"), draw).seconds, 0);
}

TEST(TableWorld, RunsAreReportedWithTheTotalThatTheyProject) {
  // The first run is the first repeat; the two others are 2 and 3 or 2 and 4 or 3 and 4.
  const auto table = std::make_shared<const Table>(
      parse_table("t 1 2\n2 0\n0 4 8.0 2.0 3.0 4.0\n1 4 20.0 20.0 20.0 20.0\n", "t"));
  const auto world = make_table_world(table, {.seconds_per_unit = 1e-3, .num_runs = 3});
  EXPECT_EQ(world->resource().name, "run");
  EXPECT_EQ(world->resource().max, 3);
  const Configuration first = Json::Object{{"p0", 0}};
  std::set<double> totals;
  for (std::uint64_t i = 0; i < 30; ++i) {
    Rng draw = rng(i);
    const Evaluation run = world->evaluate(first, draw);
    ASSERT_EQ(run.curve.size(), 3u);
    EXPECT_DOUBLE_EQ(run.curve[0].value, 0.024);
    EXPECT_DOUBLE_EQ(run.curve[0].seconds, 0.008);
    EXPECT_DOUBLE_EQ(run.curve[1].value, 1.5 * run.curve[1].seconds);
    EXPECT_DOUBLE_EQ(run.curve[2].value, run.curve[2].seconds);
    EXPECT_EQ(run.seconds, run.curve[2].seconds);
    totals.insert(std::round(1e6 * run.seconds));
  }
  EXPECT_EQ(totals, (std::set<double>{13000, 14000, 15000}));
  EXPECT_DOUBLE_EQ(*world->true_value(first), 0.014);
  EXPECT_DOUBLE_EQ(world->reference().best, 0.014);
  EXPECT_DOUBLE_EQ(world->reference().median, 0.037);
}

TEST(TableWorld, SettingUpComesBeforeTheFirstRunAndCounts) {
  const auto table =
      std::make_shared<const Table>(parse_table("t 1 2\n2 0\n0 2 2.0 2.0\n1 2 20.0 20.0\n", "t"));
  const auto world =
      make_table_world(table, {.seconds_per_unit = 1, .num_runs = 2, .setup_share = 0.5});
  for (const int p0 : {0, 1}) {
    const Configuration configuration = Json::Object{{"p0", p0}};
    Rng draw = rng();
    const Evaluation run = world->evaluate(configuration, draw);
    const double each = p0 == 0 ? 2 : 20, setup = run.seconds - 2 * each;
    // Half of the best one's four seconds, give or take three deviations of the logarithm.
    EXPECT_GT(setup, 2 * std::exp(-1.5));
    EXPECT_LT(setup, 2 * std::exp(1.5));
    EXPECT_DOUBLE_EQ(run.curve[0].seconds, setup + each);
    EXPECT_DOUBLE_EQ(*world->true_value(configuration), run.seconds);
  }
}

TEST(TableWorld, RefusesRunsThatTheTableDoesNotHold) {
  EXPECT_THROW(make_table_world(small(), {.seconds_per_unit = 1, .num_runs = 2}), Error);
  EXPECT_THROW(make_table_world(small(), {.num_runs = 2}), Error);
  EXPECT_THROW(make_table_world(small(), {.seconds_per_unit = 1, .num_runs = 0}), Error);
  EXPECT_THROW(make_table_world(small(), {.seconds_per_unit = 1, .setup_share = -1}), Error);
}

TEST(TableWorld, NamesTellWhichTablesHoldTimes) {
  EXPECT_EQ(seconds_per_unit_by_name("kt_convolution_A100"), 1e-3);
  EXPECT_EQ(seconds_per_unit_by_name("hpolib_naval_propulsion"), std::nullopt);
}

TEST(TableWorld, RefusesTimesThatAreNone) {
  const auto table =
      std::make_shared<const Table>(parse_table("t 1 2\n2 0\n0 1 -1.0\n1 1 1.0\n", "t"));
  EXPECT_THROW(make_table_world(table, {.seconds_per_unit = 1}), Error);
  EXPECT_THROW(make_table_world(small(), {.seconds_per_unit = 0}), Error);
  EXPECT_THROW(make_table_world(nullptr, {}), Error);
}

TEST(TableWorld, OneLevelParametersAndOneWordCategoriesWork) {
  const auto table = std::make_shared<const Table>(
      parse_table("t 3 2\n1 0 1 1 2 0\n0 0 0 1 1.0\n0 0 1 1 2.0\n", "t"));
  const auto world = make_table_world(table, {});
  const auto configuration = world->space().configuration_at(1);
  EXPECT_EQ(*world->true_value(configuration), 2);
}

}  // namespace
}  // namespace skipjack::benchmark
