// A rung: the scores that trials had at one level, in order, and which of the trials that rest
// there is the next to go on. Pure values; smaller scores are better. What a rung says is that of
// Syne Tune's and of numpy.quantile's linear interpolation.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "skipjack/trial/event.h"

namespace skipjack {

/// Numbers split into the k smallest and the others. add() and resize() by one are O(log n), the
/// rest O(1).
class SplitOrder {
 public:
  void add(double value);
  /// k: [0, size()].
  void set_num_lower(std::size_t k);
  std::size_t size() const { return lower_.size() + upper_.size(); }
  /// The k-th smallest; needs k > 0.
  double largest_lower() const { return *lower_.rbegin(); }
  /// The one after it; needs k < size().
  double smallest_upper() const { return *upper_.begin(); }

 private:
  std::multiset<double> lower_, upper_;
};

/// The quantile q in (0, 1) of numbers that come one by one: numpy.quantile, linear.
class RunningQuantile {
 public:
  explicit RunningQuantile(double q) : q_(q) {}
  /// O(log n).
  void add(double value);
  std::size_t size() const { return order_.size(); }
  /// nullopt before the first. Between a finite value and an infinite one it is the finite one.
  std::optional<double> value() const;

 private:
  double q_;
  SplitOrder order_;
};

class Rung {
 public:
  /// quantile: of the scores, up to which trials go on; (0, 1).
  explicit Rung(double quantile) : scores_(quantile) {}

  /// Its score at this level. A trial that comes a second time keeps its first. O(log n).
  void enter(TrialId trial, double score);
  /// nullopt before the trial came here.
  std::optional<double> score(TrialId trial) const;
  std::size_t size() const { return scores_.size(); }
  /// The quantile of all scores, the newest among them; nullopt for less than two.
  std::optional<double> cutoff() const;
  /// Whether a score is at most the cut-off, or there is none yet. An infinite one never is within
  /// a cut-off.
  bool is_within_cutoff(double score) const;

  /// A trial that has entered rests here and may be promoted from now on. O(log n).
  void offer(TrialId trial);
  /// It has gone on, or never will. Its score stays. O(log n).
  void withdraw(TrialId trial);
  /// Those on offer, best first, ties by number.
  const std::set<std::pair<double, TrialId>>& offered() const { return offered_; }

 private:
  RunningQuantile scores_;
  std::unordered_map<TrialId, double> score_of_;
  std::set<std::pair<double, TrialId>> offered_;
};

}  // namespace skipjack
