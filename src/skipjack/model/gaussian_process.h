// Gaussian process regression on the unit cube: Matern-5/2 with a lengthscale per dimension,
// Hamming distance for dimensions without order, constant mean, noise learned. Hyperparameters are
// fitted by maximum a posteriori in log space with analytic gradients. Matrices only: no spaces, no
// trials, no transformation of the target; y is expected near mean 0 and variance 1.
//
//   x (n, d)  inputs            y (n)  targets         c  mean, by generalised least squares
//   s (d)     1/lengthscale^2   a      outputscale     v  noise variance
//   D_ij      sum_k s_k delta_k(x_i, x_j), delta: squared difference, or 0/1 without order
//   K         a (1 + sqrt(5 D) + 5 D / 3) exp(-sqrt(5 D)) + v I = L L'
//   alpha     K^-1 (y - c)
// Sources: [Rasmussen2006, ch. 2, 4.2, 5.4]; priors [Optuna2025].
#pragma once

#include <Eigen/Core>
#include <vector>

#include "skipjack/model/matern.h"

namespace skipjack {

struct GpHyperparameters {
  /// s, one per dimension; > 0.
  Eigen::VectorXd inverse_squared_lengthscales;
  /// a > 0, in units of y squared.
  double outputscale = 1.0;
  /// v >= kMinNoiseVariance.
  double noise_variance = 0.01;
  /// Part of v, in [0, 1], that belongs to the input and not to the measurement: repeated
  /// measurements of one input share it. Not fitted here, and of no effect where no input is
  /// repeated, except that the latent function then includes it.
  double persistent_share = 0.0;

  friend bool operator==(const GpHyperparameters&, const GpHyperparameters&) = default;
};

inline constexpr double kMinNoiseVariance = 1e-6;

/// Where a fit starts that knows nothing: s = 1 (0.03 for rough dimensions), a = 1, v = 0.01.
GpHyperparameters default_hyperparameters(const std::vector<DimensionKind>& kinds);
/// The same, all dimensions ordered.
GpHyperparameters default_hyperparameters(Eigen::Index dimension);

struct GpData {
  /// d entries.
  std::vector<DimensionKind> kinds;
  /// (n, d), n >= 1, in the unit cube; unordered dimensions: equal numbers for equal categories.
  Eigen::MatrixXd x;
  /// (n), finite.
  Eigen::VectorXd y;
};

/// The function that a fit maximises, as a class so that distances are computed once for all calls.
/// Not thread-safe.
class GpLogPosterior {
 public:
  explicit GpLogPosterior(const GpData& data);

  /// theta (d + 2): log s, log a, log v. Log marginal likelihood plus log prior: that of
  /// log_prior_of_lengthscales(), Gamma(2, 1) on a, Gamma(1.1, 30) on v, both without constants.
  /// gradient (d + 2) if not null. -infinity where K isn't positive definite. O(n^3 + n^2 d).
  double evaluate(const Eigen::VectorXd& theta, Eigen::VectorXd* gradient);
  double evaluate(const GpHyperparameters& hyperparameters);

 private:
  GpData data_;
  Eigen::MatrixXd deltas_;  // (n (n - 1) / 2, d): pairs i > j, j slowest
};

struct GpFitOptions {
  /// Each gives one run of L-BFGS; the best end wins. Empty: default_hyperparameters().
  std::vector<GpHyperparameters> starts = {};
  /// Evaluations of the log posterior per start; >= 1. More than 30 changed nothing on tables of
  /// 100 points.
  int max_evaluations = 30;
};

/// Always returns usable numbers: the best point visited, the first start if nothing could be
/// evaluated.
GpHyperparameters fit_hyperparameters(const GpData& data, const GpFitOptions& options);

/// Mean and variance (of the latent function, noise not included), one entry per point asked for.
struct GpPrediction {
  Eigen::VectorXd mean;
  Eigen::VectorXd variance;
};

/// Of the latent function at m points together.
struct GpJointPrediction {
  Eigen::VectorXd mean;        // (m)
  Eigen::MatrixXd covariance;  // (m, m)
};

/// At one point, with derivatives by its ordered coordinates (0 for unordered ones).
struct GpGradient {
  double mean = 0, variance = 0;
  Eigen::VectorXd mean_slope, variance_slope;  // (d)
};

/// Points whose predictions are asked for again and again while the process that made them takes in
/// rows and targets. Copyable.
class TrackedPoints {
 public:
  Eigen::Index size() const { return x_.rows(); }

 private:
  friend class GaussianProcess;
  Eigen::MatrixXd x_;         // (m, d)
  Eigen::MatrixXd solved_;    // (capacity, m): the first rows of L^-1 K(X, x)
  Eigen::Index rows_ = 0;     // of them up to date
  Eigen::VectorXd variance_;  // (m), given those rows
};

/// A process conditioned on data. Copyable. Const functions are thread-safe.
class GaussianProcess {
 public:
  /// O(n^3). Adds jitter of 1e-10 a, then ten times more up to 1e-4 a, until K is positive
  /// definite; throws Exhausted if it never is (inputs that aren't finite).
  GaussianProcess(GpData data, GpHyperparameters hyperparameters);

  /// x_new (m, d). O(n m d + n^2 m). [Rasmussen2006, alg. 2.1]
  /// Deviation: the variance leaves out the uncertainty of c.
  GpPrediction predict(const Eigen::MatrixXd& x_new) const;
  /// The means of predict() alone (m). O(n m d).
  Eigen::VectorXd predict_means(const Eigen::MatrixXd& x_new) const;
  /// L^-1 columns; columns (n, k). O(n^2 k).
  Eigen::MatrixXd whiten(const Eigen::MatrixXd& columns) const;
  /// Means at the data's own inputs (n). O(n^2).
  Eigen::VectorXd predict_means_at_data() const;

  /// x (d). O(n^2 + n d).
  GpGradient predict_with_gradient(const Eigen::VectorXd& x) const;
  /// x (m, d). O(n m d + n^2 m).
  TrackedPoints track(const Eigen::MatrixXd& x) const;
  /// The same as predict() of the points; O(n m), and O(n m) more for each row appended since the
  /// last call. points: made by this process, or by the one that this is a copy of.
  GpPrediction predict(TrackedPoints& points) const;
  /// x (m, d). O(n^2 m + n m^2).
  GpJointPrediction predict_jointly(const Eigen::MatrixXd& x) const;
  /// The covariance of predict_jointly() alone.
  Eigen::MatrixXd covariance(const Eigen::MatrixXd& x) const;
  /// (m, k): the same between points and tracked ones.
  Eigen::MatrixXd covariance(const Eigen::MatrixXd& x, TrackedPoints& points) const;

  /// One more observation, hyperparameters and c unchanged. O(n^2).
  void append(const Eigen::VectorXd& x, double y);
  /// Another target for observation i; the rest unchanged. O(n^2).
  void set_target(Eigen::Index i, double y);

  Eigen::Index size() const { return data_.x.rows(); }
  double mean() const { return mean_; }
  const GpHyperparameters& hyperparameters() const { return hyperparameters_; }

 private:
  Eigen::MatrixXd cross_covariance(const Eigen::MatrixXd& x, const Eigen::MatrixXd& x_new) const;
  void catch_up(TrackedPoints& points) const;
  void solve_targets();
  double persistent_variance() const {
    return hyperparameters_.persistent_share * hyperparameters_.noise_variance;
  }

  GpData data_;
  GpHyperparameters hyperparameters_;
  double jitter_ = 0;
  double mean_ = 0;
  Eigen::MatrixXd cholesky_;  // (n, n), lower
  Eigen::VectorXd whitened_;  // (n): L^-1 (y - c)
  Eigen::VectorXd alpha_;     // (n)
};

}  // namespace skipjack
