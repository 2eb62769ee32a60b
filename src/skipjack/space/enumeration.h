// The configurations of a finite space by number, each once: those that differ only in parameters
// that they do not have are one. The parameters that conditions speak of decide which others there
// are, so their combinations come first (slowest), and under each the combinations of the rest.
// Constraints are not looked at. Private to space.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "skipjack/space/conditions.h"

namespace skipjack {

/// Immutable. parameters and conditions must outlive it.
class Enumeration {
 public:
  /// O(combinations of the deciding parameters * (parameters + conditions)), cut off at 2^22.
  Enumeration(const std::vector<Parameter>& parameters, const Conditions& conditions);

  /// nullopt if infinite, above 2^53, or if that is cut off.
  std::optional<std::int64_t> size() const { return size_; }
  /// By searched parameter, in the order of the space, the number of its value (value_at); 0 for
  /// those that the configuration has not. 0 <= index < size().
  std::vector<std::int64_t> digits(std::int64_t index) const;

 private:
  struct Searched {
    std::size_t parameter;
    const Domain* domain;
    std::optional<std::int64_t> cardinality;
    bool deciding = false;
  };
  /// All configurations with one combination of the deciding parameters, numbered from first.
  struct Block {
    std::int64_t first;
    std::int64_t combination;
  };

  std::optional<std::int64_t> count();
  /// Sets the digits of the deciding parameters; by parameter, which are active.
  std::vector<bool> choose(std::int64_t combination, std::vector<std::int64_t>& digits) const;

  const std::vector<Parameter>& parameters_;
  const Conditions& conditions_;
  std::vector<Searched> searched_;
  std::vector<Block> blocks_;
  std::optional<std::int64_t> size_;
};

}  // namespace skipjack
