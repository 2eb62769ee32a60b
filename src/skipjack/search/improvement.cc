#include "skipjack/search/improvement.h"

#include <cmath>
#include <memory>

#include "skipjack/model/acquisition.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr std::size_t kGood = 5;

}  // namespace

Acquisition improvement_acquisition(const ImprovementOptions& options) {
  auto previous = surrogate_fit_from_json(options.previous, options.space.model_kinds().size());
  // The numbers may be others though the trials are the same: no fit is taken as it is.
  if (previous) previous->num_observations = 0;
  SurrogateModel fitted({.space = options.space,
                         .seen = options.seen,
                         .metric = options.metric,
                         .constraints = options.constraints,
                         .previous = std::move(previous)});
  for (const UnitPoint& pending : options.seen.pending) fitted.believe(pending);
  const auto model = std::make_shared<const SurrogateModel>(std::move(fitted));
  const std::optional<double> best = model->best_mean();
  return {.score =
              [model, best](std::span<const UnitPoint> points) {
                VectorXd score = model->log_feasibility(points);
                if (!best) return score;
                const GpPrediction p = model->predict(points);
                for (Index i = 0; i < score.size(); ++i)
                  score[i] += log_expected_improvement(p.mean[i], std::sqrt(p.variance[i]), *best);
                return score;
              },
          .good = model->best_points(kGood),
          .fitted = to_json(model->fit())};
}

}  // namespace skipjack
