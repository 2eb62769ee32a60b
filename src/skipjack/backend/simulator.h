// Trials without processes and without waiting: what an attempt does is told by a function when it
// starts, and time is a clock that wait() moves to whatever happens next. The loop, the schedulers
// and the journal above it are those of a real tuning, so that what is learnt of them here holds
// there, in microseconds instead of hours.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/base/clock.h"

namespace skipjack {

/// What an attempt does, if nobody ends it. Times count from the beginning of its program.
struct SimulatedAttempt {
  struct Step {
    /// Range [0, 10^8 s].
    Duration after{0};
    /// An object; passed on as it is.
    Json metrics;
  };
  /// In order of time, none later than the end.
  std::vector<Step> reports = {};
  /// Range [0, 10^8 s]; unset: it goes on until it is ended.
  std::optional<Duration> duration = Duration{0};
  /// An attempt that completes without a report has failed ("reported no metric").
  AttemptEnd end = {.outcome = Outcome::Completed, .exit_code = 0};
};

/// Called once an attempt, when it is started, in the order of the starts. What it throws, start()
/// throws.
using SimulatedTrial = std::function<SimulatedAttempt(const StartRequest&)>;

struct SimulatorOptions {
  SimulatedTrial trial;
  /// Attempts at the same time. Range [1, inf).
  int capacity = 1;
  /// Moved by wait(), and by nothing else while a tuner runs; the same goes to the tuner. Must
  /// outlive the backend. Must not be null.
  ManualClock* clock = nullptr;
  /// From start() to the beginning of the attempt's program: what a launch costs. Range [0, 10^8
  /// s].
  Duration start_delay{0};
  /// From end() to the attempt's end, while its worker is still taken: what ending it costs. The
  /// program reports nothing any more. Range [0, 10^8 s].
  Duration stop_delay{0};
};

/// Throws InvalidArgument for options out of range. What happens at the same instant comes out of
/// one wait(), by attempts in the order in which they were started. O(log n) an event and a start
/// for n running attempts, O(1) a wait() beyond that. Beyond Backend's contract: start() throws
/// Exhausted when capacity() attempts run, InvalidArgument for an attempt that runs already and for
/// what breaks SimulatedAttempt's rules. A wait in which nothing is due moves the clock by its
/// whole timeout: a tuning whose trials never end needs a limit of time.
std::unique_ptr<Backend> make_simulator(SimulatorOptions options);

}  // namespace skipjack
