// Asynchronous successive halving and Hyperband: trials are measured at rungs, and only the better
// ones go on from each [Li2018, Li2020]. In the stopping variant a trial runs until its score at a
// rung is not good enough, and is stopped; in the promotion variant it pauses at each rung, and
// goes on once it is among the best there. Around them what varies: the rule at the rungs
// (rung_rule.h), the searcher that proposes, brackets that begin at higher rungs, and a model that
// chooses among paused trials.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/schedule/resource.h"
#include "skipjack/schedule/rung_rule.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

enum class HalvingType {
  Stopping,   ///< a trial runs on until it is stopped
  Promotion,  ///< a trial pauses at each rung; needs checkpoints to be of use
};

enum class BracketRungs {
  Shared,      ///< all brackets rank their trials together, rung by rung
  PerBracket,  ///< each bracket has rungs of its own
};

/// Weights of the brackets, one each, >= 0, not all 0. A function of the history (and of models
/// restored from the journal) alone. Called when a trial is to start.
using BracketWeights = std::function<std::vector<double>(const History&)>;

/// Hyperband's: bracket s in proportion to S / ((S - s) r_s), S the number of levels and max_t:
/// what its share of trials is in synchronous Hyperband. levels: rung levels, then max_t.
/// num_brackets: [1, levels.size()].
std::vector<double> hyperband_weights(const std::vector<std::int64_t>& levels, int num_brackets);

struct HalvingOptions {
  /// Proposes once points_to_evaluate are used up; SuggestContext says level and bracket. Must not
  /// be null.
  std::unique_ptr<Searcher> searcher;
  /// Complete configurations, started first and in this order.
  std::vector<Configuration> points_to_evaluate = {};
  /// At least one objective; the rule decides what it makes of several.
  std::vector<Metric> metrics = {};
  ResourceOptions resource = {};
  HalvingType type = HalvingType::Stopping;
  /// One a rung system; called once, or once a bracket for BracketRungs::PerBracket. Unset: the
  /// quantile rule.
  std::function<std::unique_ptr<RungRule>()> make_rule = {};
  /// A trial of bracket s looks at no rung below level s. Range [1, number of rung levels + 1].
  int num_brackets = 1;
  BracketRungs bracket_rungs = BracketRungs::Shared;
  /// Unset: hyperband_weights.
  BracketWeights bracket_weights = {};
  /// Name of a number in reports, what the attempt has cost so far; empty: seconds that it ran.
  std::string cost_metric = {};
  /// Promotion variant: probability with which the rule chooses what goes on. Else, and where the
  /// rule lets nothing go on, the searcher's score() of all paused trials at their next level and
  /// of its own proposal at the first one decides (DyHPO's mix [Wistuba2022]); a searcher that
  /// gives no scores leaves it to the rule. Range [0, 1]; default 1, no scores.
  double rule_probability = 1;
  /// Of brackets and of the mix above.
  std::uint64_t seed = 0;
};

/// Trials that reach max_t may end by themselves; one that reports beyond it is stopped. A report
/// that jumps over levels counts for the highest of them. Deviation: Syne Tune passes over such
/// rungs (stopping) or fails (promotion), and stops trials at max_t. O(log n) a report for n
/// trials. Throws InvalidArgument for options out of range.
std::unique_ptr<Scheduler> make_halving(HalvingOptions options);

}  // namespace skipjack
