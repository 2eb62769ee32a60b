// Which bounds say nothing more: a trial that was stopped early tells of its configuration that the
// value is at least so much, until one of the same configuration is measured, whatever their order,
// or a later one tells another bound. Least of all do they say that it must not be measured again.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace skipjack {

/// What a trial is known to have given, the more the later in this list.
enum class Gave { Nothing, Bound, Value };

struct GivenAtPoint {
  Gave gave = Gave::Nothing;
  /// Number of the trial before it at the same point.
  std::optional<std::size_t> before;
};

/// Of each trial, by number, whether it gave a bound that is surpassed. O(trials).
std::vector<bool> surpassed_bounds(const std::vector<GivenAtPoint>& trials);

}  // namespace skipjack
