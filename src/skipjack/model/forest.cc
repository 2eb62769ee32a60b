#include "skipjack/model/forest.h"

#include <algorithm>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// How often each row is drawn.
std::vector<double> draw_counts(std::size_t num_rows, ForestRows rows, Rng& rng) {
  if (rows == ForestRows::All) return std::vector<double>(num_rows, 1.0);
  std::vector<double> counts(num_rows, 0.0);
  for (std::size_t i = 0; i < num_rows; ++i)
    ++counts[static_cast<std::size_t>(rng.uniform_int(0, static_cast<std::int64_t>(num_rows) - 1))];
  return counts;
}

}  // namespace

ForestOptions extra_trees_options() {
  return {.rows = ForestRows::All, .tree = {.max_depth = 64, .rule = SplitRule::Random}};
}

Forest::Forest(const TreeInputs& inputs, const VectorXd& y, const ForestOptions& options) {
  SKIPJACK_CHECK(y.size() == inputs.rows() && options.num_trees >= 1);
  const auto n = static_cast<std::size_t>(y.size());
  Rng rng(options.seed, "forest");
  TreeGrower grower(inputs, options.tree);
  std::vector<double> g(n);
  VectorXd sum = VectorXd::Zero(y.size()), number = VectorXd::Zero(y.size());
  const Index d = inputs.transposed().rows();
  for (int t = 0; t < options.num_trees; ++t) {
    const std::vector<double> counts = draw_counts(n, options.rows, rng);
    for (std::size_t i = 0; i < n; ++i) g[i] = counts[i] * y[static_cast<Index>(i)];
    const RegressionTree& tree = trees_.emplace_back(grower.grow(g, counts, rng));
    auto& variances = variances_.emplace_back(tree.nodes.size());
    for (const auto& [node, rows] : grower.leaves()) {
      const double mean = tree.nodes[static_cast<std::size_t>(node)].value;
      double squares = 0, weight = 0;
      for (const std::int32_t row : rows) {
        const double count = counts[static_cast<std::size_t>(row)];
        squares += count * (y[row] - mean) * (y[row] - mean);
        weight += count;
      }
      variances[static_cast<std::size_t>(node)] = squares / weight;
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (counts[i] > 0) continue;
      const auto row = static_cast<Index>(i);
      const std::int32_t leaf = tree.leaf(inputs.transposed().data() + row * d);
      sum[row] += tree.nodes[static_cast<std::size_t>(leaf)].value;
      number[row] += 1;
    }
  }
  out_of_bag_mean_ = sum.cwiseQuotient(number);
}

ForestPrediction Forest::predict(const MatrixXd& x_new) const {
  const MatrixXd transposed = x_new.transpose();
  const Index m = x_new.rows(), d = x_new.cols();
  ForestPrediction result{VectorXd::Zero(m), VectorXd::Zero(m)};
  for (std::size_t t = 0; t < trees_.size(); ++t) {
    for (Index i = 0; i < m; ++i) {
      const auto leaf = static_cast<std::size_t>(trees_[t].leaf(transposed.data() + i * d));
      const double mean = trees_[t].nodes[leaf].value;
      result.mean[i] += mean;
      result.variance[i] += variances_[t][leaf] + mean * mean;
    }
  }
  result.mean /= static_cast<double>(trees_.size());
  result.variance /= static_cast<double>(trees_.size());
  // Rounding must not make it negative.
  result.variance = (result.variance - result.mean.cwiseAbs2()).cwiseMax(0.0);
  return result;
}

}  // namespace skipjack
