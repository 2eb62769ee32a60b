#include "skipjack/search/cqr.h"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "skipjack/model/conformal.h"
#include "skipjack/search/level_log.h"
#include "skipjack/search/pool_search.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// To propose, Thompson sampling: a quantile drawn for each point; to compare, the median. Targets
// are minimised, scores maximised.
std::vector<double> score_by_quantiles(const PoolQuestion& question,
                                       const std::vector<DimensionKind>& kinds, Rng& rng) {
  const TrainingRows& rows = question.rows;
  const VectorXd targets =
      Eigen::Map<const VectorXd>(rows.targets.data(), static_cast<Index>(rows.targets.size()));
  const ConformalQuantiles model(to_matrix(rows.points, kinds.size()), kinds, targets,
                                 {.seed = rng.next()});
  const MatrixXd quantiles = model.predict(to_matrix(question.points, kinds.size()));
  std::vector<double> scores;
  for (Index i = 0; i < quantiles.rows(); ++i) {
    const Index level = question.use == ScoreUse::Propose ? rng.uniform_int(0, quantiles.cols() - 1)
                                                          : quantiles.cols() / 2;
    scores.push_back(-quantiles(i, level));
  }
  return scores;
}

std::function<Observations(const History&)> observe_last(const CqrOptions& options) {
  if (!options.levels) return {};
  const auto log = std::make_shared<LevelLog>(options.space, options.metric, *options.levels);
  return [log](const History& history) {
    log->update(history);
    return last_observations(*log);
  };
}

}  // namespace

std::unique_ptr<Searcher> make_cqr_search(CqrOptions options) {
  PoolModel model = [kinds = UnitSpace(options.space).kinds()](const PoolQuestion& question,
                                                               Rng& rng) {
    return score_by_quantiles(question, kinds, rng);
  };
  auto observe = observe_last(options);
  return make_pool_search({.space = std::move(options.space),
                           .metric = std::move(options.metric),
                           .seed = options.seed,
                           .num_initial = options.num_initial,
                           .num_candidates = options.num_candidates,
                           .observe = std::move(observe),
                           .model = std::move(model)});
}

}  // namespace skipjack
