// What a history says of one metric, and of those to be known beside it, trial by trial, in the
// encoded space. Keeps what it has read, so that a searcher which is asked after every report does
// not encode a thousand configurations each time.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "skipjack/search/unit_space.h"
#include "skipjack/trial/history.h"

namespace skipjack {

struct TrialRecord {
  enum class Kind {
    Pending,  ///< runs: nothing is known of it yet
    Value,    ///< measured
    Bound,    ///< stopped early: the value would have been at least (Min), at most (Max) this
    Invalid,  ///< failed for what it is
    Nothing,  ///< ended without anything learnt
  };
  UnitPoint point;
  Kind kind = Kind::Pending;
  /// Of Value and Bound; finite, in the metric's own unit.
  double value = 0;
  /// Of Value and Bound: the metrics beside it, in their order.
  std::vector<double> beside = {};
  Duration started{0};
  /// Unset while it runs.
  std::optional<Duration> ended;
  /// Number of the trial before it at the same point.
  std::optional<std::size_t> before;
};

/// Not thread-safe. A cache of encoded configurations: what it holds is a function of the history
/// last given to update().
class TrialLog {
 public:
  /// beside: further metrics that a trial has to report to be of use. One that completed without
  /// them failed; of one that was stopped before, nothing is learnt.
  TrialLog(SearchSpace space, Metric metric, std::vector<Metric> beside = {})
      : space_(std::move(space)), metric_(std::move(metric)), beside_(std::move(beside)) {}

  /// O(trials), encoding only those that are new; n of them in O(n log trials).
  void update(const History& history);
  /// By trial number.
  const std::vector<TrialRecord>& records() const { return records_; }

 private:
  SearchSpace space_;
  Metric metric_;
  std::vector<Metric> beside_;
  std::vector<TrialRecord> records_;
  /// Of each point.
  std::map<UnitPoint, std::size_t> newest_;
  Configuration last_configuration_;
};

}  // namespace skipjack
