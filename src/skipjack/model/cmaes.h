// An evolution strategy with covariance matrix adaptation [Hansen2016] for mixed axes of the unit
// cube. Cells are thresholds on a normal variable whose probability to leave its cell never falls
// below a margin, so that no integer gets stuck [Hamano2022]. Categories have a distribution of
// their own, moved by the natural gradient with an adapted step [Akimoto2019], as joined to the
// rest by [Hamano2024].
//
//   N          axes that are continuous or have two or more cells in order
//   lambda     members of a generation
//   m, sigma   mean and step size
//   C = B D^2 B^T  covariance
//   A          diagonal, scales an axis of cells where the margin asks for it
//   v = m + sigma A y, y ~ Normal(0, C): the raw point, whose cells are what is evaluated
//   q          probabilities of an axis of categories
//
// Points come back without their raw coordinates: those are drawn again given the cells, which has
// the same law. So any point of the cube can be a member, also one that some other distribution
// proposed; its length is bounded as in [Hansen2011].
// Deviations: what lies outside the cube is put on its border and taken in from there, since
// drawing again made the step shrink before a corner was reached; members of equal loss share their
// weights, so that a tie pulls nowhere; the step of the categories ends at the frequencies of the
// better members.
#pragma once

#include <Eigen/Dense>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/model/axis.h"

namespace skipjack {

struct CmaesOptions {
  std::vector<Axis> axes;
  /// lambda; >= 4.
  std::size_t population = 4;
  /// m at the start, one coordinate in [0, 1] an axis; not used for categories.
  std::vector<double> mean;
  /// sigma at the start, in (0, 1].
  double sigma = 0.25;
};
/// 4 + floor(3 log d) [Hansen2016, table 1].
std::size_t cmaes_population(std::size_t num_axes);

struct CmaesMember {
  /// In the unit cube, one coordinate an axis.
  std::vector<double> point;
  /// Smaller is better; unset: failed, worse than any.
  std::optional<double> loss;
};

/// Not thread-safe. Copyable. Memory O(N^2).
class Cmaes {
 public:
  explicit Cmaes(CmaesOptions options);

  /// A draw in the unit cube; on an axis with cells somewhere in the cell. O(N^2).
  std::vector<double> sample(Rng& rng) const;
  /// Takes in a generation of lambda members. rng draws raw coordinates. O(N^3 + lambda N^2).
  void update(std::span<const CmaesMember> generation, Rng& rng);
  /// True when the distribution is a point on every continuous axis, and there is one.
  bool converged() const;

  std::size_t population() const { return options_.population; }
  /// Probability that a draw falls into the cell, the axis taken alone. Cells and Categories.
  double cell_probability(std::size_t axis, std::size_t cell) const;
  /// Standard deviation of the raw coordinate; 0 for axes that don't take part and for categories.
  double deviation(std::size_t axis) const;
  /// m; 0.5 for axes that don't take part and for categories.
  double mean(std::size_t axis) const;

 private:
  using Vector = Eigen::VectorXd;
  using Matrix = Eigen::MatrixXd;
  struct Weights;

  Vector raw_point(const std::vector<double>& point, Rng& rng) const;
  void update_normal(const Matrix& y, const Weights& weights);
  void update_categories(std::span<const CmaesMember> generation, const Weights& weights);
  void keep_margin(std::size_t i);
  void decompose();
  double scale(std::size_t i) const;

  CmaesOptions options_;
  /// Axes of the N normal coordinates, and those of categories.
  std::vector<std::size_t> normal_axes_, category_axes_;
  double margin_ = 0;

  Vector m_, a_, path_sigma_, path_c_;
  double sigma_ = 1;
  Matrix c_, b_, inverse_c_;
  Vector d_;
  int generation_ = 0;

  /// By category axis.
  std::vector<Vector> q_, path_q_;
  double delta_ = 1, gamma_ = 0;
};

}  // namespace skipjack
