// The brackets of synchronous Hyperband [Li2018]: how many trials are measured at which level, and
// who goes on. A bracket is a ladder of rungs; a rung has a number of places, and only when all of
// them have a result do the best go on to the next. Values alone: no events, no commands.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "skipjack/trial/event.h"

namespace skipjack {

struct SyncRung {
  /// Resource at which its trials are measured.
  std::int64_t level = 1;
  /// Places.
  std::int64_t size = 1;
  friend bool operator==(const SyncRung&, const SyncRung&) = default;
};

/// The levels of geometric brackets: round(grace_period eta^k) for k = 0 ... s - 1, and max_t, with
/// s = floor(log_eta(max_t / grace_period)). grace_period in [1, max_t], eta >= 2.
std::vector<std::int64_t> sync_levels(std::int64_t grace_period, std::int64_t max_t, double eta);

/// One ladder a bracket: bracket b begins at levels[b] with the most trials it can afford if all
/// brackets are to cost about the same: with s + 1 levels, f = (s + 1) / (s - b + 1), its rung j
/// has ceil(f eta^(s - b - j)) places at levels[b + j]. levels: ascending, not empty. num_brackets:
/// in [1, levels]; eta >= 2. Deviation: [Li2018] rounds the sizes behind the first down.
std::vector<std::vector<SyncRung>> sync_ladders(const std::vector<std::int64_t>& levels, double eta,
                                                std::size_t num_brackets);

/// Who fills the places of the rungs behind the first.
enum class Advance {
  Promote,  ///< the best trials of the rung below go on
  Renew,    ///< new trials
};

/// A bracket under way. Not thread-safe.
class SyncBracket {
 public:
  struct Place {
    enum class State {
      Waiting,  ///< promoted, at rest below
      Running,
      Done,
      Failed,  ///< ranks behind all that are done
    };
    TrialId trial = 0;
    State state = State::Running;
    /// Once Done; smaller is better, not finite: worse than all that are.
    double loss = 0;
  };

  /// ladder: not empty.
  SyncBracket(std::vector<SyncRung> ladder, Advance advance);

  /// All rungs have all their results, or nobody is left to go on.
  bool is_done() const { return rung_ == ladder_.size(); }
  /// The rung under way, in [0, rungs); only while it is not done.
  std::size_t rung() const { return rung_; }
  std::int64_t level() const { return ladder_[rung_].level; }
  std::int64_t size() const { return ladder_[rung_].size; }
  /// Those taken, of the rung under way or one before it.
  const std::vector<Place>& places(std::size_t rung) const { return places_[rung]; }
  /// Whether a place of the rung under way is there for a new trial.
  bool is_open() const;
  /// The best of those promoted who still wait.
  std::optional<TrialId> waiting() const;
  bool is_waiting(TrialId trial) const;
  bool is_running(TrialId trial) const;

  /// A new trial takes an open place.
  void start(TrialId trial);
  /// One that waits.
  void resume(TrialId trial);
  /// Of a trial in the rung under way; passed over if it isn't or has a result already.
  void finish(TrialId trial, double loss);
  /// It can't go on: in the rung under way it counts as failed, whatever result it had.
  void fail(TrialId trial);
  /// There are no trials for the open places: they are given up.
  void close();

 private:
  /// In the rung under way; nullptr if it has no place there.
  Place* find(TrialId trial);
  const Place* find(TrialId trial) const;
  void settle(Place& place, Place::State state);
  void advance();

  std::vector<SyncRung> ladder_;
  Advance advance_;
  std::size_t rung_ = 0;
  std::vector<std::vector<Place>> places_;
  /// Of the rung under way: places that nobody has taken, places that wait or run, the first that
  /// may wait, and where each trial's place is.
  std::int64_t num_open_ = 0;
  std::int64_t num_unsettled_ = 0;
  mutable std::size_t first_waiting_ = 0;
  std::unordered_map<TrialId, std::size_t> at_;
};

/// The places that are done with a finite loss, best first, those of equal loss by trial.
std::vector<SyncBracket::Place> ranked(const std::vector<SyncBracket::Place>& places);

}  // namespace skipjack
