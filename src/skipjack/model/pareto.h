// Which of several outcomes nobody would give up: the non-dominated ones. All objectives are to be
// minimised.
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

}  // namespace skipjack
