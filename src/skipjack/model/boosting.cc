#include "skipjack/model/boosting.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Keeps a row that is all but certain in the tree's sums.
constexpr double kMinCurvature = 1e-12;

double probability(double log_odds) { return 1 / (1 + std::exp(-log_odds)); }

// One fit: the score of every row, and the derivatives there.
class Fit {
 public:
  Fit(const TreeInputs& inputs, const BoostingTargets& targets, const BoostingOptions& options)
      : inputs_(inputs),
        y_(targets.y),
        w_(targets.weights.size() > 0 ? targets.weights : VectorXd::Ones(targets.y.size())),
        options_(options),
        rng_(options.seed, "boosting"),
        grower_(inputs, options.tree),
        g_(static_cast<std::size_t>(y_.size())),
        h_(g_.size()),
        chosen_(g_.size(), 1) {
    SKIPJACK_CHECK(y_.size() == inputs.rows() && w_.size() == y_.size());
    start_ = start();
    score_ = VectorXd::Constant(y_.size(), start_);
  }

  double start_score() const { return start_; }

  RegressionTree next_tree() {
    choose_rows();
    differentiate();
    RegressionTree tree = grower_.grow(g_, h_, rng_);
    if (options_.loss == BoostingLoss::Pinball) estimate_quantiles(tree);
    if (options_.row_fraction < 1) {
      tree.add_to(inputs_.transposed(), options_.learning_rate, score_);
    } else {
      for (const auto& [node, rows] : grower_.leaves())
        for (const std::int32_t row : rows)
          score_[row] += options_.learning_rate * tree.nodes[static_cast<std::size_t>(node)].value;
    }
    return tree;
  }

 private:
  double start() {
    switch (options_.loss) {
      case BoostingLoss::Squared:
        return w_.dot(y_) / w_.sum();
      case BoostingLoss::Pinball: {
        pairs_.clear();
        for (Index i = 0; i < y_.size(); ++i) pairs_.emplace_back(y_[i], w_[i]);
        return weighted_quantile(pairs_, options_.quantile);
      }
      case BoostingLoss::Logistic:
        break;
    }
    // Half a row of each class more: one class alone has infinite odds.
    const double ones = w_.dot(y_) + 0.5, all = w_.sum() + 1;
    return std::log(ones / (all - ones));
  }

  void choose_rows() {
    if (options_.row_fraction >= 1) return;
    std::vector<std::size_t> rows(chosen_.size());
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    rng_.shuffle(rows);
    const double number = std::ceil(options_.row_fraction * static_cast<double>(rows.size()));
    std::fill(chosen_.begin(), chosen_.end(), char{0});
    for (std::size_t i = 0; i < static_cast<std::size_t>(number); ++i) chosen_[rows[i]] = 1;
  }

  void differentiate() {
    for (std::size_t i = 0; i < g_.size(); ++i) {
      const auto row = static_cast<Index>(i);
      const double w = w_[row], residual = y_[row] - score_[row];
      h_[i] = w;
      switch (options_.loss) {
        case BoostingLoss::Squared:
          g_[i] = w * residual;
          break;
        case BoostingLoss::Pinball:
          g_[i] = w * (residual > 0 ? options_.quantile : options_.quantile - 1);
          break;
        case BoostingLoss::Logistic: {
          const double p = probability(score_[row]);
          g_[i] = w * (y_[row] - p);
          h_[i] = w * std::max(p * (1 - p), kMinCurvature);
          break;
        }
      }
      if (chosen_[i] == 0) h_[i] = 0;
    }
  }

  void estimate_quantiles(RegressionTree& tree) {
    for (const auto& [node, rows] : grower_.leaves()) {
      pairs_.clear();
      for (const std::int32_t row : rows) pairs_.emplace_back(y_[row] - score_[row], w_[row]);
      tree.nodes[static_cast<std::size_t>(node)].value =
          weighted_quantile(pairs_, options_.quantile);
    }
  }

  const TreeInputs& inputs_;
  const VectorXd y_, w_;
  const BoostingOptions options_;
  Rng rng_;
  TreeGrower grower_;
  std::vector<double> g_, h_;
  std::vector<char> chosen_;
  double start_ = 0;
  VectorXd score_;
  std::vector<std::pair<double, double>> pairs_;
};

}  // namespace

GradientBoosting::GradientBoosting(const TreeInputs& inputs, const BoostingTargets& targets,
                                   const BoostingOptions& options)
    : learning_rate_(options.learning_rate) {
  SKIPJACK_CHECK(options.learning_rate > 0 && options.row_fraction > 0);
  Fit fit(inputs, targets, options);
  start_ = fit.start_score();
  for (int t = 0; t < options.num_trees; ++t) trees_.push_back(fit.next_tree());
}

VectorXd GradientBoosting::predict(const MatrixXd& x_new) const {
  const MatrixXd transposed = x_new.transpose();
  VectorXd score = VectorXd::Constant(x_new.rows(), start_);
  for (const RegressionTree& tree : trees_) tree.add_to(transposed, learning_rate_, score);
  return score;
}

double weighted_quantile(std::vector<std::pair<double, double>>& values, double q) {
  SKIPJACK_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  double all = 0;
  for (const auto& [value, weight] : values) all += weight;
  double below = 0;
  for (const auto& [value, weight] : values) {
    below += weight;
    // Rounding must not move on to the next value where the weights reach q exactly.
    if (below >= q * all * (1 - 1e-12)) return value;
  }
  return values.back().first;
}

}  // namespace skipjack
