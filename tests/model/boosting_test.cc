// Truth: closed forms where every row has a leaf of its own, quantiles of known distributions.
#include "skipjack/model/boosting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr TreeOptions kOwnLeaves{.max_depth = 64, .min_leaf_weight = 1e-6};

std::vector<DimensionKind> ordered(Index d) {
  return std::vector<DimensionKind>(static_cast<std::size_t>(d), DimensionKind::Ordered);
}

MatrixXd random_inputs(Index n, Index d, Rng& rng) {
  MatrixXd x(n, d);
  for (Index i = 0; i < n; ++i)
    for (Index k = 0; k < d; ++k) x(i, k) = rng.uniform();
  return x;
}

// Where every row has its own leaf, a tree takes r of each residual away.
TEST(GradientBoosting, LeavesAPowerOfEachResidual) {
  Rng rng(1, "boosting-test");
  const MatrixXd x = random_inputs(30, 2, rng);
  VectorXd y(30);
  for (double& value : y) value = rng.normal();
  const GradientBoosting model(TreeInputs(x, ordered(2)), {.y = y},
                               {.num_trees = 7, .learning_rate = 0.3, .tree = kOwnLeaves});
  const VectorXd before = y.array() - y.mean(), left = y - model.predict(x);
  EXPECT_TRUE(left.isApprox(std::pow(0.7, 7) * before, 1e-9));
}

TEST(GradientBoosting, StartsAtTheSampleQuantile) {
  VectorXd y(9);
  y << 9, 1, 8, 2, 7, 3, 6, 4, 5;
  const TreeInputs inputs(MatrixXd::Zero(9, 1), ordered(1));
  for (const auto& [q, expected] : {std::pair{0.1, 1.0}, {0.5, 5.0}, {0.9, 9.0}}) {
    const GradientBoosting model(inputs, {.y = y}, {.loss = BoostingLoss::Pinball, .quantile = q});
    EXPECT_DOUBLE_EQ(model.predict(MatrixXd::Zero(1, 1))[0], expected) << q;
  }
}

// y = x + (0.5 + x) e, e standard normal: the q-quantile is x + (0.5 + x) z_q.
TEST(GradientBoosting, QuantilesAreCalibratedWhereTheNoiseVaries) {
  Rng rng(2, "boosting-test");
  const auto draw = [&](Index n) {
    const MatrixXd x = random_inputs(n, 2, rng);
    VectorXd y(n);
    for (Index i = 0; i < n; ++i) y[i] = x(i, 0) + (0.5 + x(i, 0)) * rng.normal();
    return std::pair{x, y};
  };
  const auto [x, y] = draw(2000);
  const auto [x_new, y_new] = draw(2000);
  const TreeInputs inputs(x, ordered(2));
  for (const auto& [q, z] :
       {std::pair{0.1, -1.2815515655446}, {0.5, 0.0}, {0.9, 1.2815515655446}}) {
    const GradientBoosting model(inputs, {.y = y},
                                 {.loss = BoostingLoss::Pinball,
                                  .quantile = q,
                                  .num_trees = 60,
                                  .tree = {.min_leaf_weight = 20}});
    const VectorXd predicted = model.predict(x_new);
    const double below = (y_new.array() < predicted.array()).cast<double>().mean();
    // Standard deviation of the share is below 0.012; the rest is for what the trees can't follow.
    EXPECT_NEAR(below, q, 0.04);
    const VectorXd truth = x_new.col(0).array() + (0.5 + x_new.col(0).array()) * z;
    EXPECT_LT((predicted - truth).cwiseAbs().mean(), 0.2) << q;
  }
}

// By hand: F_0 = log(2.5 / 2.5) = 0, p = 1/2; a leaf of two ones has G = 1, H = 1/2.
TEST(GradientBoosting, LogisticLeafIsAPenalisedNewtonStep) {
  MatrixXd x(4, 1);
  x << 0, 1, 2, 3;
  VectorXd y(4);
  y << 0, 0, 1, 1;
  const GradientBoosting model(TreeInputs(x, ordered(1)), {.y = y},
                               {.loss = BoostingLoss::Logistic,
                                .num_trees = 1,
                                .learning_rate = 0.3,
                                .tree = {.max_depth = 1, .min_leaf_weight = 0.1, .penalty = 1}});
  const VectorXd score = model.predict(x);
  EXPECT_NEAR(score[0], -0.3 / 1.5, 1e-12);
  EXPECT_NEAR(score[3], 0.3 / 1.5, 1e-12);
}

TEST(GradientBoosting, LogisticWithoutInputsGivesTheOddsOfTheRows) {
  VectorXd y = VectorXd::Zero(20);
  y.head(5).setOnes();
  const GradientBoosting model(TreeInputs(MatrixXd::Zero(20, 1), ordered(1)), {.y = y},
                               {.loss = BoostingLoss::Logistic, .num_trees = 200});
  EXPECT_NEAR(model.predict(MatrixXd::Zero(1, 1))[0], std::log(5.0 / 15.0), 1e-6);
}

TEST(GradientBoosting, OneClassAloneIsFinite) {
  Rng rng(3, "boosting-test");
  const MatrixXd x = random_inputs(20, 2, rng);
  for (const double label : {0.0, 1.0}) {
    const GradientBoosting model(TreeInputs(x, ordered(2)), {.y = VectorXd::Constant(20, label)},
                                 {.loss = BoostingLoss::Logistic, .num_trees = 1000});
    const VectorXd score = model.predict(x);
    EXPECT_TRUE(score.allFinite());
    EXPECT_EQ(score[0] > 0, label > 0);
  }
}

TEST(GradientBoosting, RanksASeparableClassFirst) {
  Rng rng(4, "boosting-test");
  const auto label = [](const MatrixXd& x) -> VectorXd {
    return ((x.col(0).array() - 0.5).square() + (x.col(1).array() - 0.5).square() < 0.08)
        .cast<double>();
  };
  const MatrixXd x = random_inputs(400, 4, rng), x_new = random_inputs(400, 4, rng);
  const GradientBoosting model(TreeInputs(x, ordered(4)), {.y = label(x)},
                               {.loss = BoostingLoss::Logistic});
  const VectorXd score = model.predict(x_new), truth = label(x_new);
  double pairs = 0, right = 0;
  for (Index i = 0; i < 400; ++i)
    for (Index j = 0; j < 400; ++j)
      if (truth[i] > truth[j]) ++pairs, right += score[i] > score[j];
  EXPECT_GT(right / pairs, 0.97);
}

TEST(GradientBoosting, WeightsCountAsRepetitions) {
  Rng rng(5, "boosting-test");
  const MatrixXd x = random_inputs(20, 2, rng);
  VectorXd y(20), weights(20);
  std::vector<Index> repeated;
  for (Index i = 0; i < 20; ++i) {
    y[i] = rng.bernoulli(0.5) ? 1 : 0;
    weights[i] = static_cast<double>(rng.uniform_int(1, 3));
    repeated.insert(repeated.end(), static_cast<std::size_t>(weights[i]), i);
  }
  for (const BoostingLoss loss :
       {BoostingLoss::Squared, BoostingLoss::Pinball, BoostingLoss::Logistic}) {
    const BoostingOptions options{.loss = loss, .quantile = 0.4, .num_trees = 20};
    const GradientBoosting weighted(TreeInputs(x, ordered(2)), {.y = y, .weights = weights},
                                    options);
    const MatrixXd x_repeated = x(repeated, Eigen::all);
    const GradientBoosting plain(TreeInputs(x_repeated, ordered(2)), {.y = y(repeated)}, options);
    EXPECT_TRUE(weighted.predict(x).isApprox(plain.predict(x), 1e-9));
  }
}

TEST(GradientBoosting, GrowsOnPartOfTheRowsAndStillFits) {
  Rng rng(6, "boosting-test");
  const MatrixXd x = random_inputs(300, 2, rng);
  const VectorXd y = (6 * x.col(0).array()).sin();
  const TreeInputs inputs(x, ordered(2));
  const auto predict = [&](std::uint64_t seed) -> VectorXd {
    return GradientBoosting(inputs, {.y = y}, {.row_fraction = 0.5, .seed = seed}).predict(x);
  };
  const VectorXd one = predict(1), again = predict(1), other = predict(2);
  EXPECT_EQ(one, again);
  EXPECT_NE(one, other);
  EXPECT_LT((one - y).norm() / y.norm(), 0.1);
}

TEST(WeightedQuantile, IsTheSmallestValueWithEnoughWeight) {
  Rng rng(7, "boosting-test");
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<double, double>> values;
    const auto number = rng.uniform_int(1, 12);
    for (std::int64_t i = 0; i < number; ++i)
      values.emplace_back(rng.uniform_int(0, 5), static_cast<double>(rng.uniform_int(1, 4)));
    const double q = static_cast<double>(rng.uniform_int(1, 9)) / 10;
    // By the definition, over all values.
    double all = 0, expected = 1e9;
    for (const auto& [value, weight] : values) all += weight;
    for (const auto& [candidate, ignored] : values) {
      double up_to = 0;
      for (const auto& [value, weight] : values)
        if (value <= candidate) up_to += weight;
      if (up_to >= q * all - 1e-9) expected = std::min(expected, candidate);
    }
    EXPECT_EQ(weighted_quantile(values, q), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace skipjack
