// The same world under another face, a new one for every seed, so that no method can gain from
// names, order, direction or scale: what it wins, it wins by what it learns.
#pragma once

#include <cstdint>
#include <memory>

#include "skipjack/benchmark/world.h"

namespace skipjack::benchmark {

enum class ValueScale {
  Kept,
  Random,  ///< all values, and for times the durations, times one factor in [10^-3, 10^3]
};

/// Always: parameters are renamed and permuted, the labels of categories are replaced and permuted,
/// and ordered parameters are turned round with probability 1/2 (those where that is exact: not
/// integers on a logarithmic scale, quantised domains and ordinals placed by size).
struct DisguiseOptions {
  std::uint64_t seed = 0;
  /// Parameters added that change nothing: real numbers and three categories in turn. Range
  /// [0, 100].
  int num_irrelevant = 0;
  ValueScale scale = ValueScale::Kept;
};

/// Regret and noise are those of the world within. Throws InvalidArgument for options out of range,
/// Unsupported for a world with constraints, which name its parameters.
std::unique_ptr<World> disguise(std::shared_ptr<const World> world, const DisguiseOptions& options);

}  // namespace skipjack::benchmark
