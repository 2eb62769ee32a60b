// Truth: printed tables of Student's t, curves written out by hand, and draws.
#include "skipjack/schedule/progress.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

const Metric kTime{.name = "seconds", .kind = MetricKind::Time};

/// Trials that report, by hand.
class Play {
 public:
  explicit Play(ProgressOptions options = {}) : log(std::move(options), kTime) {}

  bool report_json(TrialId trial, Json metrics, int attempt = 0) {
    while (static_cast<TrialId>(history.trials().size()) <= trial)
      add(TrialStarted{.trial = static_cast<TrialId>(history.trials().size()),
                       .configuration = Json::Object{}});
    const Reported reported{{trial, attempt}, std::move(metrics)};
    add(reported);
    return log.take(reported, history);
  }
  bool report(TrialId trial, double progress, double seconds) {
    return report_json(trial, Json::Object{{"progress", progress}, {"seconds", seconds}});
  }
  void end(TrialId trial, Outcome outcome = Outcome::Completed, int attempt = 0) {
    add(AttemptEnded{{trial, attempt}, {.outcome = outcome}});
    log.end(*history.find(trial));
  }
  std::string problem() const {
    try {
      log.require_sense();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      return error.what();
    }
    return "";
  }
  void add(EventBody body) {
    history.apply({.number = history.num_events(), .body = std::move(body)});
  }

  ProgressLog log;
  History history;
};

TEST(StudentT, AgreesWithPrintedQuantiles) {
  // 95 %, by degrees of freedom.
  const std::pair<int, double> kTable[] = {{1, 6.3138}, {2, 2.9200},  {3, 2.3534},  {4, 2.1318},
                                           {5, 2.0150}, {10, 1.8125}, {30, 1.6973}, {100, 1.6602}};
  for (const auto& [degrees, quantile] : kTable) {
    EXPECT_NEAR(student_t_cdf(quantile, degrees), 0.95, 1e-5) << degrees;
    EXPECT_NEAR(student_t_cdf(-quantile, degrees), 0.05, 1e-5) << degrees;
    EXPECT_DOUBLE_EQ(student_t_cdf(0, degrees), 0.5);
  }
}

TEST(ProgressLog, LearnsByHowMuchProjectionsAreOff) {
  // Two seconds of set-up, then the work: at a quarter of it 2 + w / 4 seconds have passed, which
  // projects 8 + w; it takes 2 + w.
  Play play;
  double sum = 0;
  for (const double work : {8.0, 10.0, 12.0}) {
    const auto trial = static_cast<TrialId>(play.history.trials().size());
    play.report(trial, 0.25, 2 + work / 4);
    EXPECT_EQ(play.log.forecast(trial).has_value(), trial > 0);
    play.report(trial, 1, 2 + work);
    play.end(trial);
    sum += std::log((2 + work) / (8 + work));
  }
  play.report(3, 0.25, 5);
  const auto forecast = play.log.forecast(3);
  ASSERT_TRUE(forecast.has_value());
  EXPECT_NEAR(forecast->center, std::log(20) + sum / 3, 1e-12);
  EXPECT_EQ(forecast->degrees, 2);
  double scatter = 0;
  for (const double work : {8.0, 10.0, 12.0})
    scatter += std::pow(std::log((2 + work) / (8 + work)) - sum / 3, 2);
  EXPECT_NEAR(forecast->deviation, std::sqrt(scatter / 2 * (1 + 1.0 / 3)), 1e-12);
}

TEST(ProgressLog, ForecastsAreRightAsOftenAsTheySay) {
  // Errors are normal draws; the fourth trial is forecast from three.
  Rng rng(4, "errors");
  constexpr int kDraws = 4000;
  int below = 0;
  for (int i = 0; i < kDraws; ++i) {
    Play play({.so_far = SoFar::Estimate});
    for (TrialId trial = 0; trial < 3; ++trial) {
      play.report(trial, 0.3, std::exp(1 + 0.2 * rng.normal()));
      play.report(trial, 1, std::exp(1.0));
      play.end(trial);
    }
    play.report(3, 0.3, std::exp(1 + 0.2 * rng.normal()));
    below += play.log.forecast(3)->probability_below(1, 0) < 0.05 ? 1 : 0;
  }
  // Three standard errors.
  EXPECT_NEAR(below, 0.05 * kDraws, 3 * std::sqrt(0.05 * 0.95 * kDraws));
}

TEST(ProgressLog, OneCompletedTrialIsBelievedWithinWideBounds) {
  Play play;
  play.report(0, 0.5, 5);
  play.report(0, 1, 10);
  play.end(0);
  play.report(1, 0.5, 7);
  EXPECT_GE(play.log.forecast(1)->probability_below(std::log(10), 0), 0.05);
  play.report(2, 0.5, 8);
  EXPECT_LT(play.log.forecast(2)->probability_below(std::log(10), 0), 0.05);
}

TEST(ProgressLog, AnOctaveWithoutAReportGoesByTheOneBefore) {
  Play play;
  for (TrialId trial = 0; trial < 3; ++trial) {
    play.report(trial, 0.1, 2);  // projects 20
    play.report(trial, 1, 10);
    play.end(trial);
  }
  play.report(3, 0.6, 6);
  EXPECT_NEAR(play.log.forecast(3)->center, std::log(10 * 0.5), 1e-12);
  // Below all that is known nothing is known.
  play.report(4, 0.01, 6);
  EXPECT_FALSE(play.log.forecast(4).has_value());
}

TEST(ProgressLog, OnlyTrialsThatCompletedTeach) {
  for (const Outcome outcome : {Outcome::Failed, Outcome::Stopped, Outcome::Lost}) {
    Play play;
    for (TrialId trial = 0; trial < 3; ++trial) {
      play.report(trial, 0.5, 5);
      play.end(trial, outcome);
    }
    play.report(3, 0.5, 5);
    EXPECT_FALSE(play.log.forecast(3).has_value());
  }
}

TEST(ProgressLog, WhatIsDoneNeedsNoForecast) {
  Play play;
  for (TrialId trial = 0; trial < 3; ++trial) {
    play.report(trial, 0.5, 5);
    play.end(trial);
  }
  play.report(3, 0.5, 5);
  EXPECT_TRUE(play.log.forecast(3).has_value());
  play.report(3, 1, 9);
  EXPECT_FALSE(play.log.forecast(3).has_value());
}

TEST(ProgressLog, CountsBytesAsWellAsFractions) {
  Play play({.progress_attr = "bytes", .max_progress = 4096});
  for (TrialId trial = 0; trial < 3; ++trial) {
    play.report_json(trial, Json::Object{{"bytes", 1024}, {"seconds", 2}});
    play.report_json(trial, Json::Object{{"bytes", 4096}, {"seconds", 8}});
    play.end(trial);
  }
  play.report_json(3, Json::Object{{"bytes", 1024}, {"seconds", 3}});
  EXPECT_NEAR(play.log.forecast(3)->center, std::log(12), 1e-12);
}

TEST(ProgressLog, SaysWhatIsWrongWithTheFirstReports) {
  const auto problem = [](std::vector<Json> reports) {
    Play play;
    for (Json& metrics : reports) play.report_json(0, std::move(metrics));
    return play.problem();
  };
  const auto json = [](const char* text) { return parse_json(text); };
  EXPECT_EQ(problem({json(R"({"progress": 0.1, "seconds": 1})")}), "");
  EXPECT_EQ(problem({json(R"({"seconds": 1})")}), "trial 0 reports no progress 'progress'");
  EXPECT_EQ(problem({json(R"({"progress": 1.5, "seconds": 1})")}),
            "trial 0 reports progress = 1.5, which is above max_progress = 1.0");
  EXPECT_EQ(problem({json(R"({"progress": 0, "seconds": 1})")}),
            "trial 0 reports progress = 0, which is no number above 0");
  EXPECT_EQ(problem({json(R"({"progress": "half", "seconds": 1})")}),
            "trial 0 reports progress = \"half\", which is no number above 0");
  EXPECT_EQ(problem({json(R"({"progress": 0.5})")}), "trial 0 reports no metric 'seconds'");
  EXPECT_EQ(problem({json(R"({"progress": 0.5, "seconds": 0})")}),
            "trial 0 reports seconds = 0, which is no time above 0");
  EXPECT_EQ(problem({json(R"({"progress": 0.5, "seconds": -1})")}),
            "trial 0 reports seconds = -1, which is no time above 0");
  EXPECT_EQ(problem({json(R"({"progress": 0.5, "seconds": 1})"),
                     json(R"({"progress": 0.5, "seconds": 2})")}),
            "trial 0 reports progress = 0.5 after 0.5: it must grow from report to report");
}

TEST(ProgressLog, AnOddReportOfASoundProgramIsPassedOver) {
  Play play;
  play.report(0, 0.1, 1);
  play.report(0, 0.2, 2);
  EXPECT_FALSE(play.report(0, 0.2, 2));
  EXPECT_FALSE(play.report(0, 1.1, 3));
  EXPECT_FALSE(play.report_json(0, Json::Object{{"note", "hello"}}));
  EXPECT_TRUE(play.report(0, 0.3, 3));
  EXPECT_EQ(play.problem(), "");
}

TEST(ProgressLog, NotANumberSaysNothing) {
  Play play;
  EXPECT_FALSE(play.report(0, 0.5, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(play.report(0, 0.6, std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(play.log.forecast(0).has_value());
  EXPECT_EQ(play.problem(), "");
}

TEST(ProgressLog, AnotherAttemptBeginsAnew) {
  Play play;
  play.report(0, 0.1, 1);
  play.report(0, 0.2, 2);
  play.end(0, Outcome::Lost);
  play.add(TrialResumed{.id = {0, 1}});
  EXPECT_TRUE(play.report_json(0, Json::Object{{"progress", 0.1}, {"seconds", 1}}, 1));
  EXPECT_FALSE(play.report_json(0, Json::Object{{"progress", 0.9}, {"seconds", 1}}, 0));
}

TEST(ProgressLog, RefusesOptionsOutOfRange) {
  for (const ProgressOptions& bad :
       {ProgressOptions{.progress_attr = ""}, ProgressOptions{.max_progress = 0},
        ProgressOptions{.max_progress = std::numeric_limits<double>::infinity()},
        ProgressOptions{.min_probability = 0}, ProgressOptions{.min_probability = 0.6}})
    EXPECT_THROW(ProgressLog(bad, kTime), Error);
  EXPECT_EQ(so_far_from_string("estimate"), SoFar::Estimate);
  EXPECT_THROW(so_far_from_string("half"), Error);
}

}  // namespace
}  // namespace skipjack
