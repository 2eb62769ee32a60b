// The configurations of earlier experiments (sources) side by side: what a space can have of them,
// each once, and how good each was where it was measured. Shared by the searchers that go by
// sources alone.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "skipjack/search/unit_space.h"
#include "skipjack/search/warm_start.h"

namespace skipjack {

struct SourceTable {
  struct Entry {
    /// Among configurations.
    std::size_t configuration = 0;
    /// The mean over its repetitions of CarriedObservation::target: smaller is better.
    double target = 0;
    /// As in CarriedObservation, of all repetitions: otherwise target belongs to another
    /// configuration.
    bool exact = true;
  };
  /// Contained in the space, distinct, in the order in which sources have them.
  std::vector<Configuration> configurations;
  /// One a source, which may be empty: best first, each configuration once.
  std::vector<std::vector<Entry>> sources;
};

/// O(n log n).
SourceTable tabulate_sources(const SearchSpace& space, std::span<const SourceExperiment> sources);

/// From 1 on, smallest first; equal values share the mean of their ranks.
std::vector<double> shared_ranks(std::span<const double> values);

}  // namespace skipjack
