// Where an acquisition is looked for: a pool of points spread over the space and gathered around
// good ones, and steepest ascent over neighbours from the best of them. Knows no model: a score is
// a function of points.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/search/unit_space.h"

namespace skipjack {

/// Points are results of snap() or encode(), so equal ones are equal to the last bit.
using PointSet = std::set<UnitPoint>;

/// What scores are asked for.
enum class ScoreUse {
  Propose,  ///< to choose what to try next: may explore, by chance too
  Compare,  ///< to say which is better
};

/// Larger is better; one number a point.
using ScoreFunction = std::function<Eigen::VectorXd(std::span<const UnitPoint>)>;

/// How many points may be scored in a part of a suggestion, so that many rows in many dimensions
/// don't stall it: a tenth of a second's worth, at least 100. rows, dimension: of the processes
/// that score.
std::size_t affordable_points(double rows, double dimension, std::size_t num_processes = 1);

/// 512 scrambled Sobol points, the good ones, their neighbours and 20 random perturbations of each;
/// distinct, in order, and only what keeps the constraints. Beyond max_points they are thinned
/// evenly, the good ones kept.
std::vector<UnitPoint> make_candidates(
    const UnitSpace& space, std::span<const UnitPoint> good, Rng& rng,
    std::size_t max_points = std::numeric_limits<std::size_t>::max());

struct ClimbOptions {
  /// The best points that the ascent starts from. Range [1, inf).
  std::size_t num_starts = 6;
  /// Steps of each ascent. Range [0, inf).
  int max_steps = 8;
  /// Points that may be scored in all; an ascent under way ends its step. Range [0, inf).
  std::size_t max_scored = std::numeric_limits<std::size_t>::max();
};

struct ClimbResult {
  UnitPoint best;
  double score = 0;
  /// Where each ascent ended.
  std::vector<UnitPoint> tops;
  /// Points stepped on that were not among those given.
  std::vector<UnitPoint> found;
};

/// From the best points that are not tabu, to the best allowed neighbour while that is better.
/// scores: of the points. nullopt if all of them are tabu. Deterministic.
std::optional<ClimbResult> climb(const UnitSpace& space, const ScoreFunction& score,
                                 std::span<const UnitPoint> points, const Eigen::VectorXd& scores,
                                 const PointSet& tabu, const ClimbOptions& options = {});

/// Positions of the points that are not tabu, largest score first, earlier ones first among equals.
std::vector<std::size_t> best_first(std::span<const UnitPoint> points,
                                    const Eigen::VectorXd& scores, const PointSet& tabu);

}  // namespace skipjack
