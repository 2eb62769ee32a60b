// A search space as the models see it: points of the unit cube that stand for configurations, their
// neighbours, and whether they keep the constraints. Numbers only, so that thousands of candidates
// can be looked at without making their configurations.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "skipjack/model/gaussian_process.h"
#include "skipjack/space/search_space.h"

namespace skipjack {

/// One coordinate per searched parameter, as SearchSpace::encode gives it.
using UnitPoint = std::vector<double>;

/// As near as neighbors() and perturb() come to the ends of a range of floats, of the axis: half of
/// one cell in 4096. Programs often take a range without its last number, and draws never give it.
inline constexpr double kEndMargin = 0.5 / 4096;

/// Immutable but for caches: the list of enumerate() and what active() found. Not thread-safe.
class UnitSpace {
 public:
  explicit UnitSpace(SearchSpace space);

  std::size_t dimension() const { return kinds_.size(); }
  /// Unordered for every parameter with categories, however few.
  const std::vector<DimensionKind>& kinds() const { return kinds_; }
  const SearchSpace& space() const { return space_; }

  /// As a process sees the space: a dimension a parameter, and after them a rough one for each
  /// ordered parameter of 3 to 32 values, in the same order. Block sizes, layer counts and the like
  /// have a course and, at single values, something of their own.
  const std::vector<DimensionKind>& model_kinds() const { return model_kinds_; }
  /// One row a point, one column a model kind.
  Eigen::MatrixXd model_matrix(std::span<const UnitPoint> points) const;

  /// Parameters that are as good as continuous: ordered, with more than 4096 values.
  const std::vector<std::size_t>& continuous() const { return continuous_; }

  /// The point of the configuration whose cell holds it; encode(decode(point)), exactly. So an
  /// inactive coordinate is at SearchSpace::kInactiveCoordinate.
  UnitPoint snap(UnitPoint point) const;
  /// By coordinate, whether the point's configuration has the parameter. point: a result of snap()
  /// or encode(). Depends on the coordinates SearchSpace::deciding() alone: all true without
  /// conditions, else found once for each combination of them; then O(d).
  std::vector<bool> active(const UnitPoint& point) const;
  /// False if active() is all true for every point.
  bool is_conditional() const { return !space_.conditions().empty(); }
  /// point: a result of snap() or encode().
  bool satisfies_constraints(const UnitPoint& point) const;

  /// Points that differ in one active coordinate: all values of a parameter with at most 16, else
  /// some steps up and down, from one value to an eighth of the axis; each snapped. Coordinates
  /// that become active by it start at the middle of their axis. They may violate a constraint.
  std::vector<UnitPoint> neighbors(const UnitPoint& point) const;
  /// A random point near this one: each active coordinate moves with probability min(1, 2 / d), d
  /// of them, an ordered one by a normal step of standard deviation spread, an unordered one to any
  /// value. Coordinates that become active by it are drawn uniformly. Snapped.
  UnitPoint perturb(const UnitPoint& point, double spread, Rng& rng) const;

  /// All points that satisfy the constraints, if the space has at most kEnumerable configurations;
  /// else nullptr.
  const std::vector<UnitPoint>* enumerate() const;
  static constexpr std::int64_t kEnumerable = 20'000;

 private:
  /// The coordinate moved to the middle of the cell that holds it.
  double snapped(std::size_t k, double coordinate) const;
  /// The same but for the end of a range of floats: kEndMargin away from it.
  double snapped_inside(std::size_t k, double coordinate) const;
  /// Snaps the coordinates that are active although was_active denies it, moves those that are not
  /// to where inactive ones are.
  void settle(UnitPoint& point, const std::vector<bool>& was_active) const;

  /// Positions of a parameter's values in order; empty if there are more than 4096.
  std::vector<std::vector<double>> levels_;
  SearchSpace space_;
  std::vector<DimensionKind> kinds_;
  std::vector<std::size_t> continuous_;
  /// Parameters that have a rough dimension beside their own.
  std::vector<std::size_t> rough_;
  std::vector<DimensionKind> model_kinds_;
  mutable std::vector<UnitPoint> all_;
  mutable bool enumerated_ = false;
  /// By the deciding coordinates.
  mutable std::map<std::vector<double>, std::vector<bool>> activity_;
};

}  // namespace skipjack
