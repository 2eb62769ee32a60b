#include "skipjack/model/box_ascent.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlopt.hpp>
#include <stdexcept>
#include <vector>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

struct Search {
  const SmoothFunction& function;
  BoxAscentResult best;

  // NLopt minimises.
  static double visit(const std::vector<double>& point, std::vector<double>& gradient, void* self) {
    auto& search = *static_cast<Search*>(self);
    const VectorXd x = Eigen::Map<const VectorXd>(point.data(), static_cast<Index>(point.size()));
    VectorXd slope = VectorXd::Zero(x.size());
    const double value = search.function(x, gradient.empty() ? nullptr : &slope);
    if (!std::isfinite(value) || !slope.allFinite()) {
      std::fill(gradient.begin(), gradient.end(), 0.0);
      return 1e10;
    }
    if (value > search.best.value) search.best = {x, value};
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = -slope[static_cast<Index>(i)];
    return -value;
  }
};

}  // namespace

BoxAscentResult maximize_in_box(const SmoothFunction& function, const VectorXd& start,
                                const BoxAscentOptions& options) {
  const Index d = start.size();
  SKIPJACK_CHECK(options.lower.size() == d && options.upper.size() == d && d >= 1);
  const VectorXd inside = start.cwiseMax(options.lower).cwiseMin(options.upper);
  Search search{function, {inside, -std::numeric_limits<double>::infinity()}};
  std::vector<double> point(inside.begin(), inside.end());
  nlopt::opt optimizer(nlopt::LD_LBFGS, static_cast<unsigned>(d));
  optimizer.set_min_objective(&Search::visit, &search);
  optimizer.set_lower_bounds(std::vector<double>(options.lower.begin(), options.lower.end()));
  optimizer.set_upper_bounds(std::vector<double>(options.upper.begin(), options.upper.end()));
  optimizer.set_maxeval(options.max_evaluations);
  optimizer.set_ftol_abs(options.least_gain);
  double value = 0;
  try {
    optimizer.optimize(point, value);
  } catch (const nlopt::roundoff_limited&) {
    // The best point visited is kept.
  } catch (const std::runtime_error&) {
    // NLopt's general failure: a line search that found no descent. The same holds.
  }
  return search.best;
}

}  // namespace skipjack
