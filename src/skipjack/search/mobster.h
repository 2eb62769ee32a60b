// MOBSTER: a Gaussian process over configuration and resource learns from all trials at all the
// levels that they came to; the configuration of the largest expected improvement at one level, far
// enough up to matter and low enough to be known, is tried next [Klein2020]. For schedulers that
// look at reports on the way. score() compares trials that were begun, each by its own curve, at
// the level that it would come to: so a scheduler can let the model choose what goes on
// [Wistuba2022]. Sources, deviations and figures: docs/methods/mobster.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "skipjack/model/resource_kernel.h"
#include "skipjack/search/searcher.h"
#include "skipjack/trial/levels.h"

namespace skipjack {

/// Where the improvement is looked for.
enum class ResourceAcquisition {
  Bohb,   ///< at the highest level with enough data [Falkner2018]
  First,  ///< at the level at which the proposal is measured first
  Final,  ///< at the largest resource
};
/// "bohb", "first", "final". Throws InvalidArgument.
ResourceAcquisition resource_acquisition_from_string(std::string_view name);

struct MobsterOptions {
  SearchSpace space;
  /// The one metric to optimise.
  Metric metric = {};
  std::uint64_t seed = 0;
  /// The resource axis, and which measurements are learnt from.
  LevelOptions levels = {};
  /// Trials, points_to_evaluate included, before the first that the model proposes; >= 1. Unset:
  /// max(5, d + 1).
  std::optional<std::int64_t> num_initial = std::nullopt;
  /// How levels hang together: see model/resource_kernel.h. For repetitions as the resource
  /// NoisyRepeats. Default Matern.
  ResourceKernel kernel = ResourceKernel::Matern;
  ResourceAcquisition resource_acq = ResourceAcquisition::Bohb;
  /// Of Bohb: measured values that are enough. Range [1, inf); default 3, as Syne Tune. More stays
  /// longer at low levels.
  std::int64_t bohb_threshold = 3;
};

/// No configuration is proposed twice: Exhausted when all were. Throws InvalidArgument for options
/// out of range.
std::unique_ptr<Searcher> make_mobster_search(MobsterOptions options);

}  // namespace skipjack
