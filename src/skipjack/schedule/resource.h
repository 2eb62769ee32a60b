// The resource axis as schedulers see it: its end, the rung levels on it, and how far each trial
// has come by its reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "skipjack/trial/levels.h"

namespace skipjack {

/// Common to all methods that look at reports on the way. The names are Syne Tune's.
struct ResourceOptions {
  /// Key of the resource in reports: a whole number >= 1 that grows within an attempt.
  std::string resource_attr = "epoch";
  /// The largest resource: where a trial is done. Range [2, 2^53]; no default: see
  /// largest_resource.
  std::int64_t max_t = 0;
  /// The first rung level. Range [1, max_t).
  std::int64_t grace_period = 1;
  /// eta: each rung level is so many times the one before it, and about 1/eta of the trials that
  /// come to a rung go on [Li2020, sec. 3]. Range [2, inf); larger ends more trials sooner.
  double reduction_factor = 3;
  /// If set, rung levels are grace_period, grace_period + rung_increment, ... instead. Range [1,
  /// inf).
  std::optional<std::int64_t> rung_increment = std::nullopt;
  /// If not empty, the rung levels themselves: ascending, >= 1, at least one below max_t; max_t may
  /// stand at their end.
  std::vector<std::int64_t> rung_levels = {};
};

/// max_t if given; else the constant of the space named max_resource_attr, if that isn't empty;
/// else the space's constant "epochs", "max_t" or "max_epochs", the first that is there. Throws
/// InvalidArgument if none is, or it is no whole number >= 2.
std::int64_t largest_resource(const SearchSpace& space, std::string_view max_resource_attr,
                              std::optional<std::int64_t> max_t);

/// Rung levels, ascending and below max_t: rung_levels, or round(grace_period * eta^k), k = 0, 1,
/// ..., or the multiples of rung_increment above grace_period. Throws InvalidArgument for options
/// out of range, for levels that don't ascend, and if there are more than 2^20.
std::vector<std::int64_t> rung_levels(const ResourceOptions& options);

/// The quantile of the values at each rung up to which trials go on: r_j / r_{j+1}, the last one
/// r_J / max_t; 1/eta for levels by formula, up to rounding.
std::vector<double> rung_quantiles(const std::vector<std::int64_t>& levels, std::int64_t max_t);

/// What a searcher behind the scheduler is to be told of the axis.
LevelOptions level_options(const ResourceOptions& options, SearcherData data);

/// The metric's value in a report on a scale where smaller is better. What is not finite (NaN,
/// infinities of either sign) becomes +infinity: the worst. nullopt if it is missing or no number.
std::optional<double> score_of(const Json& metrics, const Metric& metric);

/// How far each trial has come. Reports that say nothing new (those of ended attempts, those of a
/// trial that has been told to end, levels that the trial had reached before it was resumed) are
/// passed over. A report without a resource or a metric, and one whose resource is not above the
/// last one of its attempt, is wrong: as long as no trial has done it right, require_sense()
/// throws; after that the program is known to be sound and such a report is passed over too. An
/// attempt may begin with one report of resource 0, from before the first level, which is passed
/// over.
class ResourceLog {
 public:
  /// metrics: all that a report must have.
  ResourceLog(std::string resource_attr, std::vector<Metric> metrics);

  struct Step {
    /// The trial's highest level before this report; 0: none.
    std::int64_t from = 0;
    std::int64_t to = 0;
  };
  /// history: with the report in it. O(1).
  std::optional<Step> take(const Reported& report, const History& history);
  /// A program that counts from 0 completes its first level having reported 0 alone: that is wrong.
  void take(const AttemptEnded& ended);
  /// Throws InvalidArgument if the first reports make no sense; to be called by decide().
  void require_sense() const;
  /// Highest level that the trial has reported in any attempt; 0: none.
  std::int64_t reached(TrialId trial) const;

 private:
  struct Place {
    std::int64_t reached = 0;
    int attempt = 0;
    std::int64_t reached_in_attempt = 0;
    /// In this attempt.
    bool was_at_zero = false;
  };
  std::string lack_of(const Json& metrics) const;

  std::string resource_attr_;
  std::vector<Metric> metrics_;
  std::unordered_map<TrialId, Place> places_;
  /// Most levels that any attempt has gone up so far; 2 is enough to know.
  int most_steps_ = 0;
  std::string problem_;
};

}  // namespace skipjack
