// The loop that carries values between a scheduler and a backend. One thread; it sleeps in the
// backend until something happens, a deadline comes or somebody interrupts. One turn: what happened
// becomes events, the scheduler takes them in and decides, its commands become events as well, all
// of them go to the sink in one transaction, and only then are the commands carried out. Whatever
// dies in between, the sink knows of every attempt that may exist.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/base/clock.h"
#include "skipjack/base/log.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/tuner/checkpoints.h"
#include "skipjack/tuner/interrupt.h"
#include "skipjack/tuner/stopping.h"

namespace skipjack {

/// What becomes of running trials when a criterion that holds at once ends the tuning.
enum class AtEnd {
  StopRunning,     ///< they are stopped; their reports count
  WaitForRunning,  ///< no new ones start, these may end
};

/// The state after a turn, for status lines.
struct Turn {
  const History& history;
  /// Running time of the experiment.
  Duration now{0};
  std::optional<Duration> remaining_time;
  std::optional<double> remaining_fraction;
  /// Attempts that run, including those asked to end.
  int num_running = 0;
  /// Attempts that wait for a place to run, as in a cluster's queue.
  int num_queued = 0;
  /// Set once no new trial will start.
  std::string ending_reason;
};

struct TunerOptions {
  /// Attempts at the same time; the backend's capacity is a bound too. Range [1, inf).
  int workers = 1;
  StoppingCriterion stop;
  AtEnd at_end = AtEnd::StopRunning;
  /// The tuning ends once more trials than this have failed; unset: failed trials are data, however
  /// many.
  std::optional<std::int64_t> max_failures;
  /// If the first trials of a run fail, this many in a row and none ending otherwise, something is
  /// wrong with the program: the run ends with an Error. Range [1, inf); unset: never.
  std::optional<int> max_initial_failures = 5;
  /// An attempt that runs longer has failed. Unset: no limit.
  std::optional<Duration> trial_time_limit;
  /// A trial that completes without ever having reported all of these has failed.
  std::vector<std::string> required_metrics;
  CheckpointOptions checkpoints;
  /// Key of the level in reports, where the scheduler pauses trials: a program that begins anew
  /// when it is resumed is then said to do so, once. Empty: nothing is said.
  std::string resource_attr;
  /// May be null.
  Interrupt* interrupt = nullptr;
  /// A criterion of the caller's own, asked in each turn, and at least every turn_interval if that
  /// is set. Once it says true the tuning ends as by a StoppingCriterion, reason "stop_when".
  std::function<bool(const Turn&)> stop_when;
  /// Called after each turn, and at least every turn_interval if that is set.
  std::function<void(const Turn&)> on_turn;
  std::optional<Duration> turn_interval;
  LogSink log;
  /// Goes into RunStarted: host, cores, kernel, versions.
  Json environment;
  /// Running time that the experiment is known to have reached, where that is later than the last
  /// of its past events (see EventSink::alive). Range [0, inf); default 0.
  Duration reached{0};
  /// Of running time and of unix_time. Must outlive the run.
  const Clock* clock = &system_clock();
};

struct TuningResult {
  History history;
  /// As in RunEnded: a criterion's field ("max_time", ...), "max_failures", "interrupted", or the
  /// scheduler's reason for being finished.
  std::string reason;
  /// Running time of the experiment, all runs together.
  Duration time{0};
};

/// Runs until a criterion, the scheduler or an interrupt ends it. past: the events of earlier runs,
/// in order; running time goes on from the last of them, or from TunerOptions::reached if that is
/// later; they are applied to the scheduler, attempts that still run are adopted if the backend
/// can, the others are lost and run again as the next attempt before anything new starts. Throws
/// InvalidArgument for bad options; Exhausted, quoting the last lines of standard error, if the
/// first trials all failed; and whatever the sink, the scheduler or the backend throws. Then
/// RunEnded{"failed"} has been written where the sink still takes events; attempts end when the
/// backend is destroyed.
TuningResult run_tuner(Scheduler& scheduler, Backend& backend, EventSink& sink,
                       const std::vector<Event>& past, const TunerOptions& options);

}  // namespace skipjack
