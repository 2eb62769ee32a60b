// Successive halving by hand. What Syne Tune 0.13 decides on the same values, run trial by trial,
// is in halving_peer_test.cc.
#include "skipjack/schedule/halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "../thrown.h"
#include "halving_play.h"
#include "skipjack/schedule/rung_rule.h"

namespace skipjack {
namespace {

using testing::CountingSearcher;
using ::testing::ElementsAre;
using testing::HalvingPlay;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

HalvingOptions promotion(std::int64_t max_t = 27) {
  return {.resource = {.max_t = max_t}, .type = HalvingType::Promotion};
}
HalvingOptions stopping(std::int64_t max_t = 27) { return {.resource = {.max_t = max_t}}; }

TEST(HalvingStopping, StopsATrialOutsideTheBestThirdAtARung) {
  HalvingPlay play(stopping());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(play.decide(1), "start " + std::to_string(i) + " to 27");
  EXPECT_EQ(play.report(0, 1, 0.5), "") << "nothing to compare with";
  EXPECT_EQ(play.report(1, 1, 0.9), "stop 1");
  EXPECT_EQ(play.report(2, 1, 0.3), "");
  EXPECT_EQ(play.report(3, 1, 0.4), "") << "cut-off is 0.4, the 1/3 quantile of four";
  EXPECT_EQ(play.report(0, 2, 0.9), "") << "no rung";
  EXPECT_EQ(play.report(0, 3, 0.4), "");
  EXPECT_EQ(play.report(2, 3, 0.5), "stop 2");
}

TEST(HalvingStopping, ReportsThatComeWithTheOneItIsStoppedForCountNowhere) {
  HalvingPlay play(stopping());
  play.decide(1), play.decide(1);
  EXPECT_EQ(play.report(0, 1, 0.5), "");
  play.add(Reported{.id = {1, 0}, .metrics = Json::Object{{"epoch", 1}, {"loss", 0.9}}});
  play.add(Reported{.id = {1, 0}, .metrics = Json::Object{{"epoch", 3}, {"loss", 0.1}}});
  EXPECT_EQ(play.decide(0), "stop 1");
  EXPECT_EQ(play.report(0, 3, 0.4), "") << "the first at its rung";
}

TEST(HalvingStopping, LeavesATrialAloneAtTheEndAndStopsWhatGoesBeyond) {
  HalvingPlay play(stopping(9));
  play.decide(1);
  for (int epoch = 1; epoch <= 9; ++epoch) EXPECT_EQ(play.report(0, epoch, 1), "");
  EXPECT_EQ(play.report(0, 10, 1), "stop 0");
}

TEST(HalvingStopping, AReportThatJumpsOverRungsCountsForTheHighest) {
  HalvingPlay play(stopping());
  for (int i = 0; i < 3; ++i) play.decide(1);
  EXPECT_EQ(play.report(0, 9, 0.5), "");
  EXPECT_EQ(play.report(1, 1, 0.9), "") << "the first one at rung 1";
  EXPECT_EQ(play.report(1, 3, 0.9), "") << "the first one at rung 3";
  EXPECT_EQ(play.report(1, 10, 0.9), "stop 1") << "second to trial 0 at rung 9";
}

TEST(HalvingStopping, ValuesThatAreNotFiniteAreTheWorst) {
  for (const double value : {kNan, HUGE_VAL, -HUGE_VAL}) {
    HalvingPlay play(stopping());
    for (int i = 0; i < 3; ++i) play.decide(1);
    EXPECT_EQ(play.report(0, 1, 5), "");
    EXPECT_EQ(play.report(1, 1, value), "stop 1");
    EXPECT_EQ(play.report(2, 1, 5), "");
  }
}

TEST(HalvingStopping, LargerIsBetterInModeMax) {
  HalvingOptions options = stopping();
  options.metrics = {{.name = "loss", .mode = Mode::Max}};
  HalvingPlay play(std::move(options));
  play.decide(1), play.decide(1), play.decide(1);
  EXPECT_EQ(play.report(0, 1, 0.5), "");
  EXPECT_EQ(play.report(1, 1, 0.3), "stop 1");
  EXPECT_EQ(play.report(2, 1, 0.9), "");
}

TEST(HalvingStopping, AnAttemptThatWasLostIsNotRankedTwice) {
  HalvingPlay play(stopping());
  for (int i = 0; i < 2; ++i) play.decide(1);
  play.report(0, 1, 0.5);
  play.end(0, Outcome::Lost);
  play.add(TrialResumed{{0, 1}, 27});
  EXPECT_EQ(play.report(0, 1, 0.6), "") << "a level it had reached";
  EXPECT_EQ(play.report(1, 1, 0.55), "stop 1") << "second of two";
}

TEST(HalvingPromotion, PausesAtEachRungAndResumesTheBestOfThree) {
  HalvingPlay play(promotion(9));
  EXPECT_EQ(play.decide(1), "start 0 to 1");
  EXPECT_EQ(play.report(0, 1, 0.5), "pause 0");
  EXPECT_EQ(play.decide(1), "start 1 to 1") << "one trial is no rung";
  EXPECT_EQ(play.report(1, 1, 0.3), "pause 1");
  EXPECT_EQ(play.decide(1), "resume 1 to 3");
  EXPECT_EQ(play.decide(1), "start 2 to 1");
  EXPECT_EQ(play.report(1, 2, 0.3), "");
  EXPECT_EQ(play.report(1, 3, 0.3), "pause 1");
  EXPECT_EQ(play.report(2, 1, 0.2), "pause 2");
  EXPECT_EQ(play.decide(1), "resume 2 to 3");
  EXPECT_EQ(play.report(2, 3, 0.25), "pause 2");
  EXPECT_EQ(play.decide(1), "resume 2 to 9") << "the highest rung first";
  EXPECT_EQ(play.report(2, 9, 0.1), "") << "at the end nothing pauses";
}

TEST(HalvingPromotion, WhatEndsByItselfAtItsRungRestsThereToo) {
  HalvingPlay play(promotion());
  play.decide(1), play.decide(1);
  play.add(Reported{{0, 0}, Json::Object{{"epoch", 1}, {"loss", 0.1}}});
  play.end(0, Outcome::Completed);
  EXPECT_EQ(play.report(1, 1, 0.3), "pause 1");
  EXPECT_EQ(play.decide(1), "resume 0 to 3");
}

TEST(HalvingPromotion, ACheckpointIsWorthThePlaceInTheQueueOfItsRung) {
  HalvingPlay play(promotion(9));
  play.decide(1);
  play.report(0, 1, 0.5);
  play.decide(1);
  play.report(1, 1, 0.3);
  EXPECT_EQ(play.decide(1), "resume 1 to 3");
  play.decide(1);
  play.report(2, 1, 0.6);
  EXPECT_EQ(play.checkpoint_worth(0), 1);
  EXPECT_EQ(play.checkpoint_worth(2), 0.5);
  play.report(1, 3, 0.3);
  EXPECT_EQ(play.checkpoint_worth(1), 1) << "alone on its rung";
  EXPECT_EQ(play.decide(1), "start 3 to 1");
  play.end(3, Outcome::Failed);
  EXPECT_EQ(play.checkpoint_worth(3), 0);
}

TEST(HalvingPromotion, TheCheckpointOfWhatEndsByItselfAtItsRungIsWorthSomething) {
  HalvingPlay play(promotion());
  play.decide(1);
  play.add(Reported{{0, 0}, Json::Object{{"epoch", 1}, {"loss", 0.1}}});
  play.end(0, Outcome::Completed);
  EXPECT_EQ(play.checkpoint_worth(0), 1);
}

TEST(HalvingPromotion, ACheckpointOnARungThatIsNotOpenYetIsWorthSomething) {
  HalvingOptions options = promotion(9);
  options.make_rule = [resource = options.resource] {
    return make_pasha_rule(rung_quantiles(rung_levels(resource), resource.max_t),
                           level_options(resource, SearcherData::All), {.name = "loss"});
  };
  HalvingPlay play(std::move(options));
  play.decide(1);
  play.report(0, 1, 0.5);
  play.decide(1);
  play.report(1, 1, 0.3);
  EXPECT_EQ(play.decide(1), "resume 1 to 3");
  play.report(1, 3, 0.3);
  EXPECT_EQ(play.checkpoint_worth(1), 1);
}

TEST(HalvingPromotion, NothingIsResumedBeforeItsAttemptHasEnded) {
  HalvingPlay play(promotion());
  play.decide(1), play.decide(1);
  play.add(Reported{{0, 0}, Json::Object{{"epoch", 1}, {"loss", 0.1}}});
  play.report(1, 1, 0.3);  // pauses both
  play.decide(0);
  EXPECT_EQ(play.decide(1), "resume 0 to 3");
  EXPECT_EQ(play.decide(1), "start 2 to 1");
}

TEST(HalvingPromotion, WhatFailedOrWasStoppedIsNeverPromoted) {
  HalvingPlay play(promotion());
  for (int i = 0; i < 3; ++i) play.decide(1);
  play.add(Reported{{0, 0}, Json::Object{{"epoch", 1}, {"loss", 0.1}}});
  play.end(0, Outcome::Failed);
  play.report(1, 1, 0.2);
  play.report(2, 1, 0.3);
  play.add(StopOrdered{1, "by hand"});
  EXPECT_EQ(play.decide(1), "start 3 to 1");
}

TEST(HalvingPromotion, ATrialThatStartsOverIsRankedOnlyWhereItIsNew) {
  HalvingPlay play(promotion());
  play.decide(1), play.decide(1);
  play.report(0, 1, 0.5), play.report(1, 1, 0.3);
  EXPECT_EQ(play.decide(1), "resume 1 to 3");
  EXPECT_EQ(play.report(1, 1, 0.7), "") << "again from the start";
  EXPECT_EQ(play.report(1, 2, 0.6), "");
  EXPECT_EQ(play.report(1, 3, 0.2), "pause 1");
}

TEST(HalvingPromotion, AJumpOverItsRungCountsForTheHighestBelow) {
  HalvingPlay play(promotion());
  play.decide(1), play.decide(1);
  EXPECT_EQ(play.report(0, 4, 0.5), "pause 0");
  EXPECT_EQ(play.report(1, 5, 0.3), "pause 1");
  EXPECT_EQ(play.decide(1), "resume 1 to 9");
}

TEST(HalvingPromotion, WaitsForWhatRunsWhenTheSpaceIsUsedUp) {
  HalvingOptions options = promotion();
  options.searcher = std::make_unique<CountingSearcher>(2);
  HalvingPlay play(std::move(options));
  play.decide(1), play.decide(1);
  EXPECT_EQ(play.decide(1), "wait");
  play.report(0, 1, 0.2);
  EXPECT_EQ(play.decide(1), "wait");
  play.report(1, 1, 0.3);
  EXPECT_EQ(play.decide(1), "resume 0 to 3");
  EXPECT_EQ(play.decide(1), "wait");
  play.report(0, 3, 0.3);
  EXPECT_EQ(play.decide(1), "finished search space exhausted");
}

TEST(HalvingPromotion, RepetitionsAsLevels) {
  // The S3 sample: rung levels 1, ..., n; quantiles 1/2 and 2/3.
  HalvingOptions options = promotion(3);
  options.resource.rung_levels = {1, 2, 3};
  HalvingPlay play(std::move(options));
  play.decide(1), play.decide(1);
  play.report(0, 1, 0.5), play.report(1, 1, 0.3);
  EXPECT_EQ(play.decide(1), "resume 1 to 2");
  play.report(1, 2, 0.3);
  EXPECT_EQ(play.decide(1), "start 2 to 1") << "trial 0 is above the median of two";
}

TEST(Halving, NamedPointsComeFirst) {
  HalvingOptions options = stopping();
  options.points_to_evaluate = {Json::Object{{"x", 70}}, Json::Object{{"x", 71}}};
  HalvingPlay play(std::move(options));
  for (int i = 0; i < 3; ++i) play.decide(1);
  EXPECT_EQ(play.history().trials()[1].configuration, Json(Json::Object{{"x", 71}}));
  EXPECT_EQ(play.history().trials()[2].configuration, Json(Json::Object{{"x", 2}}));
}

TEST(Halving, SaysWhatTheFirstReportLacks) {
  HalvingPlay play(stopping());
  play.decide(1);
  EXPECT_THAT(message_of([&] { play.report(0, Json::Object{{"loss", 1}}); }), HasSubstr("epoch"));
}

TEST(Halving, RefusesOptionsThatMakeNoSense) {
  const auto refused = [](HalvingOptions options) {
    return message_of([&] { HalvingPlay play(std::move(options)); });
  };
  HalvingOptions brackets = stopping(9);
  brackets.num_brackets = 4;
  EXPECT_THAT(refused(std::move(brackets)), HasSubstr("brackets = 4 must be in [1, 3]"));
  HalvingOptions probability = stopping(9);
  probability.rule_probability = kNan;
  EXPECT_THAT(refused(std::move(probability)), HasSubstr("rule_probability"));
  EXPECT_THAT(
      message_of([] { make_halving({.metrics = {{.name = "loss"}}, .resource = {.max_t = 9}}); }),
      HasSubstr("searcher"));
  EXPECT_THAT(
      message_of([] {
        make_halving({.searcher = std::make_unique<CountingSearcher>(), .resource = {.max_t = 9}});
      }),
      HasSubstr("objective"));
}

TEST(HyperbandWeights, AreTheSlotsOfSynchronousHyperband) {
  // R = 81, eta = 3: S = 5, weights 5/5, 5/(4*3), 5/(3*9), 5/(2*27), 5/81.
  EXPECT_THAT(hyperband_weights({1, 3, 9, 27, 81}, 5),
              ElementsAre(1, ::testing::DoubleEq(5 / 12.0), ::testing::DoubleEq(5 / 27.0),
                          ::testing::DoubleEq(5 / 54.0), ::testing::DoubleEq(5 / 81.0)));
}

TEST(Brackets, BeginAtTheirRungAndAreDrawnByTheirWeights) {
  HalvingOptions options = promotion(9);
  options.num_brackets = 3;
  auto searcher = std::make_unique<CountingSearcher>();
  CountingSearcher& seen = *searcher;
  options.searcher = std::move(searcher);
  HalvingPlay play(std::move(options));
  std::vector<double> counts(3);
  for (int i = 0; i < 3000; ++i) {
    play.decide(1);
    const auto bracket =
        static_cast<std::size_t>(play.history().trials().back().tag.at("bracket").as_int());
    ++counts[bracket];
    const std::int64_t level = std::vector<std::int64_t>{1, 3, 9}[bracket];
    EXPECT_EQ(play.history().trials().back().max_resource, level);
    EXPECT_EQ(seen.contexts.back().resource, level);
    EXPECT_EQ(seen.contexts.back().bracket, static_cast<int>(bracket));
  }
  // Weights 1, 1/2, 1/3: 1636, 818, 545 of 3000, standard deviations about 27, 24, 21.
  EXPECT_NEAR(counts[0], 1636, 4 * 27);
  EXPECT_NEAR(counts[1], 818, 4 * 24);
}

TEST(Brackets, OthersWeightsAreTaken) {
  HalvingOptions options = stopping(9);
  options.num_brackets = 3;
  options.bracket_weights = [](const History&) { return std::vector<double>{0, 1, 0}; };
  HalvingPlay play(std::move(options));
  for (int i = 0; i < 2; ++i) play.decide(1);
  EXPECT_EQ(play.history().trials()[0].tag.at("bracket").as_int(), 1);
  EXPECT_EQ(play.report(0, 1, 0.1), "");
  EXPECT_EQ(play.report(1, 1, 0.9), "") << "no rung of this bracket";
  EXPECT_EQ(play.report(0, 3, 0.1), "");
  EXPECT_EQ(play.report(1, 3, 0.9), "stop 1");
}

TEST(Brackets, RankTheirOwnTrialsOrAllTogether) {
  for (const BracketRungs rungs : {BracketRungs::Shared, BracketRungs::PerBracket}) {
    HalvingOptions options = stopping(9);
    options.num_brackets = 2;
    options.bracket_rungs = rungs;
    options.bracket_weights = [](const History& history) {
      return history.trials().empty() ? std::vector<double>{1, 0} : std::vector<double>{0, 1};
    };
    HalvingPlay play(std::move(options));
    play.decide(1), play.decide(1);
    EXPECT_EQ(play.report(0, 3, 0.1), "");
    EXPECT_EQ(play.report(1, 3, 0.9), rungs == BracketRungs::Shared ? "stop 1" : "");
  }
}

HalvingOptions by_cost(std::string cost_metric) {
  HalvingOptions o = promotion(9);
  o.make_rule = [] { return make_cost_rule({1 / 3.0, 1 / 3.0}); };
  o.cost_metric = std::move(cost_metric);
  return o;
}

Json costing(std::int64_t epoch, double loss, double cost) {
  return Json::Object{{"epoch", epoch}, {"loss", loss}, {"cost", cost}};
}

TEST(HalvingByCost, AShareOfCostsGoesOnNotOfTrials) {
  HalvingPlay play(by_cost("cost"));
  for (int i = 0; i < 3; ++i) play.decide(1);
  play.report(0, costing(1, 0.1, 5)), play.report(1, costing(1, 0.2, 1));
  play.report(2, costing(1, 0.3, 1));
  EXPECT_EQ(play.decide(1), "start 3 to 1") << "the best costs 5 of 7";
  play.report(3, costing(1, 0.4, 8));
  EXPECT_EQ(play.decide(1), "resume 0 to 3") << "5 of 15";
}

TEST(HalvingByCost, AttemptsAddUpUnlessTheyStartOver) {
  for (const bool starts_over : {false, true}) {
    HalvingPlay play(by_cost("cost"));
    for (int i = 0; i < 2; ++i) play.decide(1);
    play.report(0, costing(1, 0.1, 1)), play.report(1, costing(1, 0.2, 3));
    EXPECT_EQ(play.decide(1), "resume 0 to 3");
    if (starts_over) play.report(0, costing(1, 0.1, 1));
    play.report(0, costing(3, 0.1, 2));  // in all 3, or 2 if it started over
    play.decide(1);
    play.report(2, costing(1, 0.05, 1)), play.decide(1);  // resumed to 3
    play.report(2, costing(3, 0.2, 4));                   // in all 5
    EXPECT_EQ(play.decide(1), starts_over ? "resume 0 to 9" : "start 3 to 1")
        << "2 of 7 are a third, 3 of 8 are more";
  }
}

TEST(HalvingByCost, WithoutAMetricSecondsAreTheCost) {
  HalvingPlay play(by_cost(""));
  for (int i = 0; i < 2; ++i) play.decide(1);
  play.pass(std::chrono::seconds(1));
  play.report(0, 1, 0.1);
  play.pass(std::chrono::milliseconds(500));
  play.report(1, 1, 0.2);
  EXPECT_EQ(play.decide(1), "start 2 to 1") << "1 of 2.5 is more than a third";
  play.pass(std::chrono::seconds(1));
  play.report(2, 1, 0.3);
  EXPECT_EQ(play.decide(1), "resume 0 to 3") << "1 of 3.5";
}

/// Scores are what a table says of "x" at a level.
class ScoringSearcher final : public Searcher {
 public:
  Suggestion suggest(const History& history, const SuggestContext&) override {
    return Proposal{.configuration =
                        Json::Object{{"x", static_cast<std::int64_t>(history.trials().size())}}};
  }
  std::vector<double> score(const History&, std::span<const Configuration> configurations,
                            std::optional<std::int64_t> resource) override {
    std::vector<double> scores;
    for (const Configuration& configuration : configurations) {
      const std::int64_t x = configuration.at("x").as_int();
      scores.push_back(x == 1 && resource == 3 ? 2.0 : x == 3 && resource == 1 ? 1.0 : 0.0);
    }
    return scores;
  }
};

TEST(HalvingByScore, TheBestOfPausedTrialsAndTheProposalGoesNext) {
  HalvingOptions options = promotion(9);
  options.rule_probability = 0;
  options.searcher = std::make_unique<ScoringSearcher>();
  HalvingPlay play(std::move(options));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(play.decide(1), "start " + std::to_string(i) + " to 1");
  play.report(0, 1, 0.1), play.report(1, 1, 0.9), play.report(2, 1, 0.5);
  EXPECT_EQ(play.decide(1), "resume 1 to 3") << "the worst by rank, the best by score";
  EXPECT_EQ(play.decide(1), "start 3 to 1") << "better than what rests";
}

TEST(HalvingByScore, WithoutScoresTheRuleDecides) {
  HalvingOptions options = promotion(9);
  options.rule_probability = 0;
  HalvingPlay play(std::move(options));
  play.decide(1), play.decide(1);
  play.report(0, 1, 0.1), play.report(1, 1, 0.9);
  EXPECT_EQ(play.decide(1), "resume 0 to 3");
  EXPECT_EQ(play.decide(1), "start 2 to 1");
}

}  // namespace
}  // namespace skipjack
