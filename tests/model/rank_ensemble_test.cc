// Weights of the ranking ensemble against examples worked by hand, and the leave-one-out formulas
// against processes that were really refitted without the observation.
#include "skipjack/model/rank_ensemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>

#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

MatrixXd normals(Index rows, Index columns, std::uint64_t seed) {
  Rng rng(seed, "test");
  MatrixXd z(rows, columns);
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) z(i, j) = rng.normal();
  return z;
}

TEST(GaussianSamples, HaveMeanAndCovarianceAskedFor) {
  const VectorXd mean{{1.0, -2.0, 0.5}};
  const MatrixXd covariance{{2.0, 0.8, -0.3}, {0.8, 1.0, 0.1}, {-0.3, 0.1, 0.5}};
  const Index number = 20000;
  const MatrixXd f = gaussian_samples(mean, covariance, normals(number, 3, 1));
  const VectorXd average = f.colwise().mean();
  const MatrixXd centered = f.rowwise() - average.transpose();
  const MatrixXd found = centered.transpose() * centered / static_cast<double>(number - 1);
  // Standard errors are at most sqrt(2 / number) and 2 sqrt(2 / number): five of them.
  EXPECT_LT((average - mean).cwiseAbs().maxCoeff(), 0.05);
  EXPECT_LT((found - covariance).cwiseAbs().maxCoeff(), 0.1);
}

TEST(GaussianSamples, OfInputThatComesTwiceAgree) {
  const MatrixXd covariance{{1.0, 1.0, 0.2}, {1.0, 1.0, 0.2}, {0.2, 0.2, 1.0}};
  const MatrixXd f = gaussian_samples(VectorXd::Zero(3), covariance, normals(50, 3, 2));
  EXPECT_LT((f.col(0) - f.col(1)).cwiseAbs().maxCoeff(), 1e-7);
  EXPECT_GT(f.col(0).cwiseAbs().maxCoeff(), 0.5);
}

TEST(RankingLosses, CountPairsInWrongOrder) {
  const VectorXd y{{1.0, 2.0, 3.0}};
  // Row 0 is in order; row 1 has 3 before 1 and 2; row 2 is reversed.
  const MatrixXd f{{10, 20, 30}, {3, 1, 2}, {-1, -2, -3}};
  EXPECT_EQ(ranking_losses(f, y), (VectorXd{{0.0, 2.0, 3.0}}));
}

TEST(RankingLosses, CountEqualPredictionsHalf) {
  const MatrixXd f{{5, 5, 5}};
  EXPECT_EQ(ranking_losses(f, VectorXd{{3.0, 1.0, 2.0}})(0), 1.5);
}

TEST(RankingLosses, PassOverEqualObservations) {
  const MatrixXd f{{2, 1, 9}};
  EXPECT_EQ(ranking_losses(f, VectorXd{{4.0, 4.0, 7.0}})(0), 0.0);
}

TEST(RankingLosses, DontChangeWithScaleOfEither) {
  const MatrixXd f = normals(20, 8, 3);
  const VectorXd y = normals(8, 1, 4);
  EXPECT_EQ(ranking_losses(f.array().exp(), 7.0 - 3.0 * y.array()), ranking_losses(-5.0 * f, y));
}

struct Process {
  MatrixXd covariance;  // of the latent function
  VectorXd y;
  double noise_variance = 0.3;

  MatrixXd precision() const {
    return (covariance + noise_variance * MatrixXd::Identity(y.size(), y.size())).inverse();
  }
};

Process random_process(Index n, std::uint64_t seed) {
  const VectorXd x = 2.0 * normals(n, 1, seed);
  MatrixXd covariance(n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      covariance(i, j) = 1.7 * std::exp(-0.5 * (x(i) - x(j)) * (x(i) - x(j)));
  return {.covariance = covariance, .y = normals(n, 1, seed + 1)};
}

/// Mean and variance of the latent function at input `at`, observation `without` not used.
std::pair<double, double> refitted(const Process& process, Index without, Index at) {
  std::vector<Index> rest;
  for (Index i = 0; i < process.y.size(); ++i)
    if (i != without) rest.push_back(i);
  const Index n = static_cast<Index>(rest.size());
  const MatrixXd k =
      process.covariance(rest, rest) + process.noise_variance * MatrixXd::Identity(n, n);
  const VectorXd cross = process.covariance(rest, at);
  const VectorXd weights = k.lu().solve(cross);
  return {weights.dot(process.y(rest).matrix()), process.covariance(at, at) - weights.dot(cross)};
}

TEST(LeaveOneOut, IsWhatProcessWithoutObservationSaysThere) {
  const Process process = random_process(9, 5);
  const LeaveOneOut left_out =
      leave_one_out(process.precision(), process.y, process.noise_variance);
  for (Index j = 0; j < 9; ++j) {
    const auto [mean, variance] = refitted(process, j, j);
    EXPECT_NEAR(left_out.mean(j), mean, 1e-10);
    EXPECT_NEAR(left_out.variance(j), variance, 1e-10);
  }
}

TEST(LeaveOneOut, IsWhatProcessWithoutObservationSaysElsewhere) {
  const Process process = random_process(9, 6);
  const LeaveOneOut left_out =
      leave_one_out(process.precision(), process.y, process.noise_variance);
  for (Index j = 0; j < 9; ++j)
    for (Index k = 0; k < 9; ++k)
      EXPECT_NEAR(left_out.means(j, k), refitted(process, j, k).first, 1e-10) << j << ' ' << k;
}

TEST(LeaveOneOutLosses, CompareSampleWithOtherInputsOfSameProcess) {
  // Three observations y = 1, 2, 3. Without the first, the process says 2.5 there, 2 and 3
  // elsewhere: wrong against the second, right against the third. Without the second, 1.5: right
  // twice. Without the third, 0: wrong twice. No variance, so that no sample differs. Every pair
  // counts half for either end: (1 + 0 + 2) / 2.
  const LeaveOneOut left_out{.mean = VectorXd{{2.5, 1.5, 0.0}},
                             .variance = VectorXd::Zero(3),
                             .means = MatrixXd{{2.5, 2, 3}, {1, 1.5, 3}, {1, 2, 0}}};
  const VectorXd losses =
      leave_one_out_losses(left_out, VectorXd{{1.0, 2.0, 3.0}}, normals(4, 3, 7));
  EXPECT_EQ(losses, VectorXd::Constant(4, 1.5));
}

TEST(LeaveOneOutLosses, SpreadWithVarianceOfWhatWasLeftOut) {
  // Two observations, y = 0 and 1; without either, the process says N(0, 1) there and 1 or 0 at the
  // other. Expected loss: half of P(N(0, 1) > 1) and of P(0 > N(0, 1)).
  const LeaveOneOut left_out{
      .mean = VectorXd::Zero(2), .variance = VectorXd::Ones(2), .means = MatrixXd{{0, 1}, {0, 0}}};
  const Index number = 20000;
  const double mean =
      leave_one_out_losses(left_out, VectorXd{{0.0, 1.0}}, normals(number, 2, 8)).mean();
  const double expected = 0.5 * (0.5 * std::erfc(1 / std::sqrt(2.0)) + 0.5);
  EXPECT_NEAR(mean, expected, 5 * 0.5 / std::sqrt(static_cast<double>(number)));
}

TEST(TransferFactor, FallsLinearlyToNothingAtHorizon) {
  EXPECT_EQ(transfer_factor(0, 40), 1.0);
  EXPECT_EQ(transfer_factor(10, 40), 0.75);
  EXPECT_EQ(transfer_factor(41, 40), 0.0);
}

TEST(RankWeights, AreSharesOfWinsTimesChanceOfBeatingTarget) {
  // Winners by sample: source 1, source 1, source 2 and the target together, the target. Shares:
  // target (1/2 + 1) / 4, source 1 2/4, source 2 1/8. Against the target source 1 wins twice and
  // loses twice: kept 1/2. Source 2 loses twice, ties once, wins once: kept 3/8.
  const MatrixXd losses{{5, 1, 4}, {5, 2, 6}, {3, 7, 3}, {0, 1, 2}};
  const VectorXd weights = rank_weights(losses, 1.0);
  EXPECT_NEAR(weights(1), 2.0 / 4 * 1 / 2, 1e-15);
  EXPECT_NEAR(weights(2), 1.0 / 8 * 3 / 8, 1e-15);
  EXPECT_NEAR(weights(0), 1 - weights(1) - weights(2), 1e-15);
}

TEST(RankWeights, GiveAllToTargetThatIsAlone) {
  EXPECT_EQ(rank_weights(MatrixXd{{3}, {1}}, 1.0), VectorXd::Ones(1));
}

TEST(RankWeights, GiveAllToTargetAtTransferFactorZero) {
  EXPECT_EQ(rank_weights(MatrixXd{{5, 0}, {5, 0}}, 0.0), (VectorXd{{1.0, 0.0}}));
}

TEST(RankWeights, GiveAllToSourceThatIsAlwaysBetter) {
  EXPECT_EQ(rank_weights(MatrixXd{{5, 0, 9}, {5, 0, 8}}, 1.0), (VectorXd{{0.0, 1.0, 0.0}}));
}

TEST(RankWeights, DontFavourAnybodyBeforeAnythingIsKnown) {
  // Fewer than two observations: all losses are 0. Each source keeps half of an equal share.
  const VectorXd weights = rank_weights(MatrixXd::Zero(16, 5), 1.0);
  EXPECT_NEAR(weights(1), 0.1, 1e-15);
  EXPECT_NEAR(weights(0), 0.6, 1e-15);
}

TEST(RankWeights, OfManyBadSourcesDontCrowdOutTarget) {
  // The target's loss is N(30, 5); a hundred sources have N(50, 10): each is better now and then,
  // together they have the least loss in most samples.
  const Index num_samples = 400, num_sources = 100;
  MatrixXd losses = 50.0 + 10.0 * normals(num_samples, num_sources + 1, 9).array();
  losses.col(0) = 30.0 + 5.0 * normals(num_samples, 1, 10).array();
  Index won = 0;
  for (Index s = 0; s < num_samples; ++s) won += losses(s, 0) == losses.row(s).minCoeff();
  ASSERT_LT(won, num_samples / 2);
  EXPECT_GT(rank_weights(losses, 1.0)(0), 0.9);
}

/// Weights for n observations of f(x) = sin(3 x) with noise by a process that knows its
/// hyperparameters, beside a source that has the order right and one that knows nothing.
VectorXd weights_after(Index n, std::uint64_t seed) {
  const double noise_variance = 0.01;
  const VectorXd x = VectorXd::LinSpaced(n, -2.0, 2.0);
  const VectorXd f = (3.0 * x.array()).sin();
  const VectorXd y = f + std::sqrt(noise_variance) * normals(n, 1, seed);
  MatrixXd covariance(n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      covariance(i, j) = std::exp(-0.5 * std::pow((x(i) - x(j)) / 0.5, 2));
  const MatrixXd precision = (covariance + noise_variance * MatrixXd::Identity(n, n)).inverse();
  const Index num_samples = 200;
  MatrixXd losses(num_samples, 3);
  losses.col(0) = leave_one_out_losses(leave_one_out(precision, y, noise_variance), y,
                                       normals(num_samples, n, seed + 1));
  // In another unit, and unsure by a fifth of the function's range to either side.
  const MatrixXd spread = std::pow(100.0 * 0.2, 2) * MatrixXd::Identity(n, n);
  losses.col(1) =
      ranking_losses(gaussian_samples(100.0 * f, spread, normals(num_samples, n, seed + 2)), y);
  losses.col(2) = ranking_losses(normals(num_samples, n, seed + 3), y);
  return rank_weights(losses, 1.0);
}

TEST(RankWeights, TrustGoodSourceEarlyAndIgnoreUselessOne) {
  const VectorXd weights = weights_after(6, 11);
  EXPECT_GT(weights(1), 0.7);
  EXPECT_LT(weights(2), 0.1);
}

TEST(RankWeights, ReturnToTargetAsItLearns) {
  // Six points on two periods say little, forty say nearly all, more than the source's blurred
  // samples do.
  EXPECT_LT(weights_after(6, 12)(0), 0.3);
  EXPECT_GT(weights_after(40, 12)(0), 0.7);
}

}  // namespace
}  // namespace skipjack
