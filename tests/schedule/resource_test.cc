#include "skipjack/schedule/resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "../thrown.h"

namespace skipjack {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(RungLevels, AreGracePeriodTimesPowersBelowTheEnd) {
  // [Li2020, fig. 1]: r = 1, R = 9, eta = 3; Syne Tune's defaults with 81 and 100 epochs.
  EXPECT_THAT(rung_levels({.max_t = 9}), ElementsAre(1, 3));
  EXPECT_THAT(rung_levels({.max_t = 81}), ElementsAre(1, 3, 9, 27));
  EXPECT_THAT(rung_levels({.max_t = 82}), ElementsAre(1, 3, 9, 27, 81));
  EXPECT_THAT(rung_levels({.max_t = 64, .grace_period = 4, .reduction_factor = 2}),
              ElementsAre(4, 8, 16, 32));
  // round(2 * 2.5^k): 2, 5, 12.5, 31.25
  EXPECT_THAT(rung_levels({.max_t = 50, .grace_period = 2, .reduction_factor = 2.5}),
              ElementsAre(2, 5, 13, 31));
}

TEST(RungLevels, ComeByIncrementsOrFromAList) {
  EXPECT_THAT(rung_levels({.max_t = 8, .rung_increment = 2}), ElementsAre(1, 3, 5, 7));
  EXPECT_THAT(rung_levels({.max_t = 8, .rung_levels = {2, 3, 7}}), ElementsAre(2, 3, 7));
  EXPECT_THAT(rung_levels({.max_t = 3, .rung_levels = {1, 2, 3}}), ElementsAre(1, 2));
}

TEST(RungLevels, RefuseWhatMakesNoLadder) {
  const auto refused = [](ResourceOptions options) {
    return message_of([&] { (void)rung_levels(options); });
  };
  EXPECT_THAT(refused({.max_t = 9, .rung_levels = {3, 1}}), HasSubstr("1 follows 3"));
  EXPECT_THAT(refused({.max_t = 9, .rung_levels = {3, 3}}), HasSubstr("must ascend"));
  EXPECT_THAT(refused({.max_t = 9, .rung_levels = {0, 3}}), HasSubstr("must ascend"));
  EXPECT_THAT(refused({.max_t = 9, .rung_levels = {3, 10}}), HasSubstr("below max_t = 9"));
  EXPECT_THAT(refused({.max_t = 9, .rung_levels = {9}}), HasSubstr("below max_t = 9"));
  EXPECT_THAT(refused({.max_t = 9, .grace_period = 9}), HasSubstr("grace_period = 9"));
  EXPECT_THAT(refused({.max_t = 9, .grace_period = 0}), HasSubstr("grace_period = 0"));
  EXPECT_THAT(refused({.max_t = 9, .reduction_factor = 1.5}), HasSubstr("reduction_factor = 1.5"));
  EXPECT_THAT(refused({.max_t = 9, .reduction_factor = kNan}), HasSubstr("reduction_factor"));
  EXPECT_THAT(refused({.max_t = 1}), HasSubstr("max_t = 1"));
  EXPECT_THAT(refused({.max_t = 9, .rung_increment = 0}), HasSubstr("rung_increment = 0"));
  EXPECT_THAT(refused({.max_t = std::int64_t{1} << 40, .rung_increment = 1}), HasSubstr("rungs"));
}

TEST(RungQuantiles, AreRatiosOfNeighbours) {
  EXPECT_THAT(rung_quantiles({1, 3, 9}, 27), ElementsAre(1 / 3.0, 1 / 3.0, 1 / 3.0));
  // The S3 sample's repetitions: j / (j + 1).
  EXPECT_THAT(rung_quantiles({1, 2}, 3), ElementsAre(1 / 2.0, 2 / 3.0));
}

TEST(LargestResource, IsGivenNamedOrFoundInTheSpace) {
  const SearchSpace space(
      {{"x", uniform(0, 1)}, {"max_t", Json(7)}, {"epochs", Json(50)}, {"rounds", Json(9)}});
  EXPECT_EQ(largest_resource(space, "rounds", 20), 20);
  EXPECT_EQ(largest_resource(space, "rounds", std::nullopt), 9);
  EXPECT_EQ(largest_resource(space, "", std::nullopt), 50);
  EXPECT_EQ(largest_resource(SearchSpace({{"max_epochs", Json(4)}}), "", std::nullopt), 4);
}

TEST(LargestResource, SaysWhatIsMissing) {
  const SearchSpace space({{"x", uniform(0, 1)}, {"rounds", Json("many")}});
  EXPECT_THAT(message_of([&] { (void)largest_resource(space, "", std::nullopt); }),
              HasSubstr("nothing says where they end"));
  EXPECT_THAT(message_of([&] { (void)largest_resource(space, "x", std::nullopt); }),
              HasSubstr("'x' is no constant"));
  EXPECT_THAT(message_of([&] { (void)largest_resource(space, "rounds", std::nullopt); }),
              HasSubstr("rounds = \"many\""));
  EXPECT_THAT(message_of([&] { (void)largest_resource(space, "", 1); }), HasSubstr("max_t = 1"));
}

TEST(ScoreOf, IsSmallerForBetterAndWorstForWhatIsNotFinite) {
  const Metric loss{.name = "v"}, accuracy{.name = "v", .mode = Mode::Max};
  const auto report = [](Json value) { return Json(Json::Object{{"v", std::move(value)}}); };
  EXPECT_EQ(score_of(report(3), loss), 3);
  EXPECT_EQ(score_of(report(3), accuracy), -3);
  for (const double value : {kNan, kInf, -kInf}) {
    EXPECT_EQ(score_of(report(value), loss), kInf);
    EXPECT_EQ(score_of(report(value), accuracy), kInf);
  }
  EXPECT_EQ(score_of(report("3"), loss), std::nullopt);
  EXPECT_EQ(score_of(report(nullptr), loss), std::nullopt);
  EXPECT_EQ(score_of(Json(Json::Object{}), loss), std::nullopt);
}

/// A history whose reports a log takes in.
class Told {
 public:
  std::optional<ResourceLog::Step> report(TrialId trial, Json epoch, Json loss = 1.0,
                                          int attempt = 0) {
    Json metrics{Json::Object{}};
    if (!epoch.is_null()) metrics.set("epoch", std::move(epoch));
    if (!loss.is_null()) metrics.set("loss", std::move(loss));
    const Reported body{.id = {trial, attempt}, .metrics = std::move(metrics)};
    add(body);
    return log_.take(body, history_);
  }
  void start() {
    add(TrialStarted{.trial = static_cast<TrialId>(history_.trials().size()),
                     .configuration = Json::Object{}});
  }
  void complete(TrialId trial) {
    const AttemptEnded body{.id = {trial, 0}, .end = {.outcome = Outcome::Completed}};
    add(body);
    log_.take(body);
  }
  void add(EventBody body) { history_.apply({history_.num_events(), Duration{0}, 0, body}); }
  std::string sense() const {
    return message_of([&] { log_.require_sense(); });
  }
  const ResourceLog& log() const { return log_; }

 private:
  ResourceLog log_{"epoch", {{.name = "loss"}}};
  History history_;
};

TEST(ResourceLog, FollowsEachTrial) {
  Told told;
  told.start(), told.start();
  EXPECT_EQ(told.report(0, 1)->to, 1);
  EXPECT_EQ(told.report(1, 2.0)->to, 2);
  const auto jump = told.report(0, 5);
  EXPECT_EQ(jump->from, 1);
  EXPECT_EQ(jump->to, 5);
  EXPECT_EQ(told.log().reached(0), 5);
  EXPECT_EQ(told.log().reached(7), 0);
  EXPECT_EQ(told.sense(), kNoError);
}

TEST(ResourceLog, PassesOverLevelsThatATrialHadReachedBeforeItWasResumed) {
  Told told;
  told.start();
  told.report(0, 1), told.report(0, 2);
  told.add(PauseOrdered{0});
  EXPECT_FALSE(told.report(0, 3).has_value()) << "it has been told to end";
  told.add(AttemptEnded{{0, 0}, {.outcome = Outcome::Paused}});
  told.add(TrialResumed{.id = {0, 1}});
  EXPECT_FALSE(told.report(0, 1, 1.0, 1).has_value());
  EXPECT_FALSE(told.report(0, 2, 1.0, 1).has_value());
  EXPECT_FALSE(told.report(0, 9, 1.0, 0).has_value()) << "a late one of the first attempt";
  EXPECT_EQ(told.report(0, 3, 1.0, 1)->from, 2);
  EXPECT_EQ(told.sense(), kNoError);
}

TEST(ResourceLog, TheFirstReportWithoutAResourceIsAnError) {
  for (const Json& epoch : {Json(), Json("one"), Json(-1), Json(1.5), Json(kNan), Json(kInf),
                            Json(1e300), Json(true)}) {
    Told told;
    told.start();
    EXPECT_FALSE(told.report(0, epoch).has_value());
    EXPECT_THAT(told.sense(), HasSubstr("epoch")) << to_json_text(epoch);
  }
}

TEST(ResourceLog, AnAttemptMayBeginAtZero) {
  Told told;
  told.start();
  EXPECT_FALSE(told.report(0, 0).has_value());
  EXPECT_EQ(told.sense(), kNoError);
  EXPECT_EQ(told.report(0, 1)->to, 1);
  Told stays;
  stays.start();
  stays.report(0, 0), stays.report(0, 0);
  EXPECT_THAT(stays.sense(), HasSubstr("epoch = 0"));
  Told completes;
  completes.start();
  completes.report(0, 0);
  completes.complete(0);
  EXPECT_THAT(completes.sense(), HasSubstr("counts from 0"));
}

TEST(ResourceLog, TheFirstReportWithoutAMetricIsAnError) {
  for (const Json& loss : {Json(), Json("low"), Json(false)}) {
    Told told;
    told.start();
    told.report(0, 1, loss);
    EXPECT_THAT(told.sense(), HasSubstr("loss")) << to_json_text(loss);
  }
}

TEST(ResourceLog, AResourceThatDoesNotGrowIsAnError) {
  Told told;
  told.start();
  told.report(0, 2);
  told.report(0, 2);
  EXPECT_THAT(told.sense(), HasSubstr("epoch = 2 after 2"));
}

TEST(ResourceLog, WrongReportsOfASoundProgramArePassedOver) {
  Told told;
  told.start();
  told.report(0, 1), told.report(0, 2);
  EXPECT_FALSE(told.report(0, 2).has_value());
  EXPECT_FALSE(told.report(0, 1).has_value());
  EXPECT_FALSE(told.report(0, 3, nullptr).has_value());
  EXPECT_FALSE(told.report(0, nullptr).has_value());
  EXPECT_EQ(told.report(0, 3)->from, 2);
  EXPECT_EQ(told.sense(), kNoError);
}

}  // namespace
}  // namespace skipjack
