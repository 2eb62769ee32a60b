// What the method behind a tuning of downloads is shown, whatever happened in whatever order.
#include "skipjack/s3tune/method_search.h"

#include <gtest/gtest.h>

#include <map>

#include "skipjack/base/rng.h"
#include "skipjack/s3tune/transfer_space.h"

namespace skipjack::s3tune {
namespace {

S3SchedulerOptions options() {
  S3SchedulerOptions options;
  options.space = SearchSpace({{"x", uniform(0, 1)}, {std::string(kRepeats), Json(3)}});
  options.baseline_point = options.space.decode(std::vector<double>{0.5});
  options.method = "random";
  options.arms = {{"boto3-values", options.baseline_point}};
  return options;
}

/// A tuning's events, as its history and a search hear of them.
class Tuning {
 public:
  Tuning() : search_(options()) {}

  const History& history() const { return history_; }
  TrialId start() {
    const auto trial = std::ssize(history_.trials());
    Json configuration = options().baseline_point;
    configuration.set("x", 0.01 * static_cast<double>(trial));
    apply(TrialStarted{.trial = trial, .configuration = std::move(configuration)});
    return trial;
  }
  void report(TrialId trial, double seconds) {
    Json metrics;
    metrics.set(kMeanDownloadTime, seconds);
    apply(Reported{{trial, history_.find(trial)->attempt}, std::move(metrics)});
  }
  void end(TrialId trial, Outcome outcome) {
    AttemptEnd end;
    end.outcome = outcome;
    apply(AttemptEnded{{trial, history_.find(trial)->attempt}, std::move(end)});
  }
  void stop(TrialId trial) { apply(StopOrdered{.trial = trial}); }
  void resume(TrialId trial) {
    apply(TrialResumed{.id = {trial, history_.find(trial)->attempt + 1}});
  }

  const History& believed(const Believe& believe) { return search_.believed(history_, believe); }
  /// The same of one who has been shown nothing before.
  History believed_anew(const Believe& believe) const {
    MethodSearch fresh(options());
    for (const Event& event : events_) hear(fresh, event);
    return fresh.believed(history_, believe);
  }

 private:
  static void hear(MethodSearch& search, const Event& event) {
    if (const auto* started = std::get_if<TrialStarted>(&event.body))
      search.begin(event, *started);
    else
      search.pass_on(event, event.body);
  }
  void apply(EventBody body) {
    const auto number = history_.num_events();
    events_.push_back({number, Duration(number), 0, std::move(body)});
    history_.apply(events_.back());
    hear(search_, events_.back());
  }

  History history_;
  std::vector<Event> events_;
  MethodSearch search_;
};

void expect_same(const History& shown, const History& expected) {
  ASSERT_EQ(shown.trials().size(), expected.trials().size());
  for (std::size_t i = 0; i < shown.trials().size(); ++i) {
    const Trial &one = shown.trials()[i], &other = expected.trials()[i];
    EXPECT_EQ(one.configuration, other.configuration) << i;
    EXPECT_EQ(one.status, other.status) << i;
    EXPECT_EQ(one.started, other.started) << i;
    EXPECT_EQ(one.ended, other.ended) << i;
    EXPECT_EQ(one.bound, other.bound) << i;
    EXPECT_EQ(one.reports.size(), other.reports.size()) << i;
    EXPECT_EQ(last_value(one, kMeanDownloadTime), last_value(other, kMeanDownloadTime)) << i;
    ASSERT_EQ(one.end.has_value(), other.end.has_value()) << i;
    if (!one.end) continue;
    EXPECT_EQ(one.end->outcome, other.end->outcome) << i;
  }
}

TEST(MethodSearch, ShowsWhatIsBelievedByNowWhateverCameBefore) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed, "beliefs");
    Tuning tuning;
    std::map<TrialId, Belief> beliefs;
    const Believe believe = [&](const Trial& trial) { return beliefs[trial.id]; };
    for (int step = 0; step < 60; ++step) {
      const auto trial = rng.uniform_int(0, std::ssize(tuning.history().trials()));
      const Trial* known = tuning.history().find(trial);
      const auto what = rng.uniform_int(0, 6);
      if (!known) {
        tuning.start();
      } else if (known->status != TrialStatus::Running) {
        // Mostly a value instead of another; sometimes something else.
        beliefs[trial] = what == 0   ? Belief{}
                         : what == 1 ? Belief{.bound = rng.uniform()}
                                     : Belief{.value = rng.uniform()};
      } else if (known->end) {
        what < 3 ? tuning.stop(trial) : tuning.resume(trial);
      } else if (what == 0) {
        tuning.report(trial, rng.uniform());
      } else if (what == 1) {
        tuning.stop(trial);
      } else {
        tuning.end(trial, known->ending ? Outcome::Stopped
                          : what == 2   ? Outcome::Failed
                          : what == 3   ? Outcome::Lost
                                        : Outcome::Completed);
        beliefs[trial] = Belief{.value = rng.uniform()};
      }
      expect_same(tuning.believed(believe), tuning.believed_anew(believe));
    }
  }
}

TEST(MethodSearch, ATrialStoppedWhileItsAttemptWasLostIsStopped) {
  Tuning tuning;
  tuning.end(tuning.start(), Outcome::Completed);
  const TrialId lost = tuning.start();
  tuning.end(lost, Outcome::Lost);
  tuning.stop(lost);
  ASSERT_EQ(tuning.history().find(lost)->status, TrialStatus::Stopped);
  const History& shown = tuning.believed([](const Trial&) { return Belief{}; });
  EXPECT_EQ(shown.find(lost)->status, TrialStatus::Stopped);
}

}  // namespace
}  // namespace skipjack::s3tune
