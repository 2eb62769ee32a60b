// Which parameters a configuration has: the conditions of a space, compiled, in an order in which
// each comes after those of the parameters that it speaks of. A condition that speaks of an absent
// parameter does not hold, so that whatever hangs on an absent parameter is absent as well. Private
// to space.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "skipjack/space/constraint.h"
#include "skipjack/space/search_space.h"

namespace skipjack {

/// Throws InvalidArgument naming what is wrong: a parameter that there is not or that the condition
/// is of, an expression that can't be read.
Constraint compile_condition(const std::vector<Parameter>& parameters, const Condition& condition);

/// Immutable; thread-safe.
class Conditions {
 public:
  Conditions() = default;
  /// Throws InvalidArgument, also for a parameter with two conditions and for conditions that go in
  /// a circle.
  Conditions(const std::vector<Parameter>& parameters, const std::vector<Condition>& conditions);

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  /// The parameters that conditions speak of, by index, ascending.
  const std::vector<std::size_t>& deciding() const { return deciding_; }
  /// By parameter, whether a configuration has it. values: one a parameter, nullptr where there is
  /// none; only those of deciding() are read.
  std::vector<bool> active(std::span<const Json* const> values) const;

 private:
  struct Entry {
    std::size_t parameter;
    Constraint when;
  };
  /// Later entries may speak of the parameters of earlier ones.
  std::vector<Entry> entries_;
  std::vector<std::size_t> deciding_;
};

}  // namespace skipjack
