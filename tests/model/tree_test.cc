// Truth: exhaustive search over all splits of small data, and leaves worked out by hand.
#include "skipjack/model/tree.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Data {
  MatrixXd x;
  std::vector<DimensionKind> kinds;
  std::vector<double> g, h;
};

// Two ordered columns, one of them with few values, and one of categories.
Data random_data(Index n, std::uint64_t seed) {
  Rng rng(seed, "tree-test");
  Data data{.x = MatrixXd(n, 3),
            .kinds = {DimensionKind::Ordered, DimensionKind::Ordered, DimensionKind::Unordered},
            .g = {},
            .h = {}};
  for (Index i = 0; i < n; ++i) {
    data.x(i, 0) = rng.uniform();
    data.x(i, 1) = static_cast<double>(rng.uniform_int(0, 3));
    data.x(i, 2) = static_cast<double>(rng.uniform_int(0, 4)) / 5;
    data.g.push_back(rng.normal());
    data.h.push_back(0.5 + rng.uniform());
  }
  return data;
}

double term(double g, double h, double penalty) { return g * g / (h + penalty); }

// The largest gain of any division of the rows by one column, and by any subset of its values where
// the column is unordered.
double exhaustive_gain(const Data& data, double penalty) {
  const Index n = data.x.rows();
  double best = 0;
  const auto consider = [&](auto goes_left) {
    double left_g = 0, left_h = 0, right_g = 0, right_h = 0;
    for (Index i = 0; i < n; ++i) {
      const auto row = static_cast<std::size_t>(i);
      (goes_left(i) ? left_g : right_g) += data.g[row];
      (goes_left(i) ? left_h : right_h) += data.h[row];
    }
    if (left_h == 0 || right_h == 0) return;
    best = std::max(best, term(left_g, left_h, penalty) + term(right_g, right_h, penalty) -
                              term(left_g + right_g, left_h + right_h, penalty));
  };
  for (Index k = 0; k < data.x.cols(); ++k) {
    if (data.kinds[static_cast<std::size_t>(k)] == DimensionKind::Ordered) {
      for (Index j = 0; j < n; ++j) consider([&](Index i) { return data.x(i, k) <= data.x(j, k); });
    } else {
      for (int subset = 1; subset < 32; ++subset)
        consider([&](Index i) {
          return (subset >> static_cast<int>(std::lround(5 * data.x(i, k))) & 1) != 0;
        });
    }
  }
  return best;
}

// The gain of the tree's first split, from the values and rows of its leaves.
double gain_of(const RegressionTree& tree, const TreeGrower& grower, const Data& data,
               double penalty) {
  double all_g = 0, all_h = 0, leaves = 0;
  for (const auto& [node, rows] : grower.leaves()) {
    double g = 0, h = 0;
    for (const std::int32_t row : rows) {
      g += data.g[static_cast<std::size_t>(row)];
      h += data.h[static_cast<std::size_t>(row)];
    }
    EXPECT_NEAR(tree.nodes[static_cast<std::size_t>(node)].value, g / (h + penalty), 1e-12);
    leaves += term(g, h, penalty);
    all_g += g;
    all_h += h;
  }
  return leaves - term(all_g, all_h, penalty);
}

TEST(TreeGrower, FindsTheBestOfAllSplits) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Data data = random_data(14, seed);
    const TreeInputs inputs(data.x, data.kinds);
    TreeGrower grower(inputs, {.max_depth = 1, .min_leaf_weight = 1e-6});
    Rng rng(seed);
    const RegressionTree tree = grower.grow(data.g, data.h, rng);
    EXPECT_NEAR(gain_of(tree, grower, data, 0), exhaustive_gain(data, 0), 1e-9) << "seed " << seed;
  }
}

TEST(TreeGrower, FindsTheBestPenalisedThreshold) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Data data = random_data(14, seed);
    data.x.conservativeResize(Eigen::NoChange, 2);
    data.kinds.pop_back();
    const TreeInputs inputs(data.x, data.kinds);
    TreeGrower grower(inputs, {.max_depth = 1, .min_leaf_weight = 1e-6, .penalty = 1.5});
    Rng rng(seed);
    const RegressionTree tree = grower.grow(data.g, data.h, rng);
    EXPECT_NEAR(gain_of(tree, grower, data, 1.5), exhaustive_gain(data, 1.5), 1e-9)
        << "seed " << seed;
  }
}

TEST(TreeGrower, DeepTreeReproducesDistinctRows) {
  const Data data = random_data(80, 3);
  const TreeInputs inputs(data.x, data.kinds);
  for (const SplitRule rule : {SplitRule::Best, SplitRule::Random}) {
    TreeGrower grower(inputs, {.max_depth = 64, .min_leaf_weight = 1e-6, .rule = rule});
    Rng rng(5);
    const RegressionTree tree = grower.grow(data.g, data.h, rng);
    VectorXd sum = VectorXd::Zero(80);
    tree.add_to(data.x.transpose(), 1, sum);
    for (Index i = 0; i < 80; ++i) {
      const auto row = static_cast<std::size_t>(i);
      EXPECT_NEAR(sum[i], data.g[row] / data.h[row], 1e-12);
    }
  }
}

TEST(TreeGrower, RowsOfWeightZeroTakeNoPart) {
  Data data = random_data(40, 4);
  Data half = data;
  half.x = data.x(Eigen::seq(0, 19), Eigen::all);
  half.g.resize(20);
  half.h.resize(20);
  for (std::size_t i = 20; i < 40; ++i) data.h[i] = 0;
  const TreeInputs all(data.x, data.kinds), first(half.x, half.kinds);
  TreeGrower a(all, {.max_depth = 4}), b(first, {.max_depth = 4});
  Rng rng_a(1), rng_b(1);
  const RegressionTree one = a.grow(data.g, data.h, rng_a), two = b.grow(half.g, half.h, rng_b);
  ASSERT_EQ(one.nodes.size(), two.nodes.size());
  VectorXd sum_one = VectorXd::Zero(20), sum_two = VectorXd::Zero(20);
  one.add_to(half.x.transpose(), 1, sum_one);
  two.add_to(half.x.transpose(), 1, sum_two);
  EXPECT_TRUE(sum_one.isApprox(sum_two, 1e-12));
}

TEST(TreeGrower, LeavesNameTheRowsThatReachThem) {
  const Data data = random_data(60, 6);
  const TreeInputs inputs(data.x, data.kinds);
  TreeGrower grower(inputs, {.max_depth = 3});
  Rng rng(2);
  const RegressionTree tree = grower.grow(data.g, data.h, rng);
  std::size_t number = 0;
  for (const auto& [node, rows] : grower.leaves()) {
    number += rows.size();
    for (const std::int32_t row : rows) {
      const VectorXd x = data.x.row(row);
      EXPECT_EQ(tree.leaf(x.data()), node);
    }
  }
  EXPECT_EQ(number, 60u);
  EXPECT_EQ(tree.depth, 3);
}

TEST(TreeGrower, LeavesHaveTheLeastWeight) {
  const Data data = random_data(60, 7);
  const TreeInputs inputs(data.x, data.kinds);
  for (const SplitRule rule : {SplitRule::Best, SplitRule::Random}) {
    TreeGrower grower(inputs, {.max_depth = 64, .min_leaf_weight = 6, .rule = rule});
    Rng rng(3);
    grower.grow(data.g, data.h, rng);
    EXPECT_GT(grower.leaves().size(), 1u);
    for (const auto& [node, rows] : grower.leaves()) {
      double weight = 0;
      for (const std::int32_t row : rows) weight += data.h[static_cast<std::size_t>(row)];
      EXPECT_GE(weight, 6 - 1e-9);
    }
  }
}

TEST(TreeGrower, NothingToGainIsOneLeaf) {
  const Data data = random_data(30, 8);
  const std::vector<double> same(30, 0.3), ones(30, 1.0);
  const TreeInputs inputs(data.x, data.kinds), constant(MatrixXd::Constant(30, 3, 0.5), data.kinds);
  Rng rng(1);
  EXPECT_EQ(TreeGrower(inputs, {}).grow(same, ones, rng).nodes.size(), 1u);
  EXPECT_EQ(TreeGrower(constant, {}).grow(data.g, data.h, rng).nodes.size(), 1u);
}

TEST(TreeGrower, NoColumnsAreOneLeaf) {
  const TreeInputs inputs(MatrixXd(2, 0), {});
  Rng rng(1);
  const RegressionTree tree =
      TreeGrower(inputs, {}).grow(std::vector{1.0, 3.0}, std::vector{1.0, 1.0}, rng);
  VectorXd sum = VectorXd::Zero(2);
  tree.add_to(MatrixXd(0, 2), 1, sum);
  EXPECT_EQ(sum, VectorXd::Constant(2, 2.0));
}

TEST(TreeGrower, TellsNeighbouringNumbersApart) {
  MatrixXd x(2, 1);
  x << 1.0, std::nextafter(1.0, 2.0);
  const TreeInputs inputs(x, {DimensionKind::Ordered});
  Rng rng(1);
  const RegressionTree tree =
      TreeGrower(inputs, {}).grow(std::vector{-1.0, 1.0}, std::vector{1.0, 1.0}, rng);
  VectorXd sum = VectorXd::Zero(2);
  tree.add_to(x.transpose(), 1, sum);
  EXPECT_EQ(sum[0], -1);
  EXPECT_EQ(sum[1], 1);
}

TEST(TreeGrower, UnseenCategoryGoesWithMostOfTheRows) {
  MatrixXd x(5, 1);
  x << 0.1, 0.1, 0.1, 0.5, 0.5;
  const TreeInputs inputs(x, {DimensionKind::Unordered});
  for (const double sign : {-1.0, 1.0}) {
    Rng rng(1);
    const std::vector<double> g = {sign, sign, sign, -sign, -sign}, ones(5, 1.0);
    const RegressionTree tree = TreeGrower(inputs, {}).grow(g, ones, rng);
    const double unseen = 0.9, seen = 0.5;
    EXPECT_EQ(tree.nodes[static_cast<std::size_t>(tree.leaf(&unseen))].value, sign);
    EXPECT_EQ(tree.nodes[static_cast<std::size_t>(tree.leaf(&seen))].value, -sign);
  }
}

TEST(TreeGrower, EqualGainsAreNotAlwaysTheFirstColumns) {
  MatrixXd x(4, 2);
  x << 0, 0, 0, 0, 1, 1, 1, 1;
  const TreeInputs inputs(x, {DimensionKind::Ordered, DimensionKind::Ordered});
  TreeGrower grower(inputs, {.max_depth = 1});
  Rng rng(11);
  int first = 0;
  for (int i = 0; i < 200; ++i)
    first +=
        grower.grow(std::vector{-1.0, -1.0, 1.0, 1.0}, std::vector(4, 1.0), rng).nodes[0].column ==
        0;
  // Binomial(200, 1/2): outside with probability 2e-5.
  EXPECT_GE(first, 70);
  EXPECT_LE(first, 130);
}

TEST(RegressionTree, ManyRowsAtOnceAreTheSameAsOneByOne) {
  for (const Index columns : {2, 3}) {
    Data data = random_data(70, 9);
    data.x.conservativeResize(Eigen::NoChange, columns);
    data.kinds.resize(static_cast<std::size_t>(columns));
    const TreeInputs inputs(data.x, data.kinds);
    Rng rng(4);
    const RegressionTree tree = TreeGrower(inputs, {.max_depth = 6}).grow(data.g, data.h, rng);
    EXPECT_EQ(tree.left_categories.empty(), columns == 2);
    const MatrixXd probes = random_data(100, 10).x.leftCols(columns).transpose();
    VectorXd sum = VectorXd::Constant(100, 1.0);
    tree.add_to(probes, 2, sum);
    for (Index i = 0; i < 100; ++i) {
      const auto leaf = static_cast<std::size_t>(tree.leaf(probes.data() + i * columns));
      EXPECT_EQ(sum[i], 1 + 2 * tree.nodes[leaf].value);
    }
  }
}

}  // namespace
}  // namespace skipjack
