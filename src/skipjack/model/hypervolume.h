// The volume that a set of outcomes dominates up to a reference point, and what one more outcome is
// expected to add to it. All objectives are to be minimised.
//
//   y (n, m)  outcomes      r (m)  reference point      H(y)  volume of {z <= r: some y_i <= z}
// Sources: H by exclusive volumes [While2012]; its expected improvement by boxes [Yang2019], which
// are ours: a sweep along the last axis with the boxes of the axes before it.
#pragma once

#include <Eigen/Core>
#include <vector>

namespace skipjack {

inline constexpr Eigen::Index kMaxHypervolumeDimension = 6;

/// H(y), exactly. 1 <= m <= 6; rows that are not below r everywhere add nothing. O(n log n) for m =
/// 2; exponential in m at worst.
double hypervolume(const Eigen::MatrixXd& y, const Eigen::VectorXd& reference);

/// Half-open boxes [lower, upper), one a row; a lower end may be -infinity.
struct Boxes {
  Eigen::MatrixXd lower, upper;
};
/// Disjoint boxes that cover {z < r: no y_i <= z}. n + 1 of them for m = 2, O(n) for m = 3.
Boxes non_dominated_boxes(const Eigen::MatrixXd& y, const Eigen::VectorXd& reference);

/// What an outcome f ~ Normal(mean, diag(stddev^2)) is expected to add to H(y), as a logarithm:
///   log sum_boxes prod_k (EI_k(upper_k) - EI_k(lower_k)),  EI_k(t) = E[max(t - f_k, 0)].
class HypervolumeImprovement {
 public:
  /// y may have no rows; its columns are those of reference.
  HypervolumeImprovement(const Eigen::MatrixXd& y, const Eigen::VectorXd& reference);

  /// mean, stddev (m), stddev > 0. -infinity only where the improvement is below any double's
  /// logarithm. O(boxes m).
  double log_expected(const Eigen::VectorXd& mean, const Eigen::VectorXd& stddev) const;

 private:
  /// By dimension, ascending, from -infinity to the reference.
  std::vector<std::vector<double>> ends_;
  /// By box and dimension: positions in ends_.
  std::vector<std::vector<std::size_t>> lower_, upper_;
};

/// Where the hypervolume of the front of outcomes y (n, m), n >= 1, is measured from: the worst of
/// each objective along the front (the nadir), for m = 2 halfway from there to its worst over all
/// of y; plus a tenth of its range over all of y, 0.1 where it has none. With little room beyond
/// the front's ends a search creeps along it: what lies beyond is worth nothing.
Eigen::VectorXd reference_point(const Eigen::MatrixXd& y);

}  // namespace skipjack
