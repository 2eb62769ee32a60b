// Truth: the coverage that [Romano2019, theorem 1] promises, over many draws of data.
#include "skipjack/model/conformal.h"

#include <gtest/gtest.h>

#include <cmath>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Sample {
  MatrixXd x;
  VectorXd y;
};

// One useful input and noise with heavy, one-sided tails.
Sample draw(Index n, Rng& rng) {
  Sample sample{MatrixXd(n, 2), VectorXd(n)};
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < 2; ++k) sample.x(i, k) = rng.uniform();
    sample.y[i] = sample.x(i, 0) + rng.exponential() * (1 + 2 * sample.x(i, 1));
  }
  return sample;
}

const std::vector<DimensionKind> kKinds(2, DimensionKind::Ordered);

// Trees so deep that they repeat their rows: bands that are worth nothing without a correction.
ConformalOptions overconfident() {
  return {.boosting = {.num_trees = 20, .learning_rate = 0.5, .tree = {.max_depth = 12}}};
}

TEST(ConformalQuantiles, BandsHoldTheShareTheyPromise) {
  const int rounds = 100;
  VectorXd covered = VectorXd::Zero(2);
  VectorXd expected(2);
  // 10 rows set aside: 1 - 2 q rounded up to elevenths, that is ceil(11 c) / 11 for no ties.
  expected << std::ceil(11 * 2.0 / 3) / 11, std::ceil(11 / 3.0) / 11;
  Rng rng(1, "conformal-test");
  for (int round = 0; round < rounds; ++round) {
    ConformalOptions options = overconfident();
    options.seed = static_cast<std::uint64_t>(round);
    const Sample data = draw(100, rng), fresh = draw(50, rng);
    const ConformalQuantiles model(data.x, kKinds, data.y, options);
    const MatrixXd q = model.predict(fresh.x);
    for (Index band = 0; band < 2; ++band)
      covered[band] +=
          (fresh.y.array() >= q.col(band).array() && fresh.y.array() <= q.col(4 - band).array())
              .cast<double>()
              .mean() /
          rounds;
  }
  // Rows of a round share a correction; four standard deviations are below 0.06.
  EXPECT_NEAR(covered[0], expected[0], 0.06);
  EXPECT_NEAR(covered[1], expected[1], 0.06);
}

TEST(ConformalQuantiles, WithoutCorrectionThoseBandsHoldLess) {
  Rng rng(2, "conformal-test");
  double covered = 0;
  for (int round = 0; round < 20; ++round) {
    ConformalOptions options = overconfident();
    options.max_uncorrected_rows = 1000;
    const Sample data = draw(100, rng), fresh = draw(100, rng);
    const MatrixXd q = ConformalQuantiles(data.x, kKinds, data.y, options).predict(fresh.x);
    covered += (fresh.y.array() >= q.col(0).array() && fresh.y.array() <= q.col(4).array())
                   .cast<double>()
                   .mean() /
               20;
  }
  EXPECT_LT(covered, 0.5);
}

TEST(ConformalQuantiles, CorrectsOppositeQuantilesAlikeAndTheMedianNot) {
  Rng rng(3, "conformal-test");
  const Sample data = draw(80, rng);
  const ConformalQuantiles model(data.x, kKinds, data.y, {});
  ASSERT_EQ(model.levels().size(), 5u);
  for (int k = 0; k < 5; ++k)
    EXPECT_NEAR(model.levels()[static_cast<std::size_t>(k)], (k + 1) / 6.0, 1e-12);
  EXPECT_EQ(model.corrections()[2], 0);
  EXPECT_NE(model.corrections()[0], 0);
  EXPECT_EQ(model.corrections()[0], -model.corrections()[4]);
  EXPECT_EQ(model.corrections()[1], -model.corrections()[3]);
}

TEST(ConformalQuantiles, FewRowsAreAllTrainedOn) {
  Rng rng(4, "conformal-test");
  const Sample data = draw(32, rng);
  const ConformalQuantiles model(data.x, kKinds, data.y, {});
  EXPECT_EQ(model.corrections(), VectorXd::Zero(5));
}

TEST(ConformalQuantiles, OneRowIsItsOwnQuantiles) {
  const ConformalQuantiles model(MatrixXd::Constant(1, 2, 0.5), kKinds, VectorXd::Constant(1, 7.0),
                                 {});
  EXPECT_EQ(model.predict(MatrixXd::Zero(1, 2)), MatrixXd::Constant(1, 5, 7.0));
}

}  // namespace
}  // namespace skipjack
