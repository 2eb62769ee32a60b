// Against intervals worked out by hand: t(0.975) is 12.7062 for one degree of freedom, 4.30265 for
// two.
#include "skipjack/results/comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../thrown.h"

namespace skipjack {
namespace {

/// Values of trials that end at 1, 2, ... s.
Curve curve_of(const std::vector<double>& values) {
  Curve curve;
  std::optional<double> best;
  for (std::size_t i = 0; i < values.size(); ++i) {
    best = best ? std::min(*best, values[i]) : values[i];
    curve.over_time.push_back({.trial = static_cast<TrialId>(i),
                               .time = from_seconds(static_cast<double>(i + 1)),
                               .value = values[i],
                               .best = best});
  }
  curve.over_trials = curve.over_time;
  curve.end = from_seconds(static_cast<double>(values.size()));
  return curve;
}

TEST(Comparison, MeansOverExperimentsWithStudentsInterval) {
  const std::vector<Curve> curves = {curve_of({5, 3, 4}), curve_of({7, 7, 1}), curve_of({9, 2, 8})};
  const auto points = compare({.curves = curves, .over = ComparedOver::Trials, .num_points = 3});
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[0].at, 1);
  EXPECT_DOUBLE_EQ(points[0].mean, 7);  // 5, 7, 9: deviation 2
  EXPECT_NEAR(*points[0].upper - 7, 4.30265 * 2 / std::sqrt(3.0), 1e-4);
  EXPECT_NEAR(7 - *points[0].lower, 4.30265 * 2 / std::sqrt(3.0), 1e-4);
  EXPECT_DOUBLE_EQ(points[1].mean, 4);  // 3, 7, 2
  EXPECT_DOUBLE_EQ(points[2].mean, 2);  // 3, 1, 2
}

TEST(Comparison, BeginsWhereAllHaveAValueAndEndsWithTheFirst) {
  Curve late = curve_of({4, 2});
  late.over_time.front().time = from_seconds(1.5);
  const std::vector<Curve> curves = {late, curve_of({8, 6, 1})};
  const auto points = compare({.curves = curves, .num_points = 2});
  ASSERT_EQ(points.size(), 2u);
  EXPECT_DOUBLE_EQ(points[0].at, 1.5);
  EXPECT_DOUBLE_EQ(points[0].mean, 6);
  EXPECT_DOUBLE_EQ(points[1].at, 2);
  EXPECT_DOUBLE_EQ(points[1].mean, 4);
  EXPECT_NEAR(*points[1].upper - 4, 12.7062 * 2, 1e-3);  // 2, 6
}

TEST(Comparison, OfOneHasNoInterval) {
  const std::vector<Curve> curves = {curve_of({4, 2})};
  for (const ComparisonPoint& point : compare({.curves = curves})) EXPECT_FALSE(point.lower);
}

TEST(Comparison, WithOneThatHasNoValueIsEmpty) {
  const std::vector<Curve> curves = {curve_of({4, 2}), Curve{}};
  EXPECT_TRUE(compare({.curves = curves}).empty());
}

TEST(Comparison, RefusesWhatIsOutOfRange) {
  const std::vector<Curve> curves = {curve_of({1})};
  EXPECT_EQ(error_of([] { compare({}); }).code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(error_of([&] { compare({.curves = curves, .num_points = 1}); }).code(),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_of([&] { compare({.curves = curves, .confidence = 1}); }).code(),
            ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace skipjack
