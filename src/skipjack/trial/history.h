// The history: what is known of every trial, folded from the events.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "skipjack/trial/event.h"

namespace skipjack {

enum class Mode { Min, Max };
enum class MetricRole { Objective, Constraint, Cost };
enum class MetricKind {
  Plain,
  Time,  ///< elapsed seconds of the thing measured: positive, and less of it is also cheaper to
         ///< measure
};

/// A named number that trials report.
struct Metric {
  std::string name;
  Mode mode = Mode::Min;
  MetricRole role = MetricRole::Objective;
  MetricKind kind = MetricKind::Plain;
  /// Of a constraint, in the metric's unit; finite. It is satisfied by values <= bound (Min), >=
  /// bound (Max).
  double bound = 0;
};
std::vector<Metric> metrics_with(MetricRole role, std::span<const Metric> metrics);
bool is_satisfied(const Metric& constraint, double value);
bool is_better(double value, double than, Mode mode);

/// Running holds also for a trial whose attempt was lost: it runs again. A trial that is stopped
/// while paused or lost is Stopped at once; its end stays that of the last attempt.
enum class TrialStatus { Running, Paused, Completed, Stopped, Failed };
inline constexpr std::size_t kNumTrialStatuses = static_cast<std::size_t>(TrialStatus::Failed) + 1;
std::string_view to_string(TrialStatus status);

struct Report {
  Json metrics;
  /// Running time of the experiment.
  Duration time{0};
  double unix_time = 0;
  int attempt = 0;
};

struct Trial {
  TrialId id = 0;
  Configuration configuration;
  TrialStatus status = TrialStatus::Running;
  /// The current or last attempt.
  int attempt = 0;
  std::optional<TrialId> checkpoint_from;
  std::optional<std::int64_t> max_resource;
  std::optional<Duration> deadline;
  Json tag;
  Duration started{0};
  /// Unset while it runs.
  std::optional<Duration> ended;
  /// Of all attempts that count: those of lost attempts are dropped when the next attempt starts; a
  /// paused trial's are kept.
  std::vector<Report> reports;
  /// How the last attempt ended; unset while it runs.
  std::optional<AttemptEnd> end;
  /// A Stop or Pause was ordered and the attempt has not ended yet.
  bool ending = false;
  /// Of the Stop that was ordered: the objective would have been at least (Min), at most (Max)
  /// this.
  std::optional<double> bound;
};

/// What is learnt of a configuration.
struct Measured {
  double value;
};
/// The value would have been at least (Min) or at most (Max) this: it was stopped early.
struct Bounded {
  double bound;
};
/// It fails for what it is: not to be proposed again.
struct Invalid {};
/// It failed for a passing reason and may be tried again.
struct TransientFailure {};
using Observation = std::variant<Measured, Bounded, Invalid, TransientFailure>;

/// Copyable; cost of apply O(1), and a memory move of the running trials where one begins or ends.
class History {
 public:
  /// Throws Corrupted for an event that can't follow: a trial out of turn, an unknown trial or
  /// attempt, a second attempt beside a running one; the history is then unchanged. Reports and
  /// ends of attempts that have ended are passed over.
  void apply(const Event& event);

  /// Another value of a metric in the trial's last report, for one who shows a history in the light
  /// of what was learnt later; no event's doing. trial: one that has a report; anything else is a
  /// bug.
  void restate(TrialId trial, std::string_view metric, double value);

  /// By number: trials()[i].id == i.
  const std::vector<Trial>& trials() const { return trials_; }
  const Trial* find(TrialId id) const;
  /// Number of Reported events that were accepted, over all trials.
  std::int64_t num_reports() const { return num_reports_; }
  /// Trials whose status is Running, in order of number. Kept up to date by apply().
  const std::vector<TrialId>& running() const { return running_; }
  std::int64_t num_with(TrialStatus status) const {
    return num_with_[static_cast<std::size_t>(status)];
  }
  Duration time() const { return time_; }
  std::int64_t num_events() const { return num_events_; }
  int num_runs() const { return num_runs_; }

 private:
  class Fold;

  std::vector<Trial> trials_;
  std::vector<TrialId> running_;
  /// By status.
  std::array<std::int64_t, kNumTrialStatuses> num_with_{};
  std::int64_t num_reports_ = 0;
  std::int64_t num_events_ = 0;
  int num_runs_ = 0;
  Duration time_{0};
};

/// The last finite value of the metric among the trial's reports; nullopt if there is none.
std::optional<double> last_value(const Trial& trial, std::string_view metric);
/// What the trial says about its configuration: nullopt while it runs without a report. A running
/// trial's reports count as Measured only after it has ended. Failed trials are Invalid; stopped
/// ones Bounded if a bound was given, else Measured if they reported.
std::optional<Observation> observe(const Trial& trial, const Metric& metric);
/// What the trial counts with where values are compared: that of observe(), if it is Measured.
std::optional<double> measured_value(const Trial& trial, const Metric& metric);
/// Whether the trial reported a value of each constraint and all of them are satisfied; what isn't
/// a constraint is passed over.
bool satisfies_constraints(const Trial& trial, std::span<const Metric> metrics);

struct BestValue {
  TrialId trial = 0;
  double value = 0;
};
/// The best, by mode, of what value_of gives for the trials that satisfy the constraints among
/// metrics, the first of equals; nullopt without any.
std::optional<BestValue> best_value(
    const History& history, std::span<const Metric> metrics, Mode mode,
    const std::function<std::optional<double>(const Trial&)>& value_of);

}  // namespace skipjack
