// Warm start: what earlier experiments in other environments (sources) say about where to begin in
// this one (the target). The data that is carried over, its JSON form, and configurations that are
// worth trying first. What sources are believed later on is decided in transfer.h.
//
// A source's values are never compared with the target's, only among themselves: units and offsets
// of environments differ.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

/// An earlier experiment, reduced to what was measured. It is all that a resumed experiment needs
/// of it.
struct SourceExperiment {
  struct Observation {
    /// In the source's own space, which may differ from the target's.
    Configuration configuration;
    /// Of the metric, in its unit; finite.
    double value = 0;
    friend bool operator==(const Observation&, const Observation&) = default;
  };
  /// Names the source in messages; no default.
  std::string name;
  /// Of the source's metric.
  Mode mode = Mode::Min;
  /// Repeated measurements of one configuration are repeated here. Failures are left out.
  std::vector<Observation> observations;
  friend bool operator==(const SourceExperiment&, const SourceExperiment&) = default;
};

/// The measured trials of a history; trials that failed, or were stopped at a bound, are left out.
SourceExperiment source_experiment(std::string name, const History& history, const Metric& metric);

/// {"name": "...", "mode": "min", "parameters": ["x", ...], "configurations": [[0.5, ...], ...],
///  "values": [1.5, ...]}; null for a parameter that a configuration does not have. As long as its
/// numbers, since it goes into the journal of each experiment that begins from it.
Json to_json(const SourceExperiment& source);
/// mode may be missing (min). Throws InvalidArgument naming source and observation: no object,
/// lists that don't fit one another, a value that isn't a finite number, an unknown mode.
SourceExperiment source_experiment_from_json(const Json& json);

/// An observation of a source as the target's space can have it.
struct CarriedObservation {
  /// Contained in the target's space.
  Configuration configuration;
  /// How good, within the source: smaller is better, mean 0 and variance 1 over the source's
  /// observations, by search/surrogate.h's TargetTransform (logarithm where values span a factor of
  /// 3, bad side compressed).
  double target = 0;
  /// The configuration is as it was measured. Otherwise it had a number moved to the nearest one in
  /// its domain, or a missing parameter filled with its midpoint: worth trying, but the value
  /// belongs to another configuration.
  bool exact = true;
  /// A number was moved; implies !exact.
  bool moved = false;
  friend bool operator==(const CarriedObservation&, const CarriedObservation&) = default;
};

/// In the source's order. Left out: configurations that violate a constraint of the space, hold a
/// category that it doesn't have, or share no searched parameter with it. Parameters that the space
/// doesn't search are passed over. O(n).
std::vector<CarriedObservation> carry_over(const SearchSpace& space,
                                           const SourceExperiment& source);

struct TransferPointsOptions {
  /// The target's; no default.
  SearchSpace space;
  /// Those first in the list go first where ranks are equal.
  std::span<const SourceExperiment> sources;
  /// How many at most. Range [1, inf); default 5: of environments that resemble each other at all,
  /// the best five to ten of one hold a nearly best one of another. More costs evaluations where
  /// sources mislead.
  std::size_t number = 5;
};

/// The configurations to begin with, most promising first; distinct, contained in the space, fewer
/// than number if the sources don't give more. All sources' best, then all sources' second best,
/// and so on, of the best tenth of each (at least number, at most the better half), but none within
/// a fifth of the cube's edge (root mean square over parameters; a differing category counts as a
/// whole edge) of one chosen before; that distance is halved, and in the end given up, as long as
/// too few are found. A function of its arguments: no chance in it.
std::vector<Configuration> choose_transfer_points(const TransferPointsOptions& options);

}  // namespace skipjack
