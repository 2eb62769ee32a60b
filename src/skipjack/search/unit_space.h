// A search space as the models see it: points of the unit cube that stand for configurations, their
// neighbours, and whether they keep the constraints. Numbers only, so that thousands of candidates
// can be looked at without making their configurations.
#pragma once

#include <cstdint>
#include <vector>

#include "skipjack/model/gaussian_process.h"
#include "skipjack/space/search_space.h"

namespace skipjack {

/// One coordinate per searched parameter, as SearchSpace::encode gives it.
using UnitPoint = std::vector<double>;

/// Immutable but for the list of enumerate(), which is made once. Not thread-safe.
class UnitSpace {
 public:
  explicit UnitSpace(SearchSpace space);

  std::size_t dimension() const { return kinds_.size(); }
  /// Unordered for every parameter with categories, however few.
  const std::vector<DimensionKind>& kinds() const { return kinds_; }
  const SearchSpace& space() const { return space_; }

  /// The point of the configuration whose cell holds it; encode(decode(point)), exactly.
  UnitPoint snap(UnitPoint point) const;
  /// point: a result of snap() or encode().
  bool satisfies_constraints(const UnitPoint& point) const;

  /// Points that differ in one coordinate: all values of a parameter with at most 16, else some
  /// steps up and down, from one value to an eighth of the axis; each snapped. They may violate a
  /// constraint.
  std::vector<UnitPoint> neighbors(const UnitPoint& point) const;
  /// A random point near this one: each coordinate moves with probability min(1, 2 / d), an ordered
  /// one by a normal step of standard deviation spread, an unordered one to any value. Snapped.
  UnitPoint perturb(const UnitPoint& point, double spread, Rng& rng) const;

  /// All points that satisfy the constraints, if the space has at most kEnumerable configurations;
  /// else nullptr.
  const std::vector<UnitPoint>* enumerate() const;
  static constexpr std::int64_t kEnumerable = 20'000;

 private:
  /// Positions of a parameter's values in order; empty if there are more than 4096.
  std::vector<std::vector<double>> levels_;
  SearchSpace space_;
  std::vector<DimensionKind> kinds_;
  mutable std::vector<UnitPoint> all_;
  mutable bool enumerated_ = false;
};

}  // namespace skipjack
