#include "skipjack/schedule/median_stopping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "../thrown.h"
#include "halving_play.h"
#include "skipjack/schedule/fifo.h"

namespace skipjack {
namespace {

using testing::CountingSearcher;
using testing::HalvingPlay;
using ::testing::HasSubstr;

std::unique_ptr<Scheduler> fifo() {
  return make_fifo({.searcher = std::make_unique<CountingSearcher>()});
}

HalvingPlay play_of(MedianStoppingOptions options, int num_trials = 6) {
  if (!options.inner) options.inner = fifo();
  options.metric.name = "loss";
  HalvingPlay play(make_median_stopping(std::move(options)));
  for (int i = 0; i < num_trials; ++i) play.decide(1);
  return play;
}

TEST(MedianStopping, StopsWhatMoreThanHalfAreBetterThan) {
  HalvingPlay play = play_of({.median_of = MedianOf::Values});
  for (const auto& [trial, loss] : {std::pair{0, 5.0}, {1, 1.0}, {2, 2.0}, {3, 9.0}})
    EXPECT_EQ(play.report(trial, 1, loss), "") << "fewer than grace_population";
  EXPECT_EQ(play.report(4, 1, 3.0), "") << "two of five are better";
  EXPECT_EQ(play.report(5, 1, 5.0), "") << "three of six are better, not more than half";
  EXPECT_EQ(play.decide(1), "start 6");
  EXPECT_EQ(play.report(6, 1, 5.5), "stop 6") << "five of seven are better";
}

TEST(MedianStopping, ReportsThatComeWithTheOneItIsStoppedForCountNowhere) {
  HalvingPlay play = play_of({.median_of = MedianOf::Values, .grace_population = 1}, 3);
  EXPECT_EQ(play.report(0, 1, 1), "");
  play.add(Reported{.id = {1, 0}, .metrics = Json::Object{{"epoch", 1}, {"loss", 5}}});
  play.add(Reported{.id = {1, 0}, .metrics = Json::Object{{"epoch", 2}, {"loss", 0}}});
  EXPECT_EQ(play.decide(0), "");
  play.add(Reported{.id = {2, 0}, .metrics = Json::Object{{"epoch", 1}, {"loss", 9}}});
  play.add(Reported{.id = {2, 0}, .metrics = Json::Object{{"epoch", 2}, {"loss", -1}}});
  EXPECT_EQ(play.decide(0), "stop 2");
  EXPECT_EQ(play.report(0, 2, 1), "") << "one of two is better";
}

TEST(MedianStopping, RanksAreAsSyneTunesSearchsorted) {
  // numpy.searchsorted(sorted, value) / (n + 1) > 0.3: counted by hand.
  HalvingPlay play =
      play_of({.median_of = MedianOf::Values, .grace_population = 1, .rank_cutoff = 0.3}, 5);
  EXPECT_EQ(play.report(0, 1, 4), "") << "0 / 1";
  EXPECT_EQ(play.report(1, 1, 4), "") << "0 / 2, ties before";
  EXPECT_EQ(play.report(2, 1, 5), "stop 2") << "2 / 3";
  EXPECT_EQ(play.report(3, 1, 3), "") << "0 / 4";
  EXPECT_EQ(play.report(4, 1, 4), "") << "1 / 5";
}

TEST(MedianStopping, RunningAveragesForgiveOneBadValue) {
  for (const MedianOf median_of : {MedianOf::Values, MedianOf::RunningAverage}) {
    HalvingPlay play = play_of({.median_of = median_of, .grace_population = 3}, 3);
    play.report(0, 1, 1), play.report(1, 1, 2), play.report(2, 1, 2);
    play.report(0, 2, 1), play.report(1, 2, 3);
    EXPECT_EQ(play.report(2, 2, 2.9), "") << "means 1, 2.5 and 2.45";
    play.report(1, 3, 3.1), play.report(2, 3, 1.0);
    EXPECT_EQ(play.report(0, 3, 4), median_of == MedianOf::Values ? "stop 0" : "")
        << "means 2.7, 1.97 and 2";
  }
}

TEST(MedianStopping, NothingIsStoppedBeforeGraceTime) {
  HalvingPlay play = play_of({.grace_time = 2, .grace_population = 1}, 2);
  play.report(0, 1, 1);
  EXPECT_EQ(play.report(1, 1, 9), "");
  play.report(0, 2, 1);
  EXPECT_EQ(play.report(1, 2, 9), "");
  EXPECT_EQ(play.decide(1), "start 2");
  play.report(2, 1, 10);
  EXPECT_EQ(play.report(2, 2, 10), "stop 2") << "two of three are better";
}

TEST(MedianStopping, WhatIsNotFiniteIsTheWorst) {
  HalvingPlay play = play_of({.grace_population = 1, .rank_cutoff = 0.4}, 3);
  play.report(0, 1, 1);
  EXPECT_EQ(play.report(1, 1, std::numeric_limits<double>::quiet_NaN()), "stop 1");
  EXPECT_EQ(play.report(2, 1, 1), "");
}

TEST(MedianStopping, LeavesPausesAndPromotionsToTheSchedulerWithin) {
  MedianStoppingOptions options{.median_of = MedianOf::Values, .grace_population = 2};
  options.inner = make_halving({.searcher = std::make_unique<CountingSearcher>(),
                                .metrics = {{.name = "loss"}},
                                .resource = {.max_t = 9},
                                .type = HalvingType::Promotion});
  options.rank_cutoff = 0.4;
  HalvingPlay play = play_of(std::move(options), 2);
  EXPECT_EQ(play.report(0, 1, 1), "pause 0");
  EXPECT_THAT(play.report(1, 1, 2), HasSubstr("stop 1"));
  EXPECT_EQ(play.decide(1), "resume 0 to 3");
}

TEST(MedianStopping, RefusesOptionsOutOfRange) {
  const auto refused = [](MedianStoppingOptions options) {
    return message_of([&] { play_of(std::move(options), 0); });
  };
  EXPECT_THAT(refused({.grace_time = 0}), HasSubstr("grace_time = 0"));
  EXPECT_THAT(refused({.grace_population = 0}), HasSubstr("grace_population = 0"));
  EXPECT_THAT(refused({.rank_cutoff = 1}), HasSubstr("rank_cutoff = 1"));
  EXPECT_THAT(message_of([] { make_median_stopping({.metric = {.name = "loss"}}); }),
              HasSubstr("inner"));
}

}  // namespace
}  // namespace skipjack
