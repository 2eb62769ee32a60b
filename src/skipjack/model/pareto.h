// Which of several outcomes nobody would give up: the non-dominated ones; and orders of all of them
// that begin with those. All objectives are to be minimised. y: (n, m), finite, one row an outcome.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <vector>

namespace skipjack {

/// Rows of y (n, m), finite, that no other row is as good as in every column and better than in
/// one; in order. Equal rows stand or fall together. O(n^2 m).
std::vector<std::size_t> non_dominated(const Eigen::MatrixXd& y);

/// The rows themselves, equal ones once.
Eigen::MatrixXd pareto_front(const Eigen::MatrixXd& y);

/// By row: 0 for the non-dominated ones, 1 for those that are without these, and so on [Deb2002,
/// sec. III-A]. Efficient non-dominated sorting [Zhang2015]: O(n^2 m) at worst, O(m n log n) where
/// fronts are small.
std::vector<std::size_t> front_numbers(const Eigen::MatrixXd& y);

/// Of rows of one front: the sum over objectives of the distance between the row's two neighbours,
/// as a fraction of the objective's range; infinity for the ends [Deb2002, sec. III-B]. O(m n log
/// n).
std::vector<double> crowding_distances(const Eigen::MatrixXd& y);

/// Rows in an order whose beginning is spread over all of them: each is the farthest from those
/// before it, the first one the nearest to the best of every objective, all measured as fractions
/// of the objectives' ranges [Schmucker2021, sec. 4]. O(n^2 m).
std::vector<std::size_t> epsilon_net_order(const Eigen::MatrixXd& y);

}  // namespace skipjack
