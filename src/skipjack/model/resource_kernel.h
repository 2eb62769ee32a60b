// How a metric that is measured at several levels of a resource (epochs, repetitions) correlates
// between them. All kernels here have the form
//
//   k((x, r), (x', r')) = a rho(x, x') A(r, r') + B(r, r') g,    mean(r) = c b(r) + o(r)
//
//   rho   Matern-5/2 over configurations          g   1, or 1 within one trial only, or rho of one
//   A, B  tables over levels, of few parameters       lengthscale: AddendReach
//   t     r / R, R the largest level              kappa(t) = (beta / (t + beta))^alpha,
//                                                 beta = alpha / lambda
//
//   name             A                                      B
//   Matern           rho_1(u - u'), u = log r / log R       0
//   WarpedMatern     the same of 1 - (1 - u^p)^q            0
//   ExpDecay...      1 - delta (k + k' - delta k'')         gamma^2 (k'' - k k'), everywhere
//   FreezeThaw       1                                      the same, within a trial
//   CrossValidation  1                                      b / max(r, r') rho(x, x'; one s)
//   NoisyRepeats     1                                      0; noise v / max(r, r') within a trial
//   (k = kappa(t), k' = kappa(t'), k'' = kappa(t + t'))
//
// ExpDecay: y = h(x) + (gamma - delta h(x)) exp(-lambda t), lambda ~ Gamma(alpha, beta): delta = 0
// (Sum), 1 (Delta1), or learned (Combined); so o(r) = gamma k, b(r) = 1 - delta k. One lambda for
// all trials; freeze-thaw [Swersky2014] is Sum with a lambda for each trial. Cross validation: the
// value on fold k is f(x) + g_k(x), g_k smooth and shared by all configurations, and the mean of
// the first r is reported. Noisy repeats: the r-th measurement is f(x) + e, independent of all
// others, and the mean of the first r is reported: what two means of one trial share is the noise
// of the longer one. Formulas as Syne Tune's (its exponential_decay, freeze_thaw and
// cross_validation kernels) but for the last.
//
// Deviation: decay in t, not in r, so that one prior fits all units; in ExpDecay with delta > 0 the
// covariance takes the mean of h as 0, as it is for standardised targets; Matern as a product, and
// over the logarithm of the resource.
#pragma once

#include <Eigen/Core>
#include <string_view>
#include <vector>

namespace skipjack {

enum class ResourceKernel {
  Matern,
  WarpedMatern,
  ExpDecaySum,
  ExpDecayCombined,
  ExpDecayDelta1,
  FreezeThaw,
  CrossValidation,
  NoisyRepeats,
};

/// By Syne Tune's names: "matern52", "matern52-res-warp", "exp-decay-sum", "exp-decay-combined",
/// "exp-decay-delta1", "freeze-thaw", "cross-validation"; and "noisy-repeats". Throws
/// InvalidArgument with the list of names.
ResourceKernel resource_kernel_from_string(std::string_view name);
std::string_view to_string(ResourceKernel kernel);

/// Which pairs B and the noise of two measurements are for.
enum class AddendReach { Nowhere, Everywhere, WithinTrial, ByDistance };
AddendReach addend_reach(ResourceKernel kernel);
/// Noise: v within a row, or v / max(r, r') between the rows of a trial.
enum class RowNoise { White, SharedByTrial };
RowNoise row_noise(ResourceKernel kernel);

/// A parameter: positive, log-normal before data.
struct ResourceParameter {
  std::string_view name;
  double start = 1, lower = 0, upper = 0;
  /// Standard deviation of its logarithm; the median is start.
  double deviation = 1;
};
const std::vector<ResourceParameter>& resource_parameters(ResourceKernel kernel);

/// A and B between two lists of levels; and by parameter the derivatives with respect to its
/// logarithm, if they were asked for. Zero of them where B is nowhere.
struct LevelCovariance {
  Eigen::MatrixXd scale, addend;
  std::vector<Eigen::MatrixXd> scale_slopes, addend_slopes;
};
/// b and o, likewise.
struct LevelMean {
  Eigen::VectorXd basis, offset;
  std::vector<Eigen::VectorXd> basis_slopes, offset_slopes;
};
enum class Slopes { Leave, Compute };

struct LevelQuestion {
  ResourceKernel kernel;
  /// One a resource_parameters() entry.
  Eigen::VectorXd parameters;
  /// R >= 1.
  double max_resource = 1;
  Slopes slopes = Slopes::Leave;
};
/// levels: >= 1.
LevelCovariance level_covariance(const LevelQuestion& question, const Eigen::VectorXd& levels,
                                 const Eigen::VectorXd& others);
LevelMean level_mean(const LevelQuestion& question, const Eigen::VectorXd& levels);

/// Position of the parameter in resource_parameters(ResourceKernel::CrossValidation) that is s of
/// the folds' rho: it acts on distances, not on levels.
inline constexpr Eigen::Index kFoldLengthscale = 1;

}  // namespace skipjack
