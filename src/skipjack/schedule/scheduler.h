// Schedulers decide which trials start, go on, pause and stop. Each lives in its own file behind a
// factory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

/// Start a new trial. deadline: running time of the experiment at which DeadlineReached comes back.
struct Start {
  Configuration configuration;
  std::optional<TrialId> checkpoint_from;
  std::optional<std::int64_t> max_resource;
  std::optional<Duration> deadline;
  Json tag;
  /// Model parameters behind the choice, for the journal (Proposal::fitted).
  std::optional<Json> fitted;
};
/// The event that says so of the trial.
inline TrialStarted as_event(const Start& start, TrialId trial) {
  return {.trial = trial,
          .configuration = start.configuration,
          .checkpoint_from = start.checkpoint_from,
          .max_resource = start.max_resource,
          .deadline = start.deadline,
          .tag = start.tag};
}
/// Start the next attempt of a paused or failed trial.
struct Resume {
  TrialId trial = 0;
  std::optional<std::int64_t> max_resource;
};
struct Pause {
  TrialId trial = 0;
};
/// Stop any running trial. bound: see StopOrdered.
struct Stop {
  TrialId trial = 0;
  std::string reason;
  std::optional<double> bound = std::nullopt;
};
struct SetDeadline {
  TrialId trial = 0;
  Duration deadline{0};
};
/// Nothing to start before the next event.
struct Wait {};
/// Nothing to start ever; the tuning ends when the running trials have.
struct Finished {
  std::string reason;
};
using Command = std::variant<Start, Resume, Pause, Stop, SetDeadline, Wait, Finished>;

struct SchedulerView {
  const History& history;
  /// Running time of the experiment.
  Duration now{0};
  int free_workers = 0;
  /// The experiment has had all the trials that it may have: a Start would be its end. What rests
  /// can still be resumed, and should be if it was promised to go on.
  bool starts_full = false;
  /// See SuggestContext::remaining_fraction.
  std::optional<double> remaining_fraction;
  /// Running time left; unset if there is no limit.
  std::optional<Duration> remaining_time;
};

/// Not thread-safe. apply() is the only place in which state changes; decide() depends on the
/// events applied and the view alone, so that the same events give the same decisions.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  /// Every event of the experiment, in order, once; in a resume those of the journal. The view's
  /// history has already taken it in.
  virtual void apply(const Event& event, const History& history) = 0;
  /// Called after events and whenever a worker is free. At most free_workers of the commands may be
  /// Start or Resume; asked again at once while it starts something and a worker is still free. No
  /// command at all means Wait.
  virtual std::vector<Command> decide(const SchedulerView& view) = 0;
  /// What may be lost with the checkpoint of a trial that does not run, compared with others of the
  /// experiment: more, the likelier a Resume or a Start::checkpoint_from will yet need it; 0: none
  /// will. Range [0, inf). Default: paused trials, and those that came to the max_resource they
  /// were given, are worth the same, others nothing.
  virtual double checkpoint_worth(const Trial& trial) const {
    const bool may_go_on = trial.status == TrialStatus::Paused ||
                           (trial.status == TrialStatus::Completed && trial.max_resource);
    return may_go_on ? 1.0 : 0.0;
  }
  /// The StopOrdered::bound of a running trial that is stopped without a bound of the scheduler's,
  /// as at the end of the tuning. Unset, the default: its last report counts as measured.
  virtual std::optional<double> expected_of(TrialId) const { return std::nullopt; }
};

}  // namespace skipjack
