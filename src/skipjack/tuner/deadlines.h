// The deadlines of trials, in the order in which they come. Private to tuner.
#pragma once

#include <set>
#include <unordered_map>
#include <utility>

#include "skipjack/base/clock.h"
#include "skipjack/trial/event.h"

namespace skipjack {

/// At most one a trial. set() and erase() are O(log n).
class Deadlines {
 public:
  void set(TrialId trial, Duration at) {
    erase(trial);
    of_.emplace(trial, at);
    ordered_.emplace(at, trial);
  }
  void erase(TrialId trial) {
    if (const auto found = of_.find(trial); found != of_.end()) {
      ordered_.erase({found->second, trial});
      of_.erase(found);
    }
  }
  /// The earliest first, ties by trial.
  const std::set<std::pair<Duration, TrialId>>& ordered() const { return ordered_; }

 private:
  std::unordered_map<TrialId, Duration> of_;
  std::set<std::pair<Duration, TrialId>> ordered_;
};

}  // namespace skipjack
