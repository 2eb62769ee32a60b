// What an experiment with several objectives found: the trials that no other is better than. By
// their own values, not by a model: a front is read off, not believed in.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

struct FrontMember {
  TrialId trial = 0;
  Configuration configuration;
  /// One an objective, as reported.
  std::vector<double> values;
};

/// The non-dominated ones among the trials that ended with a value of every objective and satisfied
/// all constraints; best in the first objective first, then by number. Trials of equal values stand
/// side by side. metrics: objectives and constraints, what is neither is passed over. include:
/// trials that take part; empty: all. O(n^2).
std::vector<FrontMember> pareto_front(const History& history, std::span<const Metric> metrics,
                                      const std::function<bool(const Trial&)>& include = {});
/// The same as [{"trial_id", "values": {objective: value, ...}, "configuration"}, ...].
Json front_json(const History& history, std::span<const Metric> metrics,
                const std::function<bool(const Trial&)>& include = {});

}  // namespace skipjack
