#include "skipjack/search/bore.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/model/boosting.h"
#include "skipjack/model/forest.h"
#include "skipjack/model/normal.h"
#include "skipjack/search/level_log.h"
#include "skipjack/search/pool_search.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Observations that a classifier is trained on, pending ones not counted.
constexpr std::size_t kMaxRows = 400;
constexpr std::size_t kMaxProcessRows = 200;

struct LabelledRows {
  MatrixXd x;
  /// 1: good, 0: not.
  VectorXd labels;
};

// The best gamma of the measured are good; what failed, was stopped early or still runs is not, the
// last so that parallel trials keep apart.
LabelledRows label(const PoolQuestion& question, double gamma, std::size_t dimension) {
  const TrainingRows& rows = question.rows;
  std::vector<double> targets;
  for (std::size_t i = 0; i < rows.points.size(); ++i)
    if (rows.kinds[i] != RowKind::Failed) targets.push_back(rows.targets[i]);
  const double number = std::ceil(gamma * static_cast<double>(targets.size()));
  const auto last = targets.begin() + static_cast<std::ptrdiff_t>(number) - 1;
  std::nth_element(targets.begin(), last, targets.end());
  const double threshold = *last;

  std::vector<UnitPoint> points = rows.points;
  points.insert(points.end(), question.pending.begin(), question.pending.end());
  VectorXd labels = VectorXd::Zero(static_cast<Index>(points.size()));
  for (std::size_t i = 0; i < rows.points.size(); ++i)
    if (rows.kinds[i] == RowKind::Measured && rows.targets[i] <= threshold)
      labels[static_cast<Index>(i)] = 1;
  return {.x = to_matrix(points, dimension), .labels = std::move(labels)};
}

using Kinds = std::vector<DimensionKind>;

VectorXd score_by_boosting(const LabelledRows& rows, const Kinds& kinds, const MatrixXd& x_new,
                           std::uint64_t seed) {
  // XGBoost's defaults, which Syne Tune uses.
  const BoostingOptions boosting{.loss = BoostingLoss::Logistic,
                                 .learning_rate = 0.3,
                                 .tree = {.max_depth = 6, .penalty = 1.0},
                                 .seed = seed};
  return GradientBoosting(TreeInputs(rows.x, kinds), {.y = rows.labels}, boosting).predict(x_new);
}

VectorXd score_by_forest(const LabelledRows& rows, const Kinds& kinds, const MatrixXd& x_new,
                         std::uint64_t seed) {
  ForestOptions forest = extra_trees_options();
  // Deeper trees are sure of every good point, and of nothing else.
  forest.tree.min_leaf_weight = 3;
  forest.seed = seed;
  return Forest(TreeInputs(rows.x, kinds), rows.labels, forest).predict(x_new).mean;
}

VectorXd score_by_process(const LabelledRows& rows, const Kinds& kinds, const MatrixXd& x_new) {
  const GpData data{.kinds = kinds, .x = rows.x, .y = 2 * rows.labels.array() - 1};
  const GaussianProcess process(data, fit_hyperparameters(data, {}));
  const double noise = process.hyperparameters().noise_variance;
  const GpPrediction p = process.predict(x_new);
  VectorXd score(p.mean.size());
  for (Index i = 0; i < score.size(); ++i)
    score[i] = log_normal_cdf(p.mean[i] / std::sqrt(p.variance[i] + noise));
  return score;
}

std::function<Observations(const History&)> observe_at_level(const BoreOptions& options) {
  if (!options.levels) return {};
  const auto log = std::make_shared<LevelLog>(options.space, options.metric, *options.levels);
  const auto at_least = static_cast<std::size_t>(std::max<std::int64_t>(1, options.num_initial));
  return [log, at_least](const History& history) {
    log->update(history);
    return observations_at(*log, highest_level_with(log->records(), log->milestones(), at_least));
  };
}

}  // namespace

std::unique_ptr<Searcher> make_bore_search(BoreOptions options) {
  if (!(options.gamma > 0 && options.gamma < 1))
    throw Error(ErrorCode::InvalidArgument,
                "gamma = " + std::to_string(options.gamma) + " must be in (0, 1)");
  const BoreClassifier classifier = options.classifier;
  PoolModel model = [classifier, gamma = options.gamma, kinds = UnitSpace(options.space).kinds()](
                        const PoolQuestion& question, Rng& rng) {
    const LabelledRows rows = label(question, gamma, kinds.size());
    const MatrixXd x_new = to_matrix(question.points, kinds.size());
    VectorXd score;
    switch (classifier) {
      case BoreClassifier::Boosting:
        score = score_by_boosting(rows, kinds, x_new, rng.next());
        break;
      case BoreClassifier::Forest:
        score = score_by_forest(rows, kinds, x_new, rng.next());
        break;
      case BoreClassifier::GaussianProcess:
        score = score_by_process(rows, kinds, x_new);
        break;
    }
    return std::vector<double>(score.begin(), score.end());
  };
  auto observe = observe_at_level(options);
  return make_pool_search(
      {.space = std::move(options.space),
       .metric = std::move(options.metric),
       .seed = options.seed,
       .num_initial = options.num_initial,
       .random_fraction = options.random_fraction,
       .num_candidates = options.num_candidates,
       .max_rows = classifier == BoreClassifier::GaussianProcess ? kMaxProcessRows : kMaxRows,
       .observe = std::move(observe),
       .model = std::move(model)});
}

}  // namespace skipjack
