// The method that searches behind a tuning of downloads. It has numbers and a history of its own:
// its trial 0 is the baseline, then come the trials of the search; it hears of no others. Events
// reach it with the values as they were measured; where it is asked for more, it is shown what is
// believed of them by then, which later measurements of the baseline change.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/s3tune/s3_scheduler.h"

namespace skipjack::s3tune {

/// Of a trial that has ended; nothing if neither is set.
struct Belief {
  std::optional<double> value;
  /// At least so much, where there is no value.
  std::optional<double> bound;
  friend bool operator==(const Belief&, const Belief&) = default;
};
using Believe = std::function<Belief(const Trial&)>;

class MethodSearch {
 public:
  /// From the baseline and the starts on, without a cap of its own, since downloads are capped one
  /// by one. Throws as validate does, and for an unknown method.
  explicit MethodSearch(const S3SchedulerOptions& options);

  bool knows(TrialId trial) const { return numbers_.contains(trial); }
  bool has_baseline() const { return !trials_.empty(); }
  /// Trials but for the baseline.
  std::int64_t num_candidates() const { return std::max<std::int64_t>(0, std::ssize(trials_) - 1); }

  /// A trial begins; the first is the baseline, whatever its configuration.
  void begin(const Event& event, TrialStarted trial);
  /// What happened to a trial that it knows, and fitted models; all else is passed over.
  void pass_on(const Event& event, EventBody body);

  /// What it says to do; nullopt: it has nothing more to propose.
  std::optional<Command> ask(const SchedulerView& view, const Believe& believe,
                             std::optional<double> remaining_fraction);
  /// Best by posterior mean, as values of the searched parameters; null if that is the baseline.
  Json leader(const History& history, const Believe& believe);
  /// What the method is shown of the history that the events were of: its trials by its numbers,
  /// those that have ended with what is believed of them by now. Valid until the next call.
  /// O(trials), but next to nothing for one that is shown already.
  const History& believed(const History& history, const Believe& believe);

 private:
  void tell(const Event& event, EventBody body);
  /// Adds what is not shown yet, and changes believed values of what is. False, with some of that
  /// done, if that does not do: a trial that had ended runs again, or what is believed of it was,
  /// or is, no value (a bound, another bound, nothing).
  bool show(const History& history, const Believe& believe);
  void show_end(const Trial& trial, TrialId number, const Belief& belief);

  const SearchSpace space_;
  const Configuration baseline_point_;
  std::unique_ptr<Scheduler> method_;
  /// As measured.
  History history_;
  /// By its numbers, and the other way round.
  std::vector<TrialId> trials_;
  std::map<TrialId, TrialId> numbers_;
  /// A cache: what believed() showed last, and of trials that had ended what was believed.
  History shown_;
  std::vector<std::optional<Belief>> shown_beliefs_;
  /// Not an event's doing: asked again, it says so again.
  bool exhausted_ = false;
};

}  // namespace skipjack::s3tune
