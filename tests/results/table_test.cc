// Rows and columns against the layout of Syne Tune's results, and the CSV read back by a reader
// written from RFC 4180's grammar.
#include "skipjack/results/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "experiments.h"

namespace skipjack {
namespace {

using testing::ElementsAre;

SearchSpace two_parameters() {
  return SearchSpace(
      {{"x", uniform(0, 1)}, {"act", choice({"relu", "tanh"})}, {"epochs", Json(3)}});
}

Json configuration(double x) { return Json::Object{{"x", x}, {"act", "relu"}, {"epochs", 3}}; }

Json worker_report(double loss, int epoch) {
  return Json::Object{{"epoch", epoch},
                      {"loss", loss},
                      {"st_worker_timestamp", 1.7e9},
                      {"st_worker_time", 0.5},
                      {"st_worker_iter", epoch - 1}};
}

Json cell(const Table& table, std::size_t row, std::string_view column) {
  const auto at = std::find(table.columns.begin(), table.columns.end(), column);
  if (at == table.columns.end()) throw std::out_of_range("no column " + std::string(column));
  return table.rows.at(row).at(static_cast<std::size_t>(at - table.columns.begin()));
}

TEST(ReportTable, HasSyneTunesColumnsInItsOrder) {
  EventWriter writer;
  writer.start(0, 0, configuration(0.5)).report(1, 0, worker_report(0.3, 1));
  EXPECT_THAT(
      report_table(two_parameters(), writer.events()).columns,
      ElementsAre("epoch", "loss", "st_worker_timestamp", "st_worker_time", "st_worker_iter",
                  "st_decision", "st_status", "trial_id", "config_x", "config_act", "config_epochs",
                  "st_tuner_time", "sj_attempt", "sj_unix_time", "sj_end"));
}

TEST(ReportTable, InactiveParametersHaveEmptyCells) {
  const SearchSpace space({{"x", uniform(0, 1)}, {"act", choice({"relu", "tanh"})}}, {},
                          {{"act", "x > 0.5"}});
  EventWriter writer;
  writer.start(0, 0, Json::Object{{"x", 0.25}}).report(1, 0, Json::Object{{"loss", 1}});
  const Table table = report_table(space, writer.events());
  EXPECT_TRUE(cell(table, 0, "config_act").is_null());
  const std::string csv = to_csv(table);
  EXPECT_NE(csv.find(",0.25,,"), std::string::npos) << csv;
}

TEST(ReportTable, HasOneRowAReportInOrderOfTime) {
  EventWriter writer;
  writer.start(0, 0, configuration(0.25))
      .start(0, 1, configuration(0.75))
      .report(1, 1, worker_report(0.7, 1))
      .report(2, 0, worker_report(0.2, 1))
      .report(3, 1, worker_report(0.6, 2));
  const Table table = report_table(two_parameters(), writer.events());
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(cell(table, 0, "trial_id"), Json(1));
  EXPECT_EQ(cell(table, 1, "trial_id"), Json(0));
  EXPECT_EQ(cell(table, 2, "loss"), Json(0.6));
  EXPECT_EQ(cell(table, 1, "config_x"), Json(0.25));
  EXPECT_EQ(cell(table, 1, "st_tuner_time"), Json(2.0));
}

TEST(ReportTable, StoppedTrialsLastRowSaysSo) {
  EventWriter writer;
  writer.start(0, 0, configuration(0.5))
      .report(1, 0, worker_report(0.7, 1))
      .report(2, 0, worker_report(0.6, 2))
      .at(2, StopOrdered{.trial = 0, .reason = "rung"})
      .end(3, 0, Outcome::Stopped, "stopped");
  const Table table = report_table(two_parameters(), writer.events());
  EXPECT_EQ(cell(table, 0, "st_decision"), Json("CONTINUE"));
  EXPECT_EQ(cell(table, 0, "st_status"), Json("InProgress"));
  EXPECT_EQ(cell(table, 1, "st_decision"), Json("STOP"));
  EXPECT_EQ(cell(table, 1, "st_status"), Json("Stopped"));
}

TEST(ReportTable, PausingReportIsInProgressAsInSyneTune) {
  EventWriter writer;
  writer.start(0, 0, configuration(0.5))
      .report(1, 0, worker_report(0.7, 1))
      .at(1, PauseOrdered{.trial = 0})
      .end(2, 0, Outcome::Paused, "paused");
  const Table table = report_table(two_parameters(), writer.events());
  EXPECT_EQ(cell(table, 0, "st_decision"), Json("PAUSE"));
  EXPECT_EQ(cell(table, 0, "st_status"), Json("InProgress"));
}

TEST(ReportTable, FailedTrialWithoutReportHasARow) {
  EventWriter writer;
  writer.start(0, 0, configuration(0.5)).end(2, 0, Outcome::Failed, "exit code 3");
  const Table table = report_table(two_parameters(), writer.events());
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(cell(table, 0, "st_status"), Json("Failed"));
  EXPECT_EQ(cell(table, 0, "sj_end"), Json("exit code 3"));
  EXPECT_EQ(cell(table, 0, "config_act"), Json("relu"));
  EXPECT_TRUE(cell(table, 0, "st_decision").is_null());
}

TEST(ReportTable, DropsReportsOfLostAttempt) {
  EventWriter writer;
  writer.start(0, 0, configuration(0.5))
      .report(1, 0, worker_report(0.7, 1))
      .end(2, 0, Outcome::Lost, "tuner died")
      .at(3, TrialResumed{.id = {0, 1}, .max_resource = {}})
      .report(4, 0, worker_report(0.6, 1), 1)
      .end(5, 0, Outcome::Completed, "exit code 0", 1);
  const Table table = report_table(two_parameters(), writer.events());
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(cell(table, 0, "loss"), Json(0.6));
  EXPECT_EQ(cell(table, 0, "sj_attempt"), Json(1));
  EXPECT_EQ(cell(table, 0, "st_decision"), Json("CONTINUE"));
}

TEST(ReportTable, TagsBecomeColumns) {
  EventWriter writer;
  writer.start(0, 0, configuration(0.5), Json::Object{{"phase", "verdict"}, {"block", 2}})
      .report(1, 0, worker_report(0.7, 1));
  const Table table = report_table(two_parameters(), writer.events());
  EXPECT_EQ(cell(table, 0, "sj_phase"), Json("verdict"));
  EXPECT_EQ(cell(table, 0, "sj_block"), Json(2));
}

TEST(ReportTable, MetricCannotShadowTrialId) {
  EventWriter writer;
  writer.start(0, 0, configuration(0.5))
      .report(1, 0, Json::Object{{"trial_id", 99}, {"config_x", 7}, {"loss", 1.0}});
  const Table table = report_table(two_parameters(), writer.events());
  EXPECT_EQ(std::count(table.columns.begin(), table.columns.end(), "trial_id"), 1);
  EXPECT_EQ(cell(table, 0, "trial_id"), Json(0));
  EXPECT_EQ(cell(table, 0, "config_x"), Json(0.5));
}

/// Reads CSV by RFC 4180's grammar (with LF); fails the test on text outside it.
std::vector<std::vector<std::string>> read_csv(std::string_view text) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& field = rows.back().back();
    if (is_quoted) {
      if (text[i] != '"')
        field += text[i];
      else if (i + 1 < text.size() && text[i + 1] == '"')
        field += text[i++];
      else
        is_quoted = false;
    } else if (text[i] == '"') {
      EXPECT_TRUE(field.empty()) << "quote inside a bare field at " << i;
      is_quoted = true;
    } else if (text[i] == ',') {
      rows.back().emplace_back();
    } else if (text[i] == '\n') {
      rows.emplace_back(1);
    } else {
      field += text[i];
    }
  }
  EXPECT_FALSE(is_quoted);
  EXPECT_THAT(rows.back(), ElementsAre("")) << "no line end at the end";
  rows.pop_back();
  return rows;
}

TEST(Csv, AwkwardTextSurvives) {
  const std::string awkward = "a,b \"quoted\"\r\nsecond line";
  const Table table{.columns = {awkward, "y"}, .rows = {{awkward, Json()}, {"", "plain"}}};
  EXPECT_THAT(
      read_csv(to_csv(table)),
      ElementsAre(ElementsAre(awkward, "y"), ElementsAre(awkward, ""), ElementsAre("", "plain")));
}

TEST(Csv, WritesValuesAsPythonDoes) {
  const Table table{.columns = {"a", "b", "c", "d", "e"},
                    .rows = {{1, 1.0, true, 1e-05, std::numeric_limits<double>::quiet_NaN()},
                             {Json::Array{1, "x"}, Json(), "None", -3, 0.1}}};
  EXPECT_THAT(read_csv(to_csv(table)),
              ElementsAre(ElementsAre("a", "b", "c", "d", "e"),
                          ElementsAre("1", "1.0", "True", "1e-05", "nan"),
                          ElementsAre("[1,\"x\"]", "", "None", "-3", "0.1")));
}

TEST(TableJson, LeavesOutEmptyCells) {
  const Table table{.columns = {"a", "b"}, .rows = {{1, Json()}, {Json(), "x"}}};
  EXPECT_EQ(to_json_text(to_json(table)), R"([{"a":1},{"b":"x"}])");
}

}  // namespace
}  // namespace skipjack
