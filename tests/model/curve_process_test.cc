// Truth: the formulas of the kernels written out plainly, finite differences, and what repetitions
// say when they are given one by one.
#include "skipjack/model/curve_process.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <functional>

#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

const std::vector<ResourceKernel> kAll = {
    ResourceKernel::Matern,           ResourceKernel::WarpedMatern,   ResourceKernel::ExpDecaySum,
    ResourceKernel::ExpDecayCombined, ResourceKernel::ExpDecayDelta1, ResourceKernel::FreezeThaw,
    ResourceKernel::CrossValidation,  ResourceKernel::NoisyRepeats};

double matern(double distance) {
  const double r = std::sqrt(5.0) * distance;
  return (1 + r + r * r / 3) * std::exp(-r);
}

/// Trials at levels 1, 3, 9, ever fewer of them; curves that fall.
CurveData some_data(ResourceKernel kernel, Index num_trials, std::uint64_t seed = 3) {
  Rng rng(seed, "curves");
  CurveData data{.kernel = kernel,
                 .kinds = {DimensionKind::Ordered, DimensionKind::Unordered},
                 .x = MatrixXd(num_trials, 2),
                 .levels = VectorXd(3),
                 .max_resource = 27};
  data.levels << 1, 3, 9;
  std::vector<double> y;
  for (Index t = 0; t < num_trials; ++t) {
    data.x(t, 0) = rng.uniform();
    data.x(t, 1) = static_cast<double>(rng.uniform_int(0, 1));
    for (Index level = 0; level <= t % 3; ++level) {
      data.rows.push_back({t, level});
      y.push_back(std::sin(5 * data.x(t, 0)) + data.x(t, 1) + std::exp(-0.3 * data.levels[level]) +
                  0.1 * rng.normal());
    }
  }
  data.y = Eigen::Map<VectorXd>(y.data(), static_cast<Index>(y.size()));
  return data;
}

CurveHyperparameters some_hyperparameters(ResourceKernel kernel) {
  CurveHyperparameters h =
      default_curve_hyperparameters(kernel, {DimensionKind::Ordered, DimensionKind::Unordered});
  h.inverse_squared_lengthscales << 2, 0.7;
  h.outputscale = 1.3;
  h.noise_variance = 0.04;
  for (Index k = 0; k < h.resource.size(); ++k)
    h.resource[k] *= 0.8 + 0.15 * static_cast<double>(k);
  return h;
}

/// Covariance of two measurements by the text of resource_kernel.h, noise included, and the mean
/// of one as basis and offset.
struct Plain {
  const CurveData& data;
  const CurveHyperparameters& h;

  double level(Index row) const { return data.levels[data.rows[at(row)].level]; }
  static std::size_t at(Index row) { return static_cast<std::size_t>(row); }
  double rho(const VectorXd& x, const VectorXd& z, double s0, double s1) const {
    return matern(std::sqrt(s0 * std::pow(x[0] - z[0], 2) + (x[1] == z[1] ? 0 : s1)));
  }
  double kappa(double r) const {
    const double alpha = h.resource[0], beta = alpha / h.resource[1];
    return std::pow(beta / (r / data.max_resource + beta), alpha);
  }
  double position(double r) const {
    const double u = std::log(r) / std::log(data.max_resource);
    return data.kernel == ResourceKernel::WarpedMatern
               ? 1 - std::pow(1 - std::pow(u, h.resource[1]), h.resource[2])
               : u;
  }
  double delta() const {
    if (data.kernel == ResourceKernel::ExpDecayDelta1) return 1;
    return data.kernel == ResourceKernel::ExpDecayCombined ? h.resource[3] : 0;
  }
  double latent(const VectorXd& x, double r, const VectorXd& z, double t, bool same) const {
    const double base = h.outputscale * rho(x, z, h.inverse_squared_lengthscales[0],
                                            h.inverse_squared_lengthscales[1]);
    switch (data.kernel) {
      case ResourceKernel::Matern:
      case ResourceKernel::WarpedMatern:
        return base * matern(std::sqrt(h.resource[0]) * std::abs(position(r) - position(t)));
      case ResourceKernel::CrossValidation:
        return base + h.resource[0] * rho(x, z, h.resource[1], h.resource[1]) / std::max(r, t);
      case ResourceKernel::NoisyRepeats:
        return base;
      default: {
        const double k1 = kappa(r), k2 = kappa(t), k12 = kappa(r + t), d = delta();
        return base * (1 - d * (k1 + k2 - d * k12)) +
               (same || data.kernel != ResourceKernel::FreezeThaw
                    ? std::pow(h.resource[2], 2) * (k12 - k1 * k2)
                    : 0);
      }
    }
  }
  double noise(double r, double t, bool is_row, bool same) const {
    if (data.kernel == ResourceKernel::NoisyRepeats)
      return (same ? h.noise_variance / std::max(r, t) : 0) + (is_row ? kMinNoiseVariance : 0);
    return is_row ? h.noise_variance : 0;
  }
  bool decays() const {
    return data.kernel == ResourceKernel::ExpDecaySum ||
           data.kernel == ResourceKernel::ExpDecayCombined ||
           data.kernel == ResourceKernel::ExpDecayDelta1 ||
           data.kernel == ResourceKernel::FreezeThaw;
  }
  double basis(double r) const { return decays() ? 1 - delta() * kappa(r) : 1; }
  double offset(double r) const { return decays() ? h.resource[2] * kappa(r) : 0; }

  MatrixXd covariance() const {
    const auto n = static_cast<Index>(data.rows.size());
    MatrixXd k(n, n);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) {
        const Index s = data.rows[at(i)].trial, t = data.rows[at(j)].trial;
        k(i, j) = latent(data.x.row(s), level(i), data.x.row(t), level(j), s == t) +
                  noise(level(i), level(j), i == j, s == t);
      }
    return k;
  }
};

TEST(CurveProcess, GradientsAgreeWithFiniteDifferences) {
  for (const ResourceKernel kernel : kAll) {
    CurveLogPosterior posterior(some_data(kernel, 8));
    const CurveHyperparameters h = some_hyperparameters(kernel);
    VectorXd theta(4 + h.resource.size());
    theta << h.inverse_squared_lengthscales.array().log().matrix(), std::log(h.outputscale),
        std::log(h.noise_variance), h.resource.array().log().matrix();
    VectorXd gradient;
    posterior.evaluate(theta, &gradient);
    ASSERT_EQ(gradient.size(), theta.size());
    for (Index i = 0; i < theta.size(); ++i) {
      VectorXd up = theta, down = theta;
      up[i] += 1e-5, down[i] -= 1e-5;
      const double slope =
          (posterior.evaluate(up, nullptr) - posterior.evaluate(down, nullptr)) / 2e-5;
      EXPECT_NEAR(gradient[i], slope, 1e-5 * (1 + std::abs(slope)))
          << "kernel " << static_cast<int>(kernel) << " parameter " << i;
    }
  }
}

TEST(CurveProcess, LogPosteriorIsTheMultivariateNormalsPlusPriors) {
  for (const ResourceKernel kernel : kAll) {
    const CurveData data = some_data(kernel, 6);
    const CurveHyperparameters h = some_hyperparameters(kernel);
    const Plain plain{data, h};
    const MatrixXd k = plain.covariance(), inverse = k.inverse();
    const Index n = data.y.size();
    VectorXd b(n), o(n);
    for (Index i = 0; i < n; ++i)
      b[i] = plain.basis(plain.level(i)), o[i] = plain.offset(plain.level(i));
    const double c = b.dot(inverse * (data.y - o)) / b.dot(inverse * b);
    const VectorXd r = data.y - o - c * b;
    double expected = -0.5 * r.dot(inverse * r) - 0.5 * std::log(k.determinant()) -
                      0.5 * static_cast<double>(n) * std::log(2 * M_PI);
    for (const double s : {2.0, 0.7}) expected -= 0.1 / s + 0.1 * s;
    expected += std::log(1.3) - 1.3 + 0.1 * std::log(0.04) -
                (kernel == ResourceKernel::NoisyRepeats ? 3 : 30) * 0.04;
    const auto& parameters = resource_parameters(kernel);
    for (std::size_t i = 0; i < parameters.size(); ++i)
      expected -=
          0.5 *
          std::pow(std::log(0.8 + 0.15 * static_cast<double>(i)) / parameters[i].deviation, 2);
    EXPECT_NEAR(CurveLogPosterior(data).evaluate(h), expected, 1e-8)
        << "kernel " << static_cast<int>(kernel);
  }
}

TEST(CurveProcess, PredictionsAreTheConditionalNormals) {
  for (const ResourceKernel kernel : kAll) {
    const CurveData data = some_data(kernel, 7);
    const CurveHyperparameters h = some_hyperparameters(kernel);
    const Plain plain{data, h};
    const MatrixXd inverse = plain.covariance().inverse();
    const CurveProcess process(data, h);
    const Index n = data.y.size();
    VectorXd b(n), o(n);
    for (Index i = 0; i < n; ++i)
      b[i] = plain.basis(plain.level(i)), o[i] = plain.offset(plain.level(i));
    const double c = b.dot(inverse * (data.y - o)) / b.dot(inverse * b);
    const auto check = [&](const VectorXd& x, double r, Index own, const GpPrediction& p) {
      VectorXd cross(n);
      for (Index i = 0; i < n; ++i) {
        const Index t = data.rows[Plain::at(i)].trial;
        cross[i] = plain.latent(data.x.row(t), plain.level(i), x, r, t == own);
      }
      const double mean = c * plain.basis(r) + plain.offset(r) +
                          cross.dot(inverse * (data.y - o - c * b)),
                   variance = plain.latent(x, r, x, r, true) - cross.dot(inverse * cross);
      EXPECT_NEAR(p.mean[0], mean, 1e-7) << "kernel " << static_cast<int>(kernel);
      EXPECT_NEAR(p.variance[0], variance, 1e-7) << "kernel " << static_cast<int>(kernel);
    };
    VectorXd x(2);
    x << 0.4, 1;
    check(x, 27, -1, process.predict(MatrixXd(x.transpose()), 27));
    const std::vector<Index> trial = {2};
    check(data.x.row(2), 9, 2, process.predict(trial, 9));
  }
}

TEST(CurveProcess, RunningMeansOfRepetitionsSayWhatTheRepetitionsSay) {
  // Three configurations with 4, 1 and 3 repetitions: as means of the first r, and one by one to a
  // process with white noise. The map between them is linear and has an inverse.
  const std::vector<std::vector<double>> repetitions = {
      {1.2, 0.7, 1.0, 1.6}, {-0.4}, {0.1, 0.5, -0.2}};
  const std::vector<double> x = {0.1, 0.5, 0.8};
  CurveData data{.kernel = ResourceKernel::NoisyRepeats,
                 .kinds = {DimensionKind::Ordered},
                 .x = MatrixXd(3, 1),
                 .levels = VectorXd::LinSpaced(4, 1, 4),
                 .max_resource = 4};
  GpData single{.kinds = {DimensionKind::Ordered}, .x = MatrixXd(8, 1), .y = VectorXd(8)};
  std::vector<double> means;
  for (std::size_t t = 0; t < 3; ++t) {
    data.x(static_cast<Index>(t), 0) = x[t];
    double sum = 0;
    for (std::size_t r = 0; r < repetitions[t].size(); ++r) {
      const auto row = static_cast<Index>(means.size());
      single.x(row, 0) = x[t];
      single.y[row] = repetitions[t][r];
      sum += repetitions[t][r];
      means.push_back(sum / static_cast<double>(r + 1));
      data.rows.push_back({static_cast<Index>(t), static_cast<Index>(r)});
    }
  }
  data.y = Eigen::Map<VectorXd>(means.data(), 8);
  CurveHyperparameters h = default_curve_hyperparameters(data.kernel, data.kinds);
  h.inverse_squared_lengthscales[0] = 3, h.outputscale = 0.8, h.noise_variance = 0.2;
  const GaussianProcess one_by_one(single,
                                   {.inverse_squared_lengthscales = h.inverse_squared_lengthscales,
                                    .outputscale = 0.8,
                                    .noise_variance = 0.2});
  MatrixXd at(3, 1);
  at << 0.1, 0.3, 0.8;
  const GpPrediction expected = one_by_one.predict(at), p = CurveProcess(data, h).predict(at, 4);
  for (Index i = 0; i < 3; ++i) {
    EXPECT_NEAR(p.mean[i], expected.mean[i], 1e-4);
    EXPECT_NEAR(p.variance[i], expected.variance[i], 1e-4);
  }
}

TEST(CurveProcess, RunningMeansOfSimulatedRepetitionsLieWhereItSays) {
  // Forty configurations too far apart to know of each other, measured once, 3 or 9 times; what is
  // reported are the means so far. Taken for independent, those of one trial would make it too
  // sure of itself.
  constexpr Index kTrials = 40;
  constexpr int kWorlds = 50;
  constexpr double kRepetitionVariance = 2;
  Rng rng(8, "running means");
  double squares = 0;
  for (int world = 0; world < kWorlds; ++world) {
    CurveData data{.kernel = ResourceKernel::NoisyRepeats,
                   .kinds = {DimensionKind::Ordered},
                   .x = VectorXd::LinSpaced(kTrials, 0, 1),
                   .levels = VectorXd(3),
                   .max_resource = 9};
    data.levels << 1, 3, 9;
    std::vector<double> y, truth;
    for (Index t = 0; t < kTrials; ++t) {
      truth.push_back(rng.normal());
      double sum = 0;
      for (int r = 1, level = 0; level <= t % 3; ++r) {
        sum += truth.back() + std::sqrt(kRepetitionVariance) * rng.normal();
        if (r != static_cast<int>(data.levels[level])) continue;
        y.push_back(sum / r);
        data.rows.push_back({t, level++});
      }
    }
    data.y = Eigen::Map<VectorXd>(y.data(), static_cast<Index>(y.size()));
    CurveHyperparameters h = default_curve_hyperparameters(data.kernel, data.kinds);
    h.inverse_squared_lengthscales[0] = 1e5, h.noise_variance = kRepetitionVariance;
    const CurveProcess process(data, h);
    std::vector<Index> trials;
    for (Index t = 0; t < kTrials; ++t) trials.push_back(t);
    const GpPrediction p = process.predict(trials, 9);
    for (Index t = 0; t < kTrials; ++t)
      squares += std::pow(p.mean[t] - truth[static_cast<std::size_t>(t)], 2) / p.variance[t];
  }
  // The mean square of 2000 normals, give or take three standard errors, and what the process does
  // not know of its own mean.
  EXPECT_NEAR(squares / (kWorlds * kTrials), 1, 0.1);
}

TEST(CurveProcess, FoldsInPlaceOfRepetitionsAreTooSureOfOneTrial) {
  // One trial of many repetitions: its noise has averaged out, and that of its neighbour, measured
  // once, has not. The fold kernel takes the neighbour's noise for shared.
  CurveData data{.kernel = ResourceKernel::NoisyRepeats,
                 .kinds = {DimensionKind::Ordered},
                 .x = MatrixXd(2, 1),
                 .levels = VectorXd(2),
                 .max_resource = 100,
                 .rows = {{0, 0}, {0, 1}, {1, 0}},
                 .y = VectorXd(3)};
  data.x << 0.2, 0.21;
  data.levels << 1, 100;
  data.y << 1, 0, 1;
  CurveHyperparameters repeats = default_curve_hyperparameters(data.kernel, data.kinds);
  repeats.noise_variance = 1;
  data.kernel = ResourceKernel::CrossValidation;
  CurveHyperparameters folds = default_curve_hyperparameters(data.kernel, data.kinds);
  folds.resource[0] = 1, folds.noise_variance = kMinNoiseVariance;
  const MatrixXd at = MatrixXd::Constant(1, 1, 0.21);
  const double by_folds = CurveProcess(data, folds).predict(at, 100).mean[0];
  data.kernel = ResourceKernel::NoisyRepeats;
  const double by_repeats = CurveProcess(data, repeats).predict(at, 100).mean[0];
  // The first repetition of trial 0 is not held against trial 1's.
  EXPECT_NEAR(by_folds, 0, 0.02);
  EXPECT_GT(by_repeats, by_folds + 0.001);
}

TEST(CurveProcess, BelievedRowsChangeVariancesAlone) {
  for (const ResourceKernel kernel : kAll) {
    CurveData data = some_data(kernel, 7);
    const CurveHyperparameters h = some_hyperparameters(kernel);
    const MatrixXd at = MatrixXd::Constant(1, 2, 1.0);
    const GpPrediction before = CurveProcess(data, h).predict(at, 9);
    data.x.conservativeResize(8, 2);
    data.x.row(7) << 0.95, 1;
    data.rows.push_back({7, 0});
    const GpPrediction after = CurveProcess(data, h).predict(at, 9);
    EXPECT_NEAR(after.mean[0], before.mean[0], 1e-9);
    EXPECT_LT(after.variance[0], before.variance[0]);
  }
}

TEST(CurveProcess, FitFindsMoreThanItsStart) {
  for (const ResourceKernel kernel : kAll) {
    const CurveData data = some_data(kernel, 20);
    CurveLogPosterior posterior(data);
    const CurveHyperparameters start = default_curve_hyperparameters(kernel, data.kinds),
                               fitted = fit_curve_hyperparameters(data, {});
    EXPECT_GT(posterior.evaluate(fitted), posterior.evaluate(start) + 1)
        << "kernel " << static_cast<int>(kernel);
  }
}

TEST(CurveProcess, FitFindsTheNoiseOfRepetitions) {
  Rng rng(5, "repeats");
  CurveData data{.kernel = ResourceKernel::NoisyRepeats,
                 .kinds = {DimensionKind::Ordered},
                 .x = MatrixXd(40, 1),
                 .levels = VectorXd::LinSpaced(3, 1, 3),
                 .max_resource = 3};
  std::vector<double> y;
  for (Index t = 0; t < 40; ++t) {
    data.x(t, 0) = (static_cast<double>(t) + 0.5) / 40;
    double sum = 0;
    for (Index r = 0; r < 3; ++r) {
      sum += std::sin(6 * data.x(t, 0)) + 0.5 * rng.normal();
      y.push_back(sum / static_cast<double>(r + 1));
      data.rows.push_back({t, r});
    }
  }
  data.y = Eigen::Map<VectorXd>(y.data(), 120);
  EXPECT_NEAR(std::sqrt(fit_curve_hyperparameters(data, {}).noise_variance), 0.5, 0.08);
}

}  // namespace
}  // namespace skipjack
