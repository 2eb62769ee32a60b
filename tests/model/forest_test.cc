// Truth: forests whose trees are all the same, moments of the targets, and noise that can't be
// learnt.
#include "skipjack/model/forest.h"

#include <gtest/gtest.h>

#include <cmath>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Data {
  MatrixXd x;
  VectorXd y;
  std::vector<DimensionKind> kinds;
};

// y = 3 x_0 + [x_2 is 0.6] + noise; x_2 is one of five categories.
Data random_data(Index n, double noise, std::uint64_t seed) {
  Rng rng(seed, "forest-test");
  Data data{.x = MatrixXd(n, 3),
            .y = VectorXd(n),
            .kinds = {DimensionKind::Ordered, DimensionKind::Ordered, DimensionKind::Unordered}};
  for (Index i = 0; i < n; ++i) {
    data.x(i, 0) = rng.uniform();
    data.x(i, 1) = rng.uniform();
    data.x(i, 2) = static_cast<double>(rng.uniform_int(0, 4)) / 5;
    data.y[i] = 3 * data.x(i, 0) + (data.x(i, 2) == 0.6 ? 1 : 0) + noise * rng.normal();
  }
  return data;
}

double correlation(const VectorXd& a, const VectorXd& b) {
  const VectorXd u = a.array() - a.mean(), v = b.array() - b.mean();
  return u.dot(v) / (u.norm() * v.norm());
}

TEST(Forest, WithoutChanceIsOneDeepTree) {
  const Data data = random_data(50, 0.5, 1);
  const Forest forest(TreeInputs(data.x, data.kinds), data.y,
                      {.num_trees = 3, .rows = ForestRows::All, .tree = {.max_depth = 64}});
  const ForestPrediction p = forest.predict(data.x);
  EXPECT_TRUE(p.mean.isApprox(data.y, 1e-12));
  EXPECT_LT(p.variance.maxCoeff(), 1e-12);
  EXPECT_TRUE(forest.out_of_bag_mean().array().isNaN().all());
}

TEST(Forest, OfStumpsWithoutSplitsGivesTheMomentsOfTheTargets) {
  const Data data = random_data(40, 1, 2);
  const Forest forest(TreeInputs(data.x, data.kinds), data.y,
                      {.num_trees = 2, .rows = ForestRows::All, .tree = {.max_depth = 0}});
  const ForestPrediction p = forest.predict(data.x.topRows(1));
  EXPECT_NEAR(p.mean[0], data.y.mean(), 1e-12);
  EXPECT_NEAR(p.variance[0], (data.y.array() - data.y.mean()).square().mean(), 1e-12);
}

// The variance of a mean of n resampled rows is s^2 / n; the spread within is (1 - 1/n) s^2.
TEST(Forest, ResamplingSpreadsTheTrees) {
  const Data data = random_data(30, 1, 3);
  const Forest forest(TreeInputs(data.x, data.kinds), data.y,
                      {.num_trees = 4000, .tree = {.max_depth = 0}});
  const double variance = (data.y.array() - data.y.mean()).square().mean();
  const ForestPrediction p = forest.predict(data.x.topRows(1));
  // Four standard deviations of a mean over 4000 trees.
  EXPECT_NEAR(p.mean[0], data.y.mean(), 4 * std::sqrt(variance / 30 / 4000));
  EXPECT_NEAR(p.variance[0], variance, 0.03 * variance);
}

TEST(Forest, FollowsAFunctionOfNumbersAndCategories) {
  const Data data = random_data(400, 0.1, 4), fresh = random_data(400, 0, 5);
  for (const ForestOptions& options : {ForestOptions{}, extra_trees_options()}) {
    const Forest forest(TreeInputs(data.x, data.kinds), data.y, options);
    EXPECT_GT(correlation(forest.predict(fresh.x).mean, fresh.y), 0.98);
  }
}

TEST(Forest, OutOfBagSeesNoSkillInNoise) {
  Data data = random_data(300, 0, 6);
  Rng rng(7, "forest-test");
  for (double& y : data.y) y = rng.normal();
  const Forest forest(TreeInputs(data.x, data.kinds), data.y, {.num_trees = 100});
  ASSERT_TRUE(forest.out_of_bag_mean().allFinite());
  EXPECT_GT(correlation(forest.predict(data.x).mean, data.y), 0.8);
  EXPECT_LT(std::abs(correlation(forest.out_of_bag_mean(), data.y)), 0.25);
}

TEST(Forest, OutOfBagErrorIsTheErrorOnFreshRows) {
  const Data data = random_data(400, 0.5, 8), fresh = random_data(400, 0.5, 9);
  const Forest forest(TreeInputs(data.x, data.kinds), data.y, {.num_trees = 100});
  const double out_of_bag = (forest.out_of_bag_mean() - data.y).squaredNorm() / 400;
  const double on_fresh = (forest.predict(fresh.x).mean - fresh.y).squaredNorm() / 400;
  EXPECT_NEAR(out_of_bag / on_fresh, 1, 0.25);
}

TEST(Forest, IsAFunctionOfTheSeed) {
  const Data data = random_data(60, 0.5, 10);
  const TreeInputs inputs(data.x, data.kinds);
  const auto predict = [&](std::uint64_t seed) -> VectorXd {
    ForestOptions options = extra_trees_options();
    options.seed = seed;
    return Forest(inputs, data.y, options).predict(random_data(20, 0, 11).x).mean;
  };
  EXPECT_EQ(predict(1), predict(1));
  EXPECT_NE(predict(1), predict(2));
}

}  // namespace
}  // namespace skipjack
