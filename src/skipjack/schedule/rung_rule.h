// Rung rules: which trials go on from the rungs of one system. What the rules of successive
// halving, cost-aware promotion, RUSH and PASHA differ in lives behind this interface; when trials
// start, pause and stop is the scheduler's (halving.h). State changes in enter(), offer() and
// withdraw() alone, in the order of events.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/schedule/rungs.h"
#include "skipjack/trial/history.h"
#include "skipjack/trial/levels.h"

namespace skipjack {

/// What a trial has to show at a rung.
struct RungEntry {
  /// With the report in it that took it to the rung.
  const Trial& trial;
  /// One an objective, in their order, by score_of(): smaller is better, +infinity is the worst.
  std::vector<double> scores;
  /// Of the trial since its beginning, over its attempts: what HalvingOptions::cost_metric says,
  /// else seconds that it ran.
  double cost = 0;
};

/// Rungs are numbered from 0, the lowest. Scores are compared within a rung only.
class RungRule {
 public:
  virtual ~RungRule() = default;
  /// A trial comes to a rung; once a trial and rung.
  virtual void enter(std::size_t rung, const RungEntry& entry) = 0;
  /// In the stopping variant, of the trial that has just entered: whether it may go on.
  virtual bool goes_on(std::size_t rung, TrialId trial) const = 0;
  /// In the promotion variant: the trial rests at the rung and may be resumed.
  virtual void offer(std::size_t rung, TrialId trial) = 0;
  /// It was resumed, or never will be.
  virtual void withdraw(std::size_t rung, TrialId trial) = 0;
  /// The trial on offer that goes on next; nullopt if none may.
  virtual std::optional<TrialId> promotable(std::size_t rung) const = 0;
  /// All trials on offer, best first.
  virtual std::vector<TrialId> offered(std::size_t rung) const = 0;
};

/// Successive halving: trials go on whose score is at most the quantile of the rung [Li2020].
/// quantiles: one a rung, see rung_quantiles().
std::unique_ptr<RungRule> make_quantile_rule(const std::vector<double>& quantiles);

/// Promotion by cost: of the trials at a rung, best first, those may go on whose costs up to and
/// with them are at most the quantile's share of the costs of all (Syne Tune's "cost_promotion"). A
/// trial is stopped by the same rule in the stopping variant. O(log n) an entry, O(n) a promotion.
std::unique_ptr<RungRule> make_cost_rule(const std::vector<double>& quantiles);

/// RUSH: beyond the inner rule, a trial must be no worse at a rung than the best of the candidates
/// that came there so far; candidates are trials 0, ..., num_candidates - 1 and need not
/// [Zappella2021].
std::unique_ptr<RungRule> make_rush_rule(const std::vector<double>& quantiles,
                                         std::int64_t num_candidates);

/// PASHA: the quantile rule, but nothing is promoted from the highest rung in use, which is the
/// second one at first, and the next one as soon as trials rank otherwise there than in the rung
/// below it, beyond noise [Bohdal2023]. levels: see LevelOptions, to read curves by. For the
/// promotion variant.
std::unique_ptr<RungRule> make_pasha_rule(const std::vector<double>& quantiles, LevelOptions levels,
                                          Metric metric);

}  // namespace skipjack
