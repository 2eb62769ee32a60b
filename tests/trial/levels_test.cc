#include "skipjack/trial/levels.h"

#include <gtest/gtest.h>

#include <limits>

namespace skipjack {
namespace {

Trial trial_of(std::vector<std::pair<Json, Json>> reports) {
  Trial trial;
  for (auto& [epoch, loss] : reports)
    trial.reports.push_back(
        {.metrics = Json::Object{{"epoch", std::move(epoch)}, {"loss", std::move(loss)}}});
  return trial;
}

std::string levels(const Trial& trial, SearcherData data) {
  std::string text;
  for (const LevelValue& level :
       level_values(trial, "loss", {.rung_levels = {1, 3, 9}, .max_resource = 27, .data = data}))
    text += std::to_string(level.resource) + ":" + shortest_decimal(level.value) + " ";
  return text;
}

TEST(LevelValues, AreThoseOfRungsOfAllLevelsOrOfRungsAndTheLast) {
  const Trial trial = trial_of({{1, 5}, {2, 4}, {3, 3}, {4, 2.5}});
  EXPECT_EQ(levels(trial, SearcherData::Rungs), "1:5.0 3:3.0 ");
  EXPECT_EQ(levels(trial, SearcherData::All), "1:5.0 2:4.0 3:3.0 4:2.5 ");
  EXPECT_EQ(levels(trial, SearcherData::RungsAndLast), "1:5.0 3:3.0 4:2.5 ");
}

TEST(LevelValues, TheLargestResourceCountsAndWhatLiesBeyondDoesNot) {
  const Trial trial = trial_of({{9, 5}, {26, 4}, {27, 3}, {28, 2}});
  EXPECT_EQ(levels(trial, SearcherData::Rungs), "9:5.0 27:3.0 ");
  EXPECT_EQ(levels(trial, SearcherData::RungsAndLast), "9:5.0 27:3.0 ");
}

TEST(LevelValues, ALevelReportedAgainKeepsItsFirstValue) {
  const Trial trial = trial_of({{1, 5}, {3, 4}, {1, 50}, {3, 40}, {9, 1}});
  EXPECT_EQ(levels(trial, SearcherData::Rungs), "1:5.0 3:4.0 9:1.0 ");
}

TEST(LevelValues, WhatIsNoNumberOrNotFiniteIsNoObservation) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Trial trial = trial_of({{1, nan}, {2.5, 1}, {3, "x"}, {"4", 1}, {9, 7}});
  EXPECT_EQ(levels(trial, SearcherData::RungsAndLast), "9:7.0 ");
}

}  // namespace
}  // namespace skipjack
