// Parzen densities on the unit cube: one product kernel per observed point and one uniform
// component as the prior, all of the same weight. Kernels are normal and truncated to [0, 1] on a
// continuous axis, the probability that such a kernel gives to a cell on an axis of cells, and
// smoothed counts on an axis of categories. Two of them, of good and of bad points, make a
// tree-structured Parzen estimator [Bergstra2011]; one kernel for all coordinates of a point, not
// one density per coordinate, is what makes it see interactions [Falkner2018].
//
//   n          points
//   d          axes
//   b_k        bandwidth of axis k
//   K          cells of an axis
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/model/axis.h"

namespace skipjack {

struct ParzenOptions {
  std::vector<Axis> axes;
  /// n points of d coordinates in [0, 1]; n may be 0, which leaves the uniform density.
  std::vector<std::vector<double>> points;
  /// Standard deviation of the normal kernels, one an axis, > 0; not used on an axis of categories.
  std::vector<double> bandwidths;
};

/// Immutable; safe to share between threads.
class ParzenDensity {
 public:
  explicit ParzenDensity(ParzenOptions options);

  /// Logarithms of the density at the points: with respect to length on continuous axes, to
  /// counting on the others. Finite. O(m n d) for m points, and per axis of cells at most min(m, K)
  /// min(n, K) values of the normal distribution.
  std::vector<double> log_density(std::span<const std::vector<double>> points) const;
  /// A draw; on an axis with cells somewhere in the cell.
  std::vector<double> sample(Rng& rng) const;

 private:
  double log_kernel(std::size_t k, double point, double center) const;
  void add_axis(std::size_t k, std::span<const std::vector<double>> points,
                std::vector<std::vector<double>>& log_components) const;

  ParzenOptions options_;
  /// log of the mass that a continuous kernel has within [0, 1], by axis and point.
  std::vector<std::vector<double>> log_inside_;
};

/// The bandwidths of a multivariate Parzen density by Scott's rule with a floor: factor n^(-1/(d +
/// 4)), at least 1 / min(100, n + 2).
/// n: points; d: axes.
double parzen_bandwidth(std::size_t n, std::size_t d);

}  // namespace skipjack
