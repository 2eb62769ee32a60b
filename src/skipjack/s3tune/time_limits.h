// Which trials need a time limit for their next download, and which have overstepped theirs: each
// download has one of its own, and an attempt that was lost leaves none to the next.
#pragma once

#include <set>

#include "skipjack/trial/event.h"

namespace skipjack::s3tune {

class TimeLimits {
 public:
  void apply(const Event& event) {
    if (const auto* reported = std::get_if<Reported>(&event.body)) {
      renew(reported->id.trial);
    } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
      renew(resumed->id.trial);
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      overdue_.erase(ended->id.trial);
      wanted_.erase(ended->id.trial);
    } else if (const auto* reached = std::get_if<DeadlineReached>(&event.body)) {
      overdue_.insert(reached->trial);
    } else if (const auto* set = std::get_if<DeadlineSet>(&event.body)) {
      wanted_.erase(set->trial);
    }
  }
  bool is_overdue(TrialId trial) const { return overdue_.contains(trial); }
  bool is_wanted(TrialId trial) const { return wanted_.contains(trial); }

 private:
  void renew(TrialId trial) {
    overdue_.erase(trial);
    wanted_.insert(trial);
  }

  std::set<TrialId> overdue_, wanted_;
};

}  // namespace skipjack::s3tune
