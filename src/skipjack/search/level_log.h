// What a history says of one metric along the resource axis, trial by trial, in the encoded space.
// Keeps what it has read, so that a searcher which is asked after every report does not read all of
// them each time.
#pragma once

#include <cstdint>
#include <vector>

#include "skipjack/search/feasibility.h"
#include "skipjack/search/surrogate.h"
#include "skipjack/search/unit_space.h"
#include "skipjack/trial/levels.h"

namespace skipjack {

struct LevelRecord {
  enum class State {
    Running,
    Resting,  ///< paused, stopped or done
    Failed,   ///< for what it is
  };
  UnitPoint point;
  State state = State::Running;
  /// As level_values() has them. Of a failed trial none.
  std::vector<LevelValue> values;
  /// Its last report was not finite (NaN, infinity): as bad as can be from there on.
  bool is_diverged = false;

  /// Whether it failed, or its metric is no longer finite.
  bool is_bad() const { return state == State::Failed || is_diverged; }
  /// Highest level with a value; 0: none.
  std::int64_t reached() const { return values.empty() ? 0 : values.back().resource; }

  friend bool operator==(const LevelRecord&, const LevelRecord&) = default;
};

/// Not thread-safe. A cache: what it holds is a function of the history last given to update().
class LevelLog {
 public:
  LevelLog(SearchSpace space, Metric metric, LevelOptions levels);

  /// O(trials), reading only trials that have changed.
  void update(const History& history);
  /// By trial number.
  const std::vector<LevelRecord>& records() const { return records_; }
  /// Over all trials.
  std::size_t num_values() const;
  const LevelOptions& levels() const { return levels_; }
  /// Rung levels and the largest resource, ascending.
  const std::vector<std::int64_t>& milestones() const { return milestones_; }
  /// The first milestone above the level; the largest resource if there is none.
  std::int64_t milestone_after(std::int64_t level) const;

 private:
  struct Read {
    int attempt = -1;
    std::size_t num_reports = 0;
  };
  SearchSpace space_;
  Metric metric_;
  LevelOptions levels_;
  std::vector<std::int64_t> milestones_;
  std::vector<LevelRecord> records_;
  std::vector<Read> read_;
  Configuration last_configuration_;
};

/// How many trials have a value at the level itself.
std::size_t num_values_at(const std::vector<LevelRecord>& records, std::int64_t level);

/// The highest of the levels that at least so many trials have a value at, else the lowest one.
std::int64_t highest_level_with(const std::vector<LevelRecord>& records,
                                const std::vector<std::int64_t>& levels, std::size_t at_least);

/// What the trials say at one level, to a model that knows no others. Trials that were left behind
/// below it were not good enough to come so far: they are among the invalid ones, as are those that
/// are bad. Trials that run and have not come so far are pending.
Observations observations_at(const LevelLog& log, std::int64_t level);

/// The last value of each trial, whatever its level. Those without one are pending while they run;
/// bad ones are invalid.
Observations last_observations(const LevelLog& log);

/// Of the trials that gave values and those that are bad, the latest 400 each.
Feasibility feasibility_of(const UnitSpace& space, const LevelLog& log, FeasibilityFit previous,
                           Fit fit);

}  // namespace skipjack
