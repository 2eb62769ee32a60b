// Gaussian process regression of a metric over configuration and resource: trials that were
// measured at several levels, a kernel of resource_kernel.h between them. Hyperparameters are
// fitted by maximum a posteriori in log space with analytic gradients. Matrices only; y is expected
// near mean 0 and variance 1 over all levels.
//
//   x (T, d)  configurations, one row a trial    l (L)  levels, ascending    y (n)  targets
//   row i: trial t_i at level l_i                K_ij  a rho(t_i, t_j) A(l_i, l_j)
//   v  noise variance                                  + B(l_i, l_j) g(t_i, t_j) + noise_ij
// Since trials and levels are few, what costs (distances, exponentials, powers) is done on (T, T)
// and (L, L); what is done on rows is multiplication.
// Sources: [Swersky2014], [Klein2020]; [Rasmussen2006, 5.4] for the gradients.
#pragma once

#include <Eigen/Core>
#include <span>
#include <vector>

#include "skipjack/model/gaussian_process.h"
#include "skipjack/model/resource_kernel.h"

namespace skipjack {

struct CurveRow {
  /// Row of x, entry of levels.
  Eigen::Index trial = 0, level = 0;
};

struct CurveData {
  ResourceKernel kernel = ResourceKernel::Matern;
  /// d entries.
  std::vector<DimensionKind> kinds;
  /// (T, d), in the unit cube.
  Eigen::MatrixXd x;
  /// (L), distinct, >= 1.
  Eigen::VectorXd levels;
  /// At least all levels: what the resource can come to.
  double max_resource = 1;
  /// The first n with a target, n >= 1; those after them are believed to give what is expected of
  /// them, so they change variances alone [Ginsbourger2010].
  std::vector<CurveRow> rows;
  /// (n), finite.
  Eigen::VectorXd y;
};

struct CurveHyperparameters {
  /// s, one per dimension; > 0.
  Eigen::VectorXd inverse_squared_lengthscales;
  /// a > 0.
  double outputscale = 1.0;
  /// v: of a row, or for NoisyRepeats of one repetition.
  double noise_variance = 0.01;
  /// Of the kernel: resource_parameters().
  Eigen::VectorXd resource;

  friend bool operator==(const CurveHyperparameters&, const CurveHyperparameters&) = default;
};
CurveHyperparameters default_curve_hyperparameters(ResourceKernel kernel,
                                                   const std::vector<DimensionKind>& kinds);

/// The function that a fit maximises. Rows without target are left out. Not thread-safe.
class CurveLogPosterior {
 public:
  explicit CurveLogPosterior(const CurveData& data);

  /// theta: logarithms of s, a, v, and of the kernel's parameters. Log marginal likelihood plus log
  /// prior: those of GpLogPosterior, log-normal for the kernel's; for NoisyRepeats v is Gamma(1.1,
  /// 3), since a single repetition may be mostly noise. -infinity where K isn't positive definite.
  /// O(n^3).
  double evaluate(const Eigen::VectorXd& theta, Eigen::VectorXd* gradient);
  double evaluate(const CurveHyperparameters& hyperparameters);

 private:
  struct Parts;
  Parts parts(const Eigen::VectorXd& theta, Slopes slopes) const;
  Eigen::MatrixXd covariance(const Parts& parts) const;
  double add_priors(const Eigen::VectorXd& theta, Eigen::VectorXd& slope) const;
  Eigen::VectorXd slopes(const Parts& parts, const Eigen::MatrixXd& lower,
                         const Eigen::VectorXd& alpha, double mean) const;

  CurveData data_;
  Eigen::MatrixXd deltas_;  // (T (T - 1) / 2, d)
};

struct CurveFitOptions {
  /// Each gives one run of L-BFGS; the best end wins. Empty: the defaults.
  std::vector<CurveHyperparameters> starts = {};
  /// Evaluations of the log posterior per start; >= 1.
  int max_evaluations = 30;
};
/// Always returns usable numbers: the best point visited, the first start if nothing could be
/// evaluated.
CurveHyperparameters fit_curve_hyperparameters(const CurveData& data,
                                               const CurveFitOptions& options);

/// A process conditioned on data. Copyable. Const functions are thread-safe.
class CurveProcess {
 public:
  /// O(n^3), n all rows. Throws as GaussianProcess does.
  CurveProcess(CurveData data, CurveHyperparameters hyperparameters);

  /// Of new trials at level, noise not included. x_new (m, d). O(T m d + n^2 m).
  GpPrediction predict(const Eigen::MatrixXd& x_new, double level) const;
  /// The same of trials that the data have, by their row of x: with what their own curves say.
  GpPrediction predict(std::span<const Eigen::Index> trials, double level) const;

  Eigen::Index size() const { return static_cast<Eigen::Index>(data_.rows.size()); }
  const CurveData& data() const { return data_; }
  const CurveHyperparameters& hyperparameters() const { return hyperparameters_; }

 private:
  /// (n, m): of the rows with new points at level, noise not included. own (T, m): 1 where a point
  /// is that trial.
  Eigen::MatrixXd cross_covariance(const Eigen::MatrixXd& x_new, const Eigen::MatrixXd& own,
                                   double level) const;
  GpPrediction predict(const Eigen::MatrixXd& x_new, const Eigen::MatrixXd& own,
                       double level) const;
  LevelQuestion question() const;

  CurveData data_;
  CurveHyperparameters hyperparameters_;
  double mean_ = 0;
  Eigen::MatrixXd cholesky_;  // (n, n), lower
  Eigen::VectorXd whitened_;  // (n)
};

}  // namespace skipjack
