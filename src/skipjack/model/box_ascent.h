// Local maximisation of a smooth function in a box by L-BFGS [Nocedal1980], as NLopt has it. Never
// fails: the best point visited counts, whatever became of the line search.
#pragma once

#include <Eigen/Core>
#include <functional>

namespace skipjack {

/// Value at x (d); fills gradient (d) unless it is null. What isn't finite is as bad as can be.
using SmoothFunction = std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd* gradient)>;

struct BoxAscentOptions {
  /// (d), lower <= upper.
  Eigen::VectorXd lower, upper;
  /// Range [1, inf).
  int max_evaluations = 30;
  /// Ends once a step gains no more than this. Range [0, inf).
  double least_gain = 1e-3;
};

struct BoxAscentResult {
  Eigen::VectorXd x;
  /// -infinity if no visited value was finite; x is then the start.
  double value = 0;
};

/// start (d) is moved into the box.
BoxAscentResult maximize_in_box(const SmoothFunction& function, const Eigen::VectorXd& start,
                                const BoxAscentOptions& options);

}  // namespace skipjack
