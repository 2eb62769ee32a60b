#include "skipjack/search/candidates.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "skipjack/model/sobol.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr std::size_t kSobolCandidates = 512;
constexpr int kPerturbations = 20;
// Standard deviations of a perturbation, in turn; fractions of an axis.
constexpr double kWide = 0.1, kNarrow = 0.03;
// A step must gain at least this much, so that rounding does not go in circles.
constexpr double kLeastGain = 1e-9;
// Multiplications for scoring, and what one dimension of one distance counts as.
constexpr double kScoringCost = 1.5e8, kDistanceCost = 4;

}  // namespace

std::size_t affordable_points(double rows, double dimension, std::size_t num_processes) {
  const double cost =
      std::max(1.0, rows * (rows + kDistanceCost * dimension)) * static_cast<double>(num_processes);
  return std::max<std::size_t>(100, static_cast<std::size_t>(kScoringCost / cost));
}

std::vector<UnitPoint> make_candidates(const UnitSpace& space, std::span<const UnitPoint> good,
                                       Rng& rng, std::size_t max_points) {
  PointSet found;
  const auto add = [&](UnitPoint point) {
    if (!found.contains(point) && space.satisfies_constraints(point))
      found.insert(std::move(point));
  };
  const SobolSequence sobol({.dimension = space.dimension(), .seed = rng.next()});
  for (std::size_t i = 0; i < kSobolCandidates; ++i) add(space.snap(sobol.point(i)));
  for (const UnitPoint& point : good) {
    add(point);
    for (UnitPoint& neighbor : space.neighbors(point)) add(std::move(neighbor));
    for (int i = 0; i < kPerturbations; ++i)
      add(space.perturb(point, i % 2 == 0 ? kWide : kNarrow, rng));
  }
  std::vector<UnitPoint> all(found.begin(), found.end());
  if (all.size() <= max_points) return all;
  std::vector<UnitPoint> kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_kept = i * max_points / all.size() != (i + 1) * max_points / all.size() ||
                         std::find(good.begin(), good.end(), all[i]) != good.end();
    if (is_kept) kept.push_back(std::move(all[i]));
  }
  return kept;
}

std::vector<std::size_t> best_first(std::span<const UnitPoint> points, const VectorXd& scores,
                                    const PointSet& tabu) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t i) { return tabu.contains(points[i]); });
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return scores[static_cast<Index>(a)] > scores[static_cast<Index>(b)];
  });
  return order;
}

std::optional<ClimbResult> climb(const UnitSpace& space, const ScoreFunction& score,
                                 std::span<const UnitPoint> points, const VectorXd& scores,
                                 const PointSet& tabu, const ClimbOptions& options) {
  std::vector<std::size_t> starts = best_first(points, scores, tabu);
  if (starts.empty()) return std::nullopt;
  if (starts.size() > options.num_starts) starts.resize(options.num_starts);
  ClimbResult result{points[starts.front()], scores[static_cast<Index>(starts.front())], {}, {}};
  PointSet known(points.begin(), points.end());
  std::size_t num_scored = 0;
  for (const std::size_t start : starts) {
    UnitPoint at = points[start];
    double here = scores[static_cast<Index>(start)];
    for (int step = 0; step < options.max_steps && num_scored < options.max_scored; ++step) {
      std::vector<UnitPoint> neighbors = space.neighbors(at);
      std::erase_if(neighbors, [&](const UnitPoint& point) {
        return tabu.contains(point) || !space.satisfies_constraints(point);
      });
      if (neighbors.empty()) break;
      num_scored += neighbors.size();
      Index top = 0;
      const double value = score(neighbors).maxCoeff(&top);
      if (!(value > here + kLeastGain)) break;
      at = std::move(neighbors[static_cast<std::size_t>(top)]);
      here = value;
      if (known.insert(at).second) result.found.push_back(at);
    }
    if (here > result.score) result.score = here, result.best = at;
    result.tops.push_back(std::move(at));
  }
  return result;
}

}  // namespace skipjack
