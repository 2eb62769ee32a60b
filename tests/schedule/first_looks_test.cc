// By hand: events in, commands out.
#include "skipjack/schedule/first_looks.h"

#include <gtest/gtest.h>

#include "skipjack/base/error.h"
#include "skipjack/schedule/fifo.h"
#include "skipjack/search/random.h"

namespace skipjack {
namespace {

const Metric kTime{.name = "seconds", .kind = MetricKind::Time};

const SearchSpace& space() {
  static const SearchSpace space({{"x", rand_int(0, 99)}});
  return space;
}

/// Starts points 0 to 9 in this order.
std::unique_ptr<Scheduler> in_order() {
  std::vector<Configuration> points;
  for (int i = 0; i < 10; ++i) points.push_back(Json::Object{{"x", i}});
  return make_fifo({.searcher = make_random_search({.space = space()}),
                    .points_to_evaluate = std::move(points)});
}

class Play {
 public:
  explicit Play(std::int64_t num_looks)
      : scheduler_(make_first_looks(
            {.inner = in_order(), .metric = kTime, .progress = {}, .num_looks = num_looks})) {}

  void add(EventBody body) {
    const Event event{.number = history_.num_events(), .body = std::move(body)};
    history_.apply(event);
    scheduler_->apply(event, history_);
  }
  /// Carried out: what is started, as values of x; what is stopped, as ends.
  std::vector<std::int64_t> decide(std::optional<double> remaining = std::nullopt) {
    std::vector<std::int64_t> started;
    const int running = static_cast<int>(history_.running().size());
    for (const Command& command : scheduler_->decide(
             {.history = history_, .free_workers = 1 - running, .remaining_fraction = remaining})) {
      if (const auto* start = std::get_if<Start>(&command)) {
        add(TrialStarted{.trial = static_cast<TrialId>(history_.trials().size()),
                         .configuration = start->configuration,
                         .tag = start->tag});
        started.push_back(start->configuration.at("x").as_int());
      } else if (const auto* stop = std::get_if<Stop>(&command)) {
        add(StopOrdered{stop->trial, stop->reason, stop->bound});
        end(Outcome::Stopped);
      }
    }
    return started;
  }
  /// Of the newest trial.
  void report(double progress, double seconds) {
    add(Reported{{newest(), 0}, Json::Object{{"progress", progress}, {"seconds", seconds}}});
  }
  void end(Outcome outcome) { add(AttemptEnded{{newest(), 0}, {.outcome = outcome}}); }
  const Trial& trial() const { return history_.trials().back(); }

 private:
  TrialId newest() const { return static_cast<TrialId>(history_.trials().size()) - 1; }

  std::unique_ptr<Scheduler> scheduler_;
  History history_;
};

using Started = std::vector<std::int64_t>;

TEST(FirstLooks, StopsTheFirstAtTheirReportsAndStartsTheBestAgain) {
  Play play(3);
  for (const double seconds : {4.0, 2.0, 3.0}) {
    play.decide();
    play.report(0.1, seconds);
    play.decide();
    EXPECT_EQ(play.trial().status, TrialStatus::Stopped);
    EXPECT_NEAR(play.trial().bound.value(), 10 * seconds, 1e-9);
  }
  EXPECT_EQ(play.decide(), Started{1});
  play.report(0.1, 2);
  EXPECT_EQ(play.decide(), Started{});
  EXPECT_EQ(play.trial().status, TrialStatus::Running);
  play.report(1, 20);
  play.end(Outcome::Completed);
  // The scheduler within goes on where it was.
  EXPECT_EQ(play.decide(), Started{3});
  play.report(0.1, 9);
  play.decide();
  EXPECT_EQ(play.trial().status, TrialStatus::Running);
}

TEST(FirstLooks, TheNextBestFollowsOneThatFails) {
  Play play(2);
  for (const double seconds : {4.0, 2.0}) {
    play.decide();
    play.report(0.1, seconds);
    play.decide();
  }
  EXPECT_EQ(play.decide(), Started{1});
  play.end(Outcome::Failed);
  EXPECT_EQ(play.decide(), Started{0});
}

TEST(FirstLooks, TrialsThatFailAreNotLooks) {
  Play play(1);
  play.decide();
  play.end(Outcome::Failed);
  EXPECT_EQ(play.decide(), Started{1});
  play.report(0.1, 1);
  play.decide();
  EXPECT_EQ(play.decide(), Started{1});
}

TEST(FirstLooks, ALateFirstReportIsNoLook) {
  Play play(2);
  play.decide();
  play.report(0.6, 1);
  play.decide();
  EXPECT_EQ(play.trial().status, TrialStatus::Running);
  play.end(Outcome::Completed);
  EXPECT_EQ(play.decide(), Started{1});
}

TEST(FirstLooks, ASmallBudgetIsNotSpentOnLooks) {
  Play play(5);
  play.decide(1);
  play.report(0.1, 1);
  play.decide(0.9);
  EXPECT_EQ(play.trial().status, TrialStatus::Stopped);
  // A fifth is used: the best so far runs.
  EXPECT_EQ(play.decide(0.79), Started{0});
  play.report(0.1, 1);
  play.decide(0.7);
  EXPECT_EQ(play.trial().status, TrialStatus::Running);
}

TEST(FirstLooks, RefusesOptionsOutOfRange) {
  EXPECT_THROW(make_first_looks({.inner = nullptr, .metric = kTime, .progress = {}}), Error);
  EXPECT_THROW(
      make_first_looks({.inner = in_order(), .metric = kTime, .progress = {}, .num_looks = -1}),
      Error);
  EXPECT_THROW(
      make_first_looks({.inner = in_order(), .metric = kTime, .progress = {}, .most_budget = 0}),
      Error);
}

}  // namespace
}  // namespace skipjack
