// A job of several measurements: who runs what with which configuration, and what comes of a step
// that fails.
#include "skipjack/s3tune/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "command.h"
#include "skipjack/base/error.h"
#include "skipjack/s3tune/s3_scheduler.h"

namespace skipjack::s3tune {
namespace {

/// In skipjack's place: reports its configuration's "value" as often as "repeats" says, and the
/// folder that it was given.
constexpr const char* kProgram = R"bash(#!/bin/bash
[ "$1 $2" = "s3 measure" ] || exit 2
value=$(sed -n 's/.*"value":\([0-9]*\).*/\1/p' "$3")
repeats=$(sed -n 's/.*"repeats":\([0-9]*\).*/\1/p' "$3")
folder=$(sed -n 's/.*"folder":"\([^"]*\)".*/\1/p' "$3")
[ "$value" != 13 ] || exit 11
[ -z "$folder" ] || touch "$folder/object"
for ((i = 0; i < repeats; i++)); do
  echo "[tune-metric]: {\"avg_download_time\": $value, \"download_time\": $value, \"folder\": \"$folder\"}"
done
)bash";

class Steps : public ::testing::Test {
 protected:
  Steps() {
    options_.program = folder_.path() / "program";
    std::ofstream(options_.program) << kProgram;
    std::filesystem::permissions(options_.program, std::filesystem::perms::owner_all);
    options_.folder = folder_.path();
    options_.node = {.name = "n3"};
  }
  Configuration configuration(int value, int repeats) const {
    return Json(Json::Object{{"value", value}, {std::string(kRepeats), repeats}});
  }
  std::vector<Json> run() {
    std::vector<Json> reports;
    measure_steps(options_, [&](const Json& report) { reports.push_back(report); });
    return reports;
  }

  TemporaryFolder folder_;
  StepsOptions options_;
};

TEST_F(Steps, EachRunsWithItsOwnConfigurationInOrder) {
  options_.configuration = configuration(5, 2);
  options_.configuration.set(kSteps,
                             steps_json({{"baseline", configuration(7, 1)}, {"candidate"}}));
  EXPECT_EQ(num_downloads(options_.configuration), 3);
  const std::vector<Json> reports = run();
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[0].at(kArm).as_string(), "baseline");
  EXPECT_EQ(reports[0].at(kDownloadTime).as_int(), 7);
  EXPECT_FALSE(reports[0].find(kMeanDownloadTime)) << "not what the trial is judged by";
  for (const int i : {1, 2}) {
    EXPECT_EQ(reports[static_cast<std::size_t>(i)].at(kArm).as_string(), "candidate");
    EXPECT_EQ(reports[static_cast<std::size_t>(i)].at(kMeanDownloadTime).as_int(), 5);
  }
  EXPECT_EQ(node_from_json(reports[0].at(kNode)).name, "n3");
}

TEST_F(Steps, FolderIsTheNodesOwnAndGoes) {
  const std::filesystem::path own = folder_.path() / ".skipjack-x-n3";
  std::filesystem::create_directories(own);
  std::ofstream(own / "left by a killed job") << "x";
  options_.configuration = configuration(5, 1);
  options_.configuration.set("folder", (folder_.path() / ".skipjack-x").string());
  options_.configuration.set(kSteps, steps_json({{"candidate"}}));
  const std::vector<Json> reports = run();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].at("folder").as_string(), own.string());
  EXPECT_FALSE(std::filesystem::exists(own));
}

TEST_F(Steps, OneThatFailsIsNamedAfterTheOthers) {
  options_.configuration = configuration(5, 1);
  options_.configuration.set(kSteps, steps_json({{"broken", configuration(13, 1)}, {"candidate"}}));
  std::vector<Json> reports;
  try {
    measure_steps(options_, [&](const Json& report) { reports.push_back(report); });
    ADD_FAILURE() << "nothing was said";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Exhausted);
    EXPECT_EQ(std::string(error.what()), "could not be measured on node n3: broken");
  }
  EXPECT_EQ(reports.size(), 1u);
}

}  // namespace
}  // namespace skipjack::s3tune
