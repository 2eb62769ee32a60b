// A scheduler over levels played by hand: events in, commands out, carried out at once.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conformance.h"
#include "skipjack/schedule/halving.h"

namespace skipjack::testing {

/// Proposes {"x": 0}, {"x": 1}, ..., as many as limit.
class CountingSearcher final : public Searcher {
 public:
  explicit CountingSearcher(std::size_t limit = 1'000'000) : limit_(limit) {}
  Suggestion suggest(const History& history, const SuggestContext& context) override {
    contexts.push_back(context);
    const std::size_t n = history.trials().size();
    if (n >= limit_) return Exhausted{};
    return Proposal{.configuration = Json::Object{{"x", static_cast<std::int64_t>(n)}}};
  }
  std::vector<SuggestContext> contexts;

 private:
  std::size_t limit_;
};

class HalvingPlay {
 public:
  explicit HalvingPlay(std::unique_ptr<Scheduler> scheduler) : scheduler_(std::move(scheduler)) {}
  explicit HalvingPlay(HalvingOptions options) {
    if (!options.searcher) options.searcher = std::make_unique<CountingSearcher>();
    if (options.metrics.empty()) options.metrics = {{.name = "loss"}};
    scheduler_ = make_halving(std::move(options));
  }

  void add(EventBody body) {
    const Event event{history_.num_events(), now_, 0, std::move(body)};
    history_.apply(event);
    scheduler_->apply(event, history_);
  }
  /// One call of decide, carried out; what it said: "start 3 to 1", "resume 2 to 9", "stop 1",
  /// "pause 1", "finished", joined by ", ". A paused or stopped attempt ends at once.
  std::string decide(int free_workers) {
    std::string text;
    for (const Command& command :
         scheduler_->decide({.history = history_, .now = now_, .free_workers = free_workers}))
      text += (text.empty() ? "" : ", ") + obey(command);
    return text;
  }
  /// The same, of what is decided after a report.
  std::string report(TrialId trial, std::int64_t epoch, double loss) {
    return report(trial, Json::Object{{"epoch", epoch}, {"loss", loss}});
  }
  std::string report(TrialId trial, Json metrics) {
    add(Reported{.id = {trial, history_.find(trial)->attempt}, .metrics = std::move(metrics)});
    return decide(0);
  }
  void end(TrialId trial, Outcome outcome) {
    add(AttemptEnded{{trial, history_.find(trial)->attempt}, {.outcome = outcome}});
  }
  void pass(Duration time) { now_ += time; }
  const History& history() const { return history_; }
  double checkpoint_worth(TrialId trial) const {
    return scheduler_->checkpoint_worth(*history_.find(trial));
  }

 private:
  static std::string to(const std::optional<std::int64_t>& level) {
    return level ? " to " + std::to_string(*level) : "";
  }
  std::string obey(const Command& command) {
    if (const auto* start = std::get_if<Start>(&command)) {
      const auto id = static_cast<TrialId>(history_.trials().size());
      add(TrialStarted{.trial = id,
                       .configuration = start->configuration,
                       .max_resource = start->max_resource,
                       .tag = start->tag});
      return "start " + std::to_string(id) + to(start->max_resource);
    }
    if (const auto* resume = std::get_if<Resume>(&command)) {
      add(TrialResumed{{resume->trial, history_.find(resume->trial)->attempt + 1},
                       resume->max_resource});
      return "resume " + std::to_string(resume->trial) + to(resume->max_resource);
    }
    if (const auto* stop = std::get_if<Stop>(&command)) {
      add(StopOrdered{stop->trial, stop->reason});
      end(stop->trial, Outcome::Stopped);
      return "stop " + std::to_string(stop->trial);
    }
    if (const auto* pause = std::get_if<Pause>(&command)) {
      add(PauseOrdered{pause->trial});
      end(pause->trial, Outcome::Paused);
      return "pause " + std::to_string(pause->trial);
    }
    std::string text = text_of(command);
    text.pop_back();
    return text;
  }

  std::unique_ptr<Scheduler> scheduler_;
  History history_;
  Duration now_{0};
};

}  // namespace skipjack::testing
