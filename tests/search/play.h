// Plays trials by hand: turns proposals and outcomes into the events that a tuner would write.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "skipjack/search/searcher.h"
#include "skipjack/trial/history.h"

namespace skipjack::play {

class Experiment {
 public:
  const History& history() const { return history_; }

  TrialId start(Configuration configuration) {
    const auto trial = static_cast<TrialId>(history_.trials().size());
    apply(TrialStarted{.trial = trial, .configuration = std::move(configuration)});
    return trial;
  }
  void report(TrialId trial, const std::string& metric, double value) {
    report_at(1, trial, metric, value);
  }
  /// At a level of the resource.
  void report_at(std::int64_t epoch, TrialId trial, const std::string& metric, double value) {
    Json metrics;
    metrics.set("epoch", epoch);
    metrics.set(metric, value);
    report(trial, std::move(metrics));
  }
  void report(TrialId trial, Json metrics) {
    apply(Reported{{trial, history_.find(trial)->attempt}, std::move(metrics)});
  }
  /// Goes on until it pauses, is stopped or fails.
  void resume(TrialId trial) {
    apply(TrialResumed{.id = {trial, history_.find(trial)->attempt + 1}});
  }
  void end(TrialId trial, Outcome outcome) {
    AttemptEnd end;
    end.outcome = outcome;
    apply(AttemptEnded{{trial, history_.find(trial)->attempt}, std::move(end)});
  }
  /// The value would have been at least bound.
  void stop(TrialId trial, double bound) {
    apply(StopOrdered{trial, "slow", bound});
    end(trial, Outcome::Stopped);
  }
  /// A trial that ran, reported value once and ended well.
  TrialId measured(Configuration configuration, double value, const std::string& metric = "loss") {
    const TrialId trial = start(std::move(configuration));
    report(trial, metric, value);
    end(trial, Outcome::Completed);
    return trial;
  }
  /// Stopped early.
  TrialId stopped(Configuration configuration, double bound) {
    const TrialId trial = start(std::move(configuration));
    stop(trial, bound);
    return trial;
  }
  TrialId failed(Configuration configuration) {
    const TrialId trial = start(std::move(configuration));
    end(trial, Outcome::Failed);
    return trial;
  }

 private:
  void apply(EventBody body) {
    history_.apply(Event{
        .number = number_, .time = Duration(number_), .unix_time = 0, .body = std::move(body)});
    ++number_;
  }
  History history_;
  std::int64_t number_ = 0;
};

/// The configuration that the searcher proposes; throws if it proposes none.
inline Configuration next(Searcher& searcher, const Experiment& experiment) {
  Suggestion suggestion = searcher.suggest(experiment.history(), {});
  return std::get<Proposal>(std::move(suggestion)).configuration;
}

}  // namespace skipjack::play
