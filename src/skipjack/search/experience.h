// What a history has taught, for the searchers that go from result to result without a surrogate:
// each trial as a point of the unit cube and a loss, what still runs, and what may be proposed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/search/random.h"
#include "skipjack/search/tried.h"
#include "skipjack/search/unit_space.h"
#include "skipjack/trial/levels.h"

namespace skipjack {

struct FinishedTrial {
  TrialId trial = 0;
  /// Finite, smaller is better: the metric's value, its sign turned for Max; of a trial stopped
  /// early its bound. Unset: failed for what it is.
  std::optional<double> loss;
  /// The same of the other objectives, in their order; empty if loss is unset.
  std::vector<double> other_losses = {};
  /// Constraints that it broke, or has no value of.
  int num_broken = 0;
  /// Whether loss is a bound.
  bool is_bound = false;
  /// Of all objectives; only if loss is set.
  std::vector<double> losses() const {
    std::vector<double> all = {*loss};
    all.insert(all.end(), other_losses.begin(), other_losses.end());
    return all;
  }
  friend bool operator==(const FinishedTrial&, const FinishedTrial&) = default;
};

struct ExperienceOptions {
  SearchSpace space;
  Metric metric = {};
  /// Further objectives. A trial that completes without reporting all of them failed; of one that
  /// was stopped before, nothing is learnt.
  std::vector<Metric> others = {};
  /// Of role Constraint: what is counted in num_broken.
  std::vector<Metric> constraints = {};
  /// If set, values are compared at one level of the resource: the highest at which at least
  /// enough_values trials have one [Falkner2018]. Trials with a value there are finished, whatever
  /// has become of them since; what ended below it teaches nothing unless it failed. As long as
  /// there is no such level, only failures are finished. Not together with others.
  std::optional<LevelOptions> levels = std::nullopt;
  std::size_t enough_values = 1;
  /// Of the fallback.
  std::uint64_t seed = 0;
  Duplicates duplicates = Duplicates::Avoid;
};

/// Not thread-safe. A cache of points: what it answers is a function of the options and the history
/// last given to update().
class Experience {
 public:
  explicit Experience(ExperienceOptions options);

  /// Encodes the trials that are new; O(trials log trials) otherwise. Returns how the history
  /// relates to the one of the last call.
  TriedConfigurations::Relation update(const History& history);

  const UnitSpace& unit_space() const { return unit_space_; }
  const UnitPoint& point(TrialId trial) const { return points_[static_cast<std::size_t>(trial)]; }
  /// In the order in which they ended, those of one instant by number. A trial that was stopped at
  /// a bound is not among them once that is surpassed (surpassed.h).
  const std::vector<FinishedTrial>& finished() const { return finished_; }
  /// They run without a value.
  const std::vector<TrialId>& pending() const { return pending_; }
  /// At which values are compared; unset where levels are, or as long as none has enough values.
  std::optional<std::int64_t> level() const { return level_; }

  /// point: snapped. Not running, not failed, within the constraints, and, where duplicates are
  /// avoided, never started.
  bool may_propose(const UnitPoint& point) const;
  /// The first of at most this many draws that may be proposed, once snapped; where none may, what
  /// random search without duplicates finds.
  Suggestion propose(const History& history, const SuggestContext& context, int max_draws,
                     const std::function<UnitPoint()>& draw);

 private:
  void take_trials(const std::vector<Trial>& trials);
  void take_levels(const std::vector<Trial>& trials);

  ExperienceOptions options_;
  UnitSpace unit_space_;
  TriedConfigurations tried_;
  std::unique_ptr<Searcher> fallback_;
  std::vector<UnitPoint> points_;
  /// By trial, the one before it at the same point; of each point the newest.
  std::vector<std::optional<std::size_t>> before_;
  std::map<UnitPoint, std::size_t> newest_;
  /// By trial, what its reports said of levels when there were so many of them.
  struct Levels {
    int attempt = 0;
    std::size_t num_reports = 0;
    std::vector<LevelValue> values = {};
  };
  std::vector<Levels> levels_;
  std::optional<std::int64_t> level_;
  std::vector<FinishedTrial> finished_;
  std::vector<TrialId> pending_;
};

}  // namespace skipjack
