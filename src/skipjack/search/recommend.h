// Which configuration to believe in at the end. Under noise the best single value is a lucky one;
// the model's posterior mean, among configurations that were measured, loses two to four times
// less.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

enum class RecommendationSource {
  Model,         ///< posterior mean of a Gaussian process over all measurements
  ObservedMean,  ///< mean of the configuration's own measurements: too few to fit a process
};

struct Recommendation {
  Configuration configuration;
  /// The first trial that measured it.
  TrialId trial = 0;
  RecommendationSource source = RecommendationSource::ObservedMean;
  /// What is expected of it, in the metric's unit. Where the metric was modelled by its logarithm
  /// this is the median (the exponential of the mean logarithm).
  double mean = 0;
  /// 95 % interval of that mean (not of a single measurement), lower <= mean <= upper; unset for
  /// ObservedMean.
  std::optional<double> lower, upper;
  /// How often it was measured.
  int num_measurements = 0;
  /// That it is the best of the measured configurations, by joint draws from the posterior; unset
  /// for ObservedMean.
  std::optional<double> probability_best;
  /// That it satisfies all constraints: by the model, or 1 or 0 by the means of its own
  /// measurements for ObservedMean; unset without constraints. Below 1/2 nothing measured is likely
  /// to satisfy them, and this configuration is the closest to it.
  std::optional<double> probability_feasible;
  /// Other measured configurations that can't be told apart from it: the 95 % interval of the
  /// difference of the means holds zero. The best first, at most 20; empty for ObservedMean.
  struct Alternative {
    TrialId trial = 0;
    double mean = 0;
    double probability_best = 0;
  };
  std::vector<Alternative> indistinguishable;

  /// The best single value ever reported, and who reported it; not corrected for luck. With
  /// constraints: by a trial that satisfied them, if there is one.
  double best_value = 0;
  TrialId best_value_trial = 0;
  Configuration best_value_configuration;
};

/// nullopt if no trial has a value of the metric and of each of the constraints. Only
/// configurations that were measured to the end are considered, and none that failed at least as
/// often as it was measured; of these, where constraints are given, the ones that satisfy all of
/// them with probability 1/2 or more. What is not a constraint among them is passed over.
/// resource_attr: the key of the resource in reports of methods that stop and pause trials on its
/// way; values at different levels can't be compared, so only trials that came to the highest level
/// that any came to are considered then. Empty: there are no levels. Deterministic. O(n^3) for at
/// most 400 observations.
std::optional<Recommendation> recommend(const SearchSpace& space, const History& history,
                                        const Metric& metric,
                                        std::span<const Metric> constraints = {},
                                        std::string_view resource_attr = {});

}  // namespace skipjack
