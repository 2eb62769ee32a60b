// Which checkpoints may go: those that no command will need again, and, where only so many are
// kept, those that are least likely to be needed. A trial whose checkpoint went too early begins
// anew when it is resumed, which costs time and changes no result.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "skipjack/schedule/scheduler.h"

namespace skipjack {

struct CheckpointOptions {
  /// Those that the scheduler will never need go as soon as that is known: of trials that ended,
  /// the best one included. Default: all are kept.
  bool delete_checkpoints = false;
  /// Of trials that do not run; beyond that, those worth least go, and of those worth the same the
  /// ones that have lain there longest. Range [1, inf); unset: no limit.
  std::optional<std::int64_t> max_checkpoints = {};
};

/// Throws InvalidArgument naming the field that is out of range.
void validate(const CheckpointOptions& options);

/// Folds the events into the checkpoints that may be there. Not thread-safe.
class CheckpointKeeper {
 public:
  explicit CheckpointKeeper(const CheckpointOptions& options) : options_(options) {}
  void apply(const Event& event);
  /// Those to be removed now, in order of worth. Once removed, tell apply(). O(n log n) for n
  /// trials at rest after one has come to rest, O(1) otherwise.
  std::vector<TrialId> superfluous(const Scheduler& scheduler, const History& history);

 private:
  bool keeps_all() const;

  CheckpointOptions options_;
  /// Where any may go: trials at rest that may have a checkpoint, and the number of the event by
  /// which they rest.
  std::map<TrialId, std::int64_t> held_;
  bool changed_ = false;
};

}  // namespace skipjack
