// Truth: posteriors of one and two points worked out by hand, finite differences, and the dense
// formulas evaluated without any of the shortcuts.
#include "skipjack/model/gaussian_process.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

double matern(double distance) {
  const double r = std::sqrt(5.0) * distance;
  return (1 + r + r * r / 3) * std::exp(-r);
}

GpData random_data(Index n, Index d, std::uint64_t seed) {
  Rng rng(seed, "gp-test");
  GpData data{
      .kinds = std::vector<DimensionKind>(static_cast<std::size_t>(d), DimensionKind::Ordered),
      .x = MatrixXd(n, d),
      .y = VectorXd(n)};
  data.kinds.back() = DimensionKind::Unordered;
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < d; ++k) data.x(i, k) = rng.uniform();
    data.x(i, d - 1) = static_cast<double>(rng.uniform_int(0, 2)) / 3.0;
    data.y[i] = std::sin(5 * data.x(i, 0)) + 2 * data.x(i, d - 1) + 0.1 * rng.normal();
  }
  return data;
}

GpHyperparameters some_hyperparameters(Index d) {
  GpHyperparameters h = default_hyperparameters(d);
  for (Index k = 0; k < d; ++k) h.inverse_squared_lengthscales[k] = 0.5 + static_cast<double>(k);
  h.outputscale = 1.3;
  h.noise_variance = 0.05;
  return h;
}

TEST(GaussianProcess, PosteriorOfOnePointIsTheTextbooks) {
  // One point: the mean is its value everywhere; variance a - k^2 / (a + v).
  const GpData data{
      {DimensionKind::Ordered}, MatrixXd::Constant(1, 1, 0.5), VectorXd::Constant(1, 0.7)};
  GpHyperparameters h = default_hyperparameters(1);
  h.inverse_squared_lengthscales[0] = 4;
  h.outputscale = 2;
  h.noise_variance = 0.5;
  const GaussianProcess gp(data, h);
  MatrixXd at(2, 1);
  at << 0.5, 0.75;
  const GpPrediction p = gp.predict(at);
  EXPECT_NEAR(p.mean[0], 0.7, 1e-12);
  EXPECT_NEAR(p.mean[1], 0.7, 1e-12);
  EXPECT_NEAR(p.variance[0], 2 - 4 / 2.5, 1e-12);
  const double k = 2 * matern(0.5);
  EXPECT_NEAR(p.variance[1], 2 - k * k / 2.5, 1e-12);
}

TEST(GaussianProcess, PosteriorOfTwoPointsIsTheTextbooks) {
  // Symmetric two points at y = +-1: the mean is 0, K^-1 (1, -1)' = (1, -1)' / (a + v - k).
  GpData data{{DimensionKind::Ordered}, MatrixXd(2, 1), VectorXd(2)};
  data.x << 0.2, 0.8;
  data.y << 1, -1;
  GpHyperparameters h = default_hyperparameters(1);
  h.noise_variance = 0.1;
  const GaussianProcess gp(data, h);
  MatrixXd at(3, 1);
  at << 0.5, 0.2, 0.35;
  const double k = matern(0.6), weight = 1 / (1.1 - k);
  const GpPrediction p = gp.predict(at);
  EXPECT_NEAR(gp.mean(), 0, 1e-12);
  EXPECT_NEAR(p.mean[0], 0, 1e-12);
  EXPECT_NEAR(p.mean[1], weight * (1 - k), 1e-12);
  EXPECT_NEAR(p.mean[2], weight * (matern(0.15) - matern(0.45)), 1e-12);
  // (k1, k2) K^-1 (k1, k2)' for K = [[1.1, k], [k, 1.1]]
  const double k1 = matern(0.15), k2 = matern(0.45);
  const double explained = (1.1 * (k1 * k1 + k2 * k2) - 2 * k * k1 * k2) / (1.1 * 1.1 - k * k);
  EXPECT_NEAR(p.variance[2], 1 - explained, 1e-12);
}

TEST(GaussianProcess, UnorderedDimensionKnowsOnlyEqualAndDifferent) {
  GpData data{{DimensionKind::Unordered}, MatrixXd(1, 1), VectorXd::Zero(1)};
  data.x << 0.1;
  GpHyperparameters h = default_hyperparameters(1);
  h.inverse_squared_lengthscales[0] = 2;
  h.noise_variance = 0.01;
  const GaussianProcess gp(data, h);
  MatrixXd at(3, 1);
  at << 0.1, 0.3, 0.9;
  const GpPrediction p = gp.predict(at);
  const double k = matern(std::sqrt(2.0));
  EXPECT_NEAR(p.variance[0], 1 - 1 / 1.01, 1e-12);
  EXPECT_NEAR(p.variance[1], 1 - k * k / 1.01, 1e-12);
  EXPECT_DOUBLE_EQ(p.variance[1], p.variance[2]);
}

TEST(GaussianProcess, LogPosteriorIsTheMultivariateNormalsPlusPriors) {
  const GpData data = random_data(12, 3, 1);
  const GpHyperparameters h = some_hyperparameters(3);
  MatrixXd kernel(12, 12);
  for (Index i = 0; i < 12; ++i)
    for (Index j = 0; j < 12; ++j) {
      double distance = 0;
      for (Index k = 0; k < 2; ++k)
        distance += h.inverse_squared_lengthscales[k] * std::pow(data.x(i, k) - data.x(j, k), 2);
      if (data.x(i, 2) != data.x(j, 2)) distance += h.inverse_squared_lengthscales[2];
      kernel(i, j) = 1.3 * matern(std::sqrt(distance)) + (i == j ? 0.05 : 0);
    }
  const MatrixXd inverse = kernel.inverse();
  const VectorXd ones = VectorXd::Ones(12);
  const double c = ones.dot(inverse * data.y) / ones.dot(inverse * ones);
  const VectorXd r = data.y - c * ones;
  double expected =
      -0.5 * r.dot(inverse * r) - 0.5 * std::log(kernel.determinant()) - 6 * std::log(2 * M_PI);
  for (Index k = 0; k < 3; ++k) {
    const double s = h.inverse_squared_lengthscales[k];
    expected -= 0.1 / s + 0.1 * s;
  }
  expected += std::log(1.3) - 1.3 + 0.1 * std::log(0.05) - 30 * 0.05;
  VectorXd theta(5);
  theta << h.inverse_squared_lengthscales.array().log().matrix(), std::log(1.3), std::log(0.05);
  EXPECT_NEAR(GpLogPosterior(data).evaluate(theta, nullptr), expected, 1e-9);
}

TEST(GaussianProcess, GradientsAgreeWithFiniteDifferences) {
  for (const Index d : {1, 3, 12}) {
    const GpData data = random_data(20, d, 2);
    GpLogPosterior posterior(data);
    VectorXd theta = VectorXd::LinSpaced(d + 2, -1.0, 1.0);
    theta[d + 1] = -3;
    VectorXd gradient;
    posterior.evaluate(theta, &gradient);
    ASSERT_EQ(gradient.size(), d + 2);
    for (Index i = 0; i < theta.size(); ++i) {
      VectorXd up = theta, down = theta;
      up[i] += 1e-5, down[i] -= 1e-5;
      const double slope =
          (posterior.evaluate(up, nullptr) - posterior.evaluate(down, nullptr)) / 2e-5;
      EXPECT_NEAR(gradient[i], slope, 1e-5 * (1 + std::abs(slope)))
          << "d " << d << " parameter " << i;
    }
  }
}

TEST(GaussianProcess, FitEndsWhereNoSmallStepHelps) {
  const GpData data = random_data(40, 3, 3);
  const GpHyperparameters h = fit_hyperparameters(data, {.max_evaluations = 200});
  GpLogPosterior posterior(data);
  VectorXd theta(5);
  theta << h.inverse_squared_lengthscales.array().log().matrix(), std::log(h.outputscale),
      std::log(h.noise_variance);
  const double best = posterior.evaluate(theta, nullptr);
  VectorXd start = VectorXd::Zero(5);
  start[4] = std::log(0.01);
  EXPECT_GT(best, posterior.evaluate(start, nullptr) + 1);
  for (Index i = 0; i < 5; ++i)
    for (const double step : {-0.2, 0.2}) {
      VectorXd moved = theta;
      moved[i] += step;
      EXPECT_LT(posterior.evaluate(moved, nullptr), best + 1e-3) << i;
    }
}

TEST(GaussianProcess, FitLearnsNoiseAndRelevance) {
  // y depends on the first of three ordered dimensions; noise of standard deviation 0.3.
  Rng rng(4, "gp-test");
  GpData data{std::vector<DimensionKind>(3, DimensionKind::Ordered), MatrixXd(120, 3),
              VectorXd(120)};
  for (Index i = 0; i < 120; ++i) {
    for (Index k = 0; k < 3; ++k) data.x(i, k) = rng.uniform();
    data.y[i] = 1.4 * std::sin(6 * data.x(i, 0)) + 0.3 * rng.normal();
  }
  const GpHyperparameters h = fit_hyperparameters(data, {.max_evaluations = 100});
  EXPECT_GT(h.noise_variance, 0.04);
  EXPECT_LT(h.noise_variance, 0.16);
  EXPECT_GT(h.inverse_squared_lengthscales[0], 4 * h.inverse_squared_lengthscales[1]);
  EXPECT_GT(h.inverse_squared_lengthscales[0], 4 * h.inverse_squared_lengthscales[2]);
}

TEST(GaussianProcess, AppendEqualsConditioningAnew) {
  const GpData data = random_data(25, 4, 5);
  GpData head = data;
  head.x = data.x.topRows(22);
  head.y = data.y.head(22);
  GaussianProcess grown(head, some_hyperparameters(4));
  for (Index i = 22; i < 25; ++i) grown.append(data.x.row(i).transpose(), data.y[i]);
  const GaussianProcess whole(data, some_hyperparameters(4));
  const MatrixXd at = random_data(10, 4, 6).x;
  const GpPrediction a = grown.predict(at), b = whole.predict(at);
  EXPECT_NEAR((a.variance - b.variance).cwiseAbs().maxCoeff(), 0, 1e-10);
  // The means differ by the mean function alone, which append leaves as it was.
  EXPECT_NEAR((a.mean - b.mean).cwiseAbs().maxCoeff(), 0,
              std::abs(grown.mean() - whole.mean()) + 1e-10);
}

TEST(GaussianProcess, TrackedPointsFollowAppendedRowsAndChangedTargets) {
  const GpData data = random_data(25, 3, 5), more = random_data(40, 3, 6);
  const GpHyperparameters h = some_hyperparameters(3);
  GaussianProcess gp(data, h);
  const MatrixXd at = random_data(7, 3, 7).x;
  TrackedPoints tracked = gp.track(at);
  for (Index i = 0; i < more.x.rows(); ++i) {
    gp.append(more.x.row(i).transpose(), more.y[i]);
    if (i % 3 == 0) gp.set_target(25 + i, more.y[i] + 1);
    if (i % 4 != 0) continue;  // several rows behind at times
    const GpPrediction kept = gp.predict(tracked), fresh = gp.predict(at);
    EXPECT_LT((kept.mean - fresh.mean).cwiseAbs().maxCoeff(), 1e-10) << i;
    EXPECT_LT((kept.variance - fresh.variance).cwiseAbs().maxCoeff(), 1e-10) << i;
  }
}

TEST(GaussianProcess, SetTargetEqualsConditioningOnIt) {
  GpData data = random_data(20, 2, 8);
  const GpHyperparameters h = some_hyperparameters(2);
  const GaussianProcess without_last(
      {.kinds = data.kinds, .x = data.x.topRows(19), .y = data.y.head(19)}, h);
  // Both keep the mean of the first nineteen.
  GaussianProcess one = without_last, other = without_last;
  one.append(data.x.row(19).transpose(), 5.0);
  one.set_target(19, data.y[19]);
  other.append(data.x.row(19).transpose(), data.y[19]);
  const MatrixXd at = random_data(5, 2, 9).x;
  EXPECT_LT((one.predict(at).mean - other.predict(at).mean).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(GaussianProcess, GradientsOfPredictionAgreeWithFiniteDifferences) {
  const GpData data = random_data(20, 3, 12);
  const GaussianProcess gp(data, some_hyperparameters(3));
  const MatrixXd at = random_data(4, 3, 13).x;
  for (Index i = 0; i < at.rows(); ++i) {
    const VectorXd x = at.row(i).transpose();
    const GpGradient g = gp.predict_with_gradient(x);
    const GpPrediction here = gp.predict(at.row(i));
    EXPECT_NEAR(g.mean, here.mean[0], 1e-12);
    EXPECT_NEAR(g.variance, here.variance[0], 1e-12);
    for (Index k = 0; k < 2; ++k) {
      constexpr double kStep = 1e-5;
      MatrixXd two = at.row(i).replicate(2, 1);
      two(0, k) -= kStep, two(1, k) += kStep;
      const GpPrediction p = gp.predict(two);
      EXPECT_NEAR(g.mean_slope[k], (p.mean[1] - p.mean[0]) / (2 * kStep), 1e-6);
      EXPECT_NEAR(g.variance_slope[k], (p.variance[1] - p.variance[0]) / (2 * kStep), 1e-6);
    }
    EXPECT_EQ(g.mean_slope[2], 0);  // unordered
  }
}

TEST(GaussianProcess, RoughDimensionLetsOneValueStandOut) {
  // A line over five levels, each measured three times, with the middle one far below it.
  const Index n = 15;
  GpData smooth{.kinds = {DimensionKind::Ordered}, .x = MatrixXd(n, 1), .y = VectorXd(n)};
  Rng rng(3, "rough");
  for (Index i = 0; i < n; ++i) {
    smooth.x(i, 0) = 0.1 + 0.2 * static_cast<double>(i % 5);
    smooth.y[i] = smooth.x(i, 0) - (i % 5 == 2 ? 2 : 0) + 0.01 * rng.normal();
  }
  GpData rough{.kinds = {DimensionKind::Ordered, DimensionKind::Rough},
               .x = smooth.x.replicate(1, 2),
               .y = smooth.y};
  const GpHyperparameters with = fit_hyperparameters(rough, {});
  const GpHyperparameters without = fit_hyperparameters(smooth, {});
  // It explains the data by the rough dimension: there is a smooth course left between the others.
  EXPECT_LT(with.inverse_squared_lengthscales[0], without.inverse_squared_lengthscales[0]);
  EXPECT_GT(with.inverse_squared_lengthscales[1], 0.03);
}

TEST(GaussianProcess, CovarianceIsTheDenseFormulas) {
  const GpData data = random_data(15, 2, 10);
  const GpHyperparameters h = some_hyperparameters(2);
  const GaussianProcess gp(data, h);
  const MatrixXd at = random_data(4, 2, 11).x;
  const auto prior = [&](const MatrixXd& a, const MatrixXd& b) {
    MatrixXd k(a.rows(), b.rows());
    for (Index i = 0; i < a.rows(); ++i)
      for (Index j = 0; j < b.rows(); ++j)
        k(i, j) =
            h.outputscale *
            matern(std::sqrt(h.inverse_squared_lengthscales[0] * std::pow(a(i, 0) - b(j, 0), 2) +
                             h.inverse_squared_lengthscales[1] * (a(i, 1) != b(j, 1))));
    return k;
  };
  MatrixXd noisy = prior(data.x, data.x);
  noisy.diagonal().array() += h.noise_variance;
  const MatrixXd expected = prior(at, at) - prior(at, data.x) * noisy.inverse() * prior(data.x, at);
  EXPECT_LT((gp.covariance(at) - expected).cwiseAbs().maxCoeff(), 1e-10);
  EXPECT_LT((gp.covariance(at).diagonal() - gp.predict(at).variance).cwiseAbs().maxCoeff(), 1e-10);
}

TEST(GaussianProcess, MeansAtDataEqualPrediction) {
  const GpData data = random_data(30, 3, 7);
  const GaussianProcess gp(data, some_hyperparameters(3));
  const VectorXd shortcut = gp.predict_means_at_data();
  EXPECT_NEAR((shortcut - gp.predict(data.x).mean).cwiseAbs().maxCoeff(), 0, 1e-10);
}

TEST(GaussianProcess, MeansAloneEqualPrediction) {
  const GaussianProcess gp(random_data(15, 3, 4), some_hyperparameters(3));
  const MatrixXd at = random_data(6, 3, 5).x;
  EXPECT_LT((gp.predict_means(at) - gp.predict(at).mean).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(GaussianProcess, WhitenedColumnsHaveTheInnerProductsOfThePrecision) {
  const GpData data = random_data(8, 2, 6);
  const GpHyperparameters h = some_hyperparameters(2);
  const MatrixXd inverse = GaussianProcess(data, h).whiten(MatrixXd::Identity(8, 8));  // L^-1
  MatrixXd k(8, 8);
  for (Index i = 0; i < 8; ++i)
    for (Index j = 0; j < 8; ++j) {
      const double gap = data.x(i, 0) - data.x(j, 0);
      const double distance = h.inverse_squared_lengthscales[0] * gap * gap +
                              h.inverse_squared_lengthscales[1] * (data.x(i, 1) != data.x(j, 1));
      k(i, j) = h.outputscale * matern(std::sqrt(distance)) + (i == j ? h.noise_variance : 0);
    }
  EXPECT_LT((inverse.transpose() * inverse * k - MatrixXd::Identity(8, 8)).cwiseAbs().maxCoeff(),
            1e-9);
}

TEST(GaussianProcess, PersistentShareOfNoiseIsNotAveragedAway) {
  // One input measured n times: prior a + w, noise e = v - w; the posterior is that of n readings.
  const Index n = 4;
  GpData data{{DimensionKind::Ordered}, MatrixXd::Constant(n, 1, 0.5), VectorXd(n)};
  data.y << 1, 2, 3, 6;
  GpHyperparameters h = default_hyperparameters(1);
  h.noise_variance = 0.5;
  h.persistent_share = 0.8;
  const GaussianProcess gp(data, h);
  MatrixXd at(2, 1);
  at << 0.5, 0.6;
  const GpPrediction p = gp.predict(at);
  EXPECT_NEAR(p.variance[0], 1.4 - 1.4 * 1.4 / (1.4 + 0.1 / n), 1e-12);
  // Another input shares the function, not the deviation.
  EXPECT_NEAR(p.variance[1], 1.4 - std::pow(matern(0.1), 2) / (1.4 + 0.1 / n), 1e-12);
  EXPECT_NEAR(gp.predict_means_at_data()[2], p.mean[0], 1e-12);
}

TEST(GaussianProcess, SurvivesRepeatedInputsWithoutNoise) {
  GpData data{
      {DimensionKind::Ordered}, MatrixXd::Constant(50, 1, 0.5), VectorXd::LinSpaced(50, -1, 1)};
  GpHyperparameters h = default_hyperparameters(1);
  h.noise_variance = kMinNoiseVariance;
  const GaussianProcess gp(data, h);
  const GpPrediction p = gp.predict(MatrixXd::Constant(1, 1, 0.5));
  EXPECT_NEAR(p.mean[0], 0, 1e-6);
  EXPECT_GT(p.variance[0], 0);
}

TEST(GaussianProcess, FitOfConstantTargetsStaysFinite) {
  GpData data = random_data(20, 2, 8);
  data.y.setZero();
  const GpHyperparameters h = fit_hyperparameters(data, {});
  EXPECT_TRUE(h.inverse_squared_lengthscales.allFinite());
  EXPECT_TRUE(std::isfinite(h.outputscale));
  EXPECT_GE(h.noise_variance, kMinNoiseVariance);
}

TEST(GaussianProcess, NoDimensionsMeansOneValue) {
  GpData data{{}, MatrixXd(3, 0), VectorXd(3)};
  data.y << 1, 2, 3;
  const GpHyperparameters h = fit_hyperparameters(data, {});
  const GpPrediction p = GaussianProcess(data, h).predict(MatrixXd(1, 0));
  EXPECT_NEAR(p.mean[0], 2, 1e-9);
}

}  // namespace
}  // namespace skipjack
