// Backends run attempts somewhere: local processes, threads of this process, a cluster, a
// simulator.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "skipjack/trial/event.h"

namespace skipjack {

struct StartRequest {
  AttemptId id;
  Configuration configuration;
  /// Copy this trial's checkpoint before starting; if it has none, the attempt begins anew.
  std::optional<TrialId> checkpoint_from;
  /// Overwrites the configuration's max_resource_attr, where the backend has one.
  std::optional<std::int64_t> max_resource;
  /// End the attempt as Failed after this long.
  std::optional<Duration> time_limit;
};

/// A report as it came in. unix_time: when it was read.
struct AttemptReport {
  AttemptId id;
  Json metrics;
  double unix_time = 0;
};
struct AttemptFinished {
  AttemptId id;
  AttemptEnd end;
  double unix_time = 0;
};
using BackendEvent = std::variant<AttemptReport, AttemptFinished>;

enum class EndAs { Stopped, Paused };

/// All calls from one thread, except wake(). Every attempt started gets exactly one
/// AttemptFinished, after all of its reports. Destroying a backend ends all that runs.
class Backend {
 public:
  virtual ~Backend() = default;
  /// Throws if nothing could be started for a reason that holds for every trial (program not
  /// found); what fails for this attempt only comes back as AttemptFinished{Failed}.
  virtual void start(const StartRequest& request) = 0;
  /// Asks a running attempt to end; AttemptFinished with the outcome named follows, or the one it
  /// reached first. Unknown or ended attempts are ignored.
  virtual void end(AttemptId id, EndAs as) = 0;
  /// Sleeps until something happened, timeout has passed or wake() was called. Reports of an
  /// attempt in the order printed.
  virtual std::vector<BackendEvent> wait(Duration timeout) = 0;
  /// Makes wait() return. From any thread and from signal handlers.
  virtual void wake() = 0;
  /// Attempts that may run at the same time.
  virtual int capacity() const = 0;
  /// Of the attempts started, those that are not known to have a place to run: they wait in a
  /// cluster's queue, or are on their way into it.
  virtual int num_queued() const { return 0; }
  /// Called once, before any start, when an experiment is resumed: which of the attempts that the
  /// journal believes to be running still do, or have ended with an outcome that can be told
  /// (adopted: all of their events will come, from their first report on; who asks knows how many
  /// it has had). All others are gone, with every process of theirs, when it returns.
  virtual std::vector<AttemptId> reconcile(const std::vector<AttemptId>& attempts) = 0;
  /// Of a trial that doesn't run; nothing happens if it has none.
  virtual void delete_checkpoint(TrialId trial) = 0;
  /// Another tuner has adopted what runs here: nothing is asked of this any more, and destroying it
  /// leaves attempts alone that can outlive their tuner.
  virtual void let_go() {}
};

}  // namespace skipjack
