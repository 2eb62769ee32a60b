// Events written out by hand, for the tests of this folder.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "skipjack/trial/event.h"
#include "skipjack/trial/history.h"

namespace skipjack {

/// Appends numbered events at the times given.
class EventWriter {
 public:
  EventWriter& at(double seconds, EventBody body) {
    events_.push_back({.number = static_cast<std::int64_t>(events_.size()),
                       .time = from_seconds(seconds),
                       .unix_time = 1.7e9 + seconds,
                       .body = std::move(body)});
    return *this;
  }
  EventWriter& start(double seconds, TrialId trial, Json configuration, Json tag = {}) {
    TrialStarted started;
    started.trial = trial;
    started.configuration = std::move(configuration);
    started.tag = std::move(tag);
    return at(seconds, std::move(started));
  }
  EventWriter& report(double seconds, TrialId trial, Json metrics, int attempt = 0) {
    return at(seconds, Reported{.id = {trial, attempt}, .metrics = std::move(metrics)});
  }
  EventWriter& end(double seconds, TrialId trial, Outcome outcome,
                   std::string reason = "exit code 0", int attempt = 0) {
    AttemptEnd end;
    end.outcome = outcome;
    end.reason = std::move(reason);
    return at(seconds, AttemptEnded{.id = {trial, attempt}, .end = std::move(end)});
  }
  const std::vector<Event>& events() const { return events_; }
  History history() const {
    History history;
    for (const Event& event : events_) history.apply(event);
    return history;
  }

 private:
  std::vector<Event> events_;
};

}  // namespace skipjack
