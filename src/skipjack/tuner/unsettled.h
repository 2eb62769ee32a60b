// What the events leave to be done: deadlines still to come, attempts that were lost or asked to
// end, checkpoints that were to be removed. After the death of a tuner it is what the next one
// begins with. Private to tuner.
#pragma once

#include <map>
#include <set>

#include "skipjack/backend/backend.h"
#include "skipjack/trial/event.h"
#include "skipjack/tuner/deadlines.h"

namespace skipjack {

struct Unsettled {
  void apply(const Event& event);

  Deadlines deadlines;
  /// Trials whose attempt was lost and has not been run again.
  std::set<TrialId> lost;
  /// Trials whose attempt was asked to end and has not.
  std::map<TrialId, EndAs> ending;
  /// Trials whose checkpoint was removed, until an attempt without it has ended.
  std::set<TrialId> without_checkpoint;
};

}  // namespace skipjack
