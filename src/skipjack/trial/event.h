// Tuning events: all that happens in an experiment, in order. The journal stores them, schedulers
// change their state by them, the history is folded from them. A closed set: a variant.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/base/json.h"
#include "skipjack/space/search_space.h"

namespace skipjack {

/// Trials are numbered 0, 1, 2, ... by the tuner.
using TrialId = std::int64_t;

/// One run of a trial's program; attempts of a trial are numbered 0, 1, 2, ...
struct AttemptId {
  TrialId trial = 0;
  int attempt = 0;
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

enum class Outcome {
  Completed,  ///< ended by itself with exit code 0
  Failed,     ///< another exit code, a signal, a time limit, or nothing reported
  Stopped,    ///< ended because a scheduler or the end of the tuning stopped it
  Paused,     ///< ended because a scheduler paused it
  Lost,       ///< nobody knows what became of it (the tuner died while it ran, a trial that was
              ///< asked for was never told); it runs again as the next attempt
};
std::string_view to_string(Outcome outcome);
std::optional<Outcome> outcome_from_string(std::string_view text);

/// How an attempt ended.
struct AttemptEnd {
  Outcome outcome = Outcome::Completed;
  std::optional<int> exit_code;
  std::optional<int> signal;
  /// One line for people: "exit code 3", "killed by signal 9", "time limit of 60 s", "reported no
  /// metric 'loss'".
  std::string reason;
  /// The last lines of standard error, at most 2 KiB.
  std::string error_tail;
};

/// A run of the tuner over the experiment begins (0 is the first; resuming makes the next).
/// environment: host, cores, kernel, versions.
struct RunStarted {
  int run = 0;
  Json environment;
};
/// It ended in order, for the reason named ("max_time", "interrupted", "finished", ...).
struct RunEnded {
  int run = 0;
  std::string reason;
};
/// The command Start was given. tag: what the scheduler wants remembered of the trial, null if
/// nothing; it reaches journal and results.
struct TrialStarted {
  TrialId trial = 0;
  Configuration configuration;
  std::optional<TrialId> checkpoint_from;
  std::optional<std::int64_t> max_resource;
  /// Running time of the experiment at which DeadlineReached comes, unless the trial has ended.
  std::optional<Duration> deadline;
  Json tag;
};
/// Another attempt of a trial that was paused, lost or failed for a passing reason.
struct TrialResumed {
  AttemptId id;
  std::optional<std::int64_t> max_resource;
};
/// bound: the objective would have been at least (Min), at most (Max) this had the trial gone on;
/// or, where that was foreseen, what was expected of it. Unset where nothing is known of it.
struct StopOrdered {
  TrialId trial = 0;
  std::string reason;
  std::optional<double> bound = std::nullopt;
};
struct PauseOrdered {
  TrialId trial = 0;
};
struct DeadlineSet {
  TrialId trial = 0;
  Duration deadline{0};
};
struct DeadlineReached {
  TrialId trial = 0;
};
/// The checkpoint of a trial that does not run is no longer kept: resumed, it begins anew.
struct CheckpointRemoved {
  TrialId trial = 0;
};
/// metrics: the JSON object that the program printed, its own keys and st_worker_* in order.
struct Reported {
  AttemptId id;
  Json metrics;
};
struct AttemptEnded {
  AttemptId id;
  AttemptEnd end;
};
/// A searcher fitted its model: what it needs to go on from there without fitting again.
struct ModelFitted {
  Json parameters;
};

using EventBody = std::variant<RunStarted, RunEnded, TrialStarted, TrialResumed, StopOrdered,
                               PauseOrdered, DeadlineSet, DeadlineReached, CheckpointRemoved,
                               Reported, AttemptEnded, ModelFitted>;

struct Event {
  /// 0, 1, 2, ... within the experiment.
  std::int64_t number = 0;
  /// Running time of the experiment: seconds in which a tuner ran, summed over runs. Never
  /// decreases.
  Duration time{0};
  /// Seconds since the Unix epoch; for people, not for decisions.
  double unix_time = 0;
  EventBody body;
};

/// Where events go: the journal, a test's vector, nowhere.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// Keeps all of the events or none; they survive a kill of this process once it returns. Throws
  /// Io; AlreadyExists once another tuner has taken over.
  virtual void append(const std::vector<Event>& events) = 0;
  /// How often it wants alive() while nothing is appended. Unset, the default: never, and the tuner
  /// sleeps until something happens.
  virtual std::optional<Duration> alive_interval() const { return std::nullopt; }
  /// A tuner runs, and the experiment's running time has come to this. No event: nothing follows
  /// from it while the tuner lives. After a kill the next run counts on from here, so that the time
  /// since the last event is not lost. Throws as append() does.
  virtual void alive(Duration /*time*/) {}
};

/// {"type": "reported", ...}; the journal's form. event_body_from_json throws Corrupted for what it
/// can't read.
Json to_json(const EventBody& body);
EventBody event_body_from_json(const Json& json);

}  // namespace skipjack
