// Weights of a ranking-weighted ensemble: how far to trust models of other tasks (sources) beside
// the model of this task (target), judged by how well each orders what was measured here. Only
// orders are compared, so that tasks may differ in scale and offset. Matrices only: no processes,
// no trials.
//
//   n  observations of the target     y (n)      their values, any unit
//   m  members; member 0 is the target's own     S  samples of each member's posterior
//   f (S, n)  a member's samples at the target's inputs
//   l (S, m)  ranking losses, one column a member
// Sources: [Feurer2018]; leave-one-out [Rasmussen2006, 5.4.2].
#pragma once

#include <Eigen/Core>

namespace skipjack {

/// Samples of N(mean, covariance), one a row. mean (n), covariance (n, n) positive semidefinite up
/// to rounding, z (S, n) independent standard normal. O(n^3 + S n^2).
Eigen::MatrixXd gaussian_samples(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                 const Eigen::MatrixXd& z);

/// Losses (S) of f: the number of pairs with different y that f puts the wrong way round; a pair
/// with equal f counts half. Of pairs with equal y nothing can be said: they count for nobody. In
/// [0, n (n - 1) / 2]. O(S n^2).
/// Deviation: the source counts ordered pairs, and those of equal y against everybody alike; the
/// weights come out the same.
Eigen::VectorXd ranking_losses(const Eigen::MatrixXd& f, const Eigen::VectorXd& y);

/// What a Gaussian process with fixed hyperparameters says when observation j is left out.
struct LeaveOneOut {
  /// Of the latent function at x_j (n).
  Eigen::VectorXd mean, variance;
  /// (n, n). Row j: mean of the latent function at every x_k without observation j; the diagonal is
  /// mean.
  Eigen::MatrixXd means;
};
/// precision (n, n): inverse of the covariance of y, noise included. y (n), the process's mean
/// taken off. noise_variance: that on the diagonal of the covariance. O(n^2).
LeaveOneOut leave_one_out(const Eigen::MatrixXd& precision, const Eigen::VectorXd& y,
                          double noise_variance);

/// Losses (S) of the target's own member, which has seen y and would otherwise always win: the
/// sample of f(x_j) without observation j is compared with what that process says at the other
/// inputs. z (S, n) independent standard normal. In the unit of ranking_losses(). O(S n^2).
/// Deviation: the other inputs' values, which that process has observed, enter by their means and
/// not as samples, so that n processes cost no more than one.
Eigen::VectorXd leave_one_out_losses(const LeaveOneOut& left_out, const Eigen::VectorXd& y,
                                     const Eigen::MatrixXd& z);

/// 1 - n / horizon, not below 0: sources fade out as the target's own observations come in.
/// horizon > 0.
double transfer_factor(double num_observations, double horizon);

/// Weights (m), at least 0, their sum 1. losses (S, m), S and m >= 1. The share of samples in which
/// a member's loss is the least (divided among equals), and of a source only the part
///   transfer_factor * P(source's loss < target's)      (equal losses count half)
/// of it; what is taken from sources goes to the target. So many sources that are all worse cannot
/// crowd out the target by the luck of a few samples, and at transfer_factor 0 the target stands
/// alone. transfer_factor in [0, 1].
/// Deviation: the source drops a member by a coin of that probability; its expectation is taken
/// here, so that weights don't jump and need no chance.
Eigen::VectorXd rank_weights(const Eigen::MatrixXd& losses, double transfer_factor);

}  // namespace skipjack
