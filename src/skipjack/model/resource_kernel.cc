#include "skipjack/model/resource_kernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/matern.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kSqrt5 = 2.2360679774997896964;

constexpr std::array<std::pair<std::string_view, ResourceKernel>, 8> kKernels = {{
    {"matern52", ResourceKernel::Matern},
    {"matern52-res-warp", ResourceKernel::WarpedMatern},
    {"exp-decay-sum", ResourceKernel::ExpDecaySum},
    {"exp-decay-combined", ResourceKernel::ExpDecayCombined},
    {"exp-decay-delta1", ResourceKernel::ExpDecayDelta1},
    {"freeze-thaw", ResourceKernel::FreezeThaw},
    {"cross-validation", ResourceKernel::CrossValidation},
    {"noisy-repeats", ResourceKernel::NoisyRepeats},
}};

/// A number with its derivatives by the logarithms of at most four parameters.
struct Dual {
  double value = 0;
  Eigen::Array4d slope = Eigen::Array4d::Zero();
};
Dual constant(double value) { return {.value = value}; }
Dual operator+(const Dual& a, const Dual& b) { return {a.value + b.value, a.slope + b.slope}; }
Dual operator-(const Dual& a, const Dual& b) { return {a.value - b.value, a.slope - b.slope}; }
Dual operator*(const Dual& a, const Dual& b) {
  return {a.value * b.value, a.value * b.slope + b.value * a.slope};
}

class Parameters {
 public:
  explicit Parameters(const VectorXd& values) : values_(values) {}
  Dual operator[](Index k) const {
    Dual result = constant(values_[k]);
    result.slope[k] = values_[k];
    return result;
  }

 private:
  const VectorXd& values_;
};

// Parameters of the decays: alpha, lambda, gamma, delta.
constexpr Index kAlpha = 0, kLambda = 1, kGamma = 2, kDelta = 3;

// kappa(t) = (1 + t lambda / alpha)^-alpha, with the derivatives by log alpha and log lambda.
Dual kappa(double t, const VectorXd& parameters) {
  const double alpha = parameters[kAlpha], z = t * parameters[kLambda] / alpha;
  Dual result = constant(std::exp(-alpha * std::log1p(z)));
  result.slope[kAlpha] = result.value * (-alpha * std::log1p(z) + alpha * z / (1 + z));
  result.slope[kLambda] = -result.value * alpha * z / (1 + z);
  return result;
}

Dual delta_of(const LevelQuestion& q) {
  switch (q.kernel) {
    case ResourceKernel::ExpDecayCombined:
      return Parameters(q.parameters)[kDelta];
    case ResourceKernel::ExpDecayDelta1:
      return constant(1);
    default:
      return constant(0);
  }
}

bool has_decay(ResourceKernel kernel) {
  return kernel == ResourceKernel::FreezeThaw || kernel == ResourceKernel::ExpDecaySum ||
         kernel == ResourceKernel::ExpDecayCombined || kernel == ResourceKernel::ExpDecayDelta1;
}

// Position of a level on a logarithmic axis, in [0, 1].
double log_position(double level, double max_resource) {
  return max_resource > 1 ? std::log(level) / std::log(max_resource) : 0.0;
}

// 1 - (1 - u^p)^q [Kumaraswamy1980], with the derivatives by the logarithms of parameters 1 and 2.
Dual warped(double u, const VectorXd& parameters) {
  const double p = parameters[1], q = parameters[2];
  if (u <= 0) return constant(0);
  const double power = std::pow(u, p), rest = 1 - power;
  if (rest <= 0) return constant(1);
  const double tail = std::pow(rest, q);
  Dual result = constant(1 - tail);
  result.slope[1] = q * tail / rest * power * std::log(u) * p;
  result.slope[2] = -tail * std::log(rest) * q;
  return result;
}

// rho_1 of two positions, its 1/lengthscale^2 being parameter 0.
Dual matern_along(const Dual& position, const Dual& other, const VectorXd& parameters) {
  const double s = parameters[0];
  const Dual gap = position - other;
  const double distance = s * gap.value * gap.value, r = kSqrt5 * std::sqrt(distance);
  Dual result = constant((1 + r + r * r / 3) * std::exp(-r));
  const double slope = -5.0 / 6.0 * (1 + r) * std::exp(-r);
  result.slope = slope * 2 * s * gap.value * gap.slope;
  result.slope[0] += slope * distance;
  return result;
}

struct Pair {
  Dual scale = constant(1), addend;
};

Pair decaying(const LevelQuestion& q, double r, double other) {
  const Dual one = kappa(r / q.max_resource, q.parameters),
             two = kappa(other / q.max_resource, q.parameters),
             both = kappa((r + other) / q.max_resource, q.parameters), delta = delta_of(q),
             gamma = Parameters(q.parameters)[kGamma];
  return {.scale = constant(1) - delta * (one + two - delta * both),
          .addend = gamma * gamma * (both - one * two)};
}

Pair between(const LevelQuestion& q, double r, double other) {
  const double u = log_position(r, q.max_resource), v = log_position(other, q.max_resource);
  switch (q.kernel) {
    case ResourceKernel::Matern:
      return {.scale = matern_along(constant(u), constant(v), q.parameters)};
    case ResourceKernel::WarpedMatern:
      return {.scale =
                  matern_along(warped(u, q.parameters), warped(v, q.parameters), q.parameters)};
    case ResourceKernel::ExpDecaySum:
    case ResourceKernel::ExpDecayCombined:
    case ResourceKernel::ExpDecayDelta1:
    case ResourceKernel::FreezeThaw:
      return decaying(q, r, other);
    case ResourceKernel::CrossValidation:
      return {.addend = Parameters(q.parameters)[0] * constant(1 / std::max(r, other))};
    case ResourceKernel::NoisyRepeats:
      return {};
  }
  check_failed("a known kernel", __FILE__, __LINE__);
}

}  // namespace

ResourceKernel resource_kernel_from_string(std::string_view name) {
  std::string names;
  for (const auto& [known, kernel] : kKernels) {
    if (known == name) return kernel;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  throw Error(ErrorCode::InvalidArgument, "there is no resource kernel '" + std::string(name) + "'",
              "one of: " + names);
}

std::string_view to_string(ResourceKernel kernel) {
  for (const auto& [name, known] : kKernels)
    if (known == kernel) return name;
  check_failed("a known kernel", __FILE__, __LINE__);
}

AddendReach addend_reach(ResourceKernel kernel) {
  if (kernel == ResourceKernel::FreezeThaw) return AddendReach::WithinTrial;
  if (has_decay(kernel)) return AddendReach::Everywhere;
  if (kernel == ResourceKernel::CrossValidation) return AddendReach::ByDistance;
  return AddendReach::Nowhere;
}

RowNoise row_noise(ResourceKernel kernel) {
  return kernel == ResourceKernel::NoisyRepeats ? RowNoise::SharedByTrial : RowNoise::White;
}

const std::vector<ResourceParameter>& resource_parameters(ResourceKernel kernel) {
  static const ResourceParameter s{"s", 1, 1e-3, 1e3, 1.5}, p{"p", 1, 0.25, 4, 0.75},
      q{"q", 1, 0.25, 4, 0.75}, alpha{"alpha", 1, 0.01, 250, 1}, lambda{"lambda", 5, 0.01, 1000, 1},
      gamma{"gamma", 0.5, 1e-4, 20, 1}, decay{"delta", 0.5, 1e-3, 1, 1},
      folds{"b", 0.5, 1e-4, 100, 1.5};
  static const std::vector<ResourceParameter> matern{s}, warp{s, p, q}, sum{alpha, lambda, gamma},
      combined{alpha, lambda, gamma, decay}, cross_validation{folds, s}, none;
  switch (kernel) {
    case ResourceKernel::Matern:
      return matern;
    case ResourceKernel::WarpedMatern:
      return warp;
    case ResourceKernel::ExpDecaySum:
    case ResourceKernel::ExpDecayDelta1:
    case ResourceKernel::FreezeThaw:
      return sum;
    case ResourceKernel::ExpDecayCombined:
      return combined;
    case ResourceKernel::CrossValidation:
      return cross_validation;
    case ResourceKernel::NoisyRepeats:
      return none;
  }
  check_failed("a known kernel", __FILE__, __LINE__);
}

LevelCovariance level_covariance(const LevelQuestion& q, const VectorXd& levels,
                                 const VectorXd& others) {
  const MatrixXd zero = MatrixXd::Zero(levels.size(), others.size());
  const auto number =
      q.slopes == Slopes::Compute ? static_cast<std::size_t>(q.parameters.size()) : 0;
  LevelCovariance result{.scale = zero,
                         .addend = zero,
                         .scale_slopes = std::vector<MatrixXd>(number, zero),
                         .addend_slopes = std::vector<MatrixXd>(number, zero)};
  for (Index i = 0; i < levels.size(); ++i)
    for (Index j = 0; j < others.size(); ++j) {
      const Pair pair = between(q, levels[i], others[j]);
      result.scale(i, j) = pair.scale.value;
      result.addend(i, j) = pair.addend.value;
      for (std::size_t k = 0; k < number; ++k) {
        result.scale_slopes[k](i, j) = pair.scale.slope[static_cast<Index>(k)];
        result.addend_slopes[k](i, j) = pair.addend.slope[static_cast<Index>(k)];
      }
    }
  return result;
}

LevelMean level_mean(const LevelQuestion& q, const VectorXd& levels) {
  const VectorXd zero = VectorXd::Zero(levels.size());
  const auto number =
      q.slopes == Slopes::Compute ? static_cast<std::size_t>(q.parameters.size()) : 0;
  LevelMean result{.basis = VectorXd::Ones(levels.size()),
                   .offset = zero,
                   .basis_slopes = std::vector<VectorXd>(number, zero),
                   .offset_slopes = std::vector<VectorXd>(number, zero)};
  if (!has_decay(q.kernel)) return result;
  const Dual delta = delta_of(q), gamma = Parameters(q.parameters)[kGamma];
  for (Index i = 0; i < levels.size(); ++i) {
    const Dual decay = kappa(levels[i] / q.max_resource, q.parameters);
    const Dual basis = constant(1) - delta * decay, offset = gamma * decay;
    result.basis[i] = basis.value;
    result.offset[i] = offset.value;
    for (std::size_t k = 0; k < number; ++k) {
      result.basis_slopes[k][i] = basis.slope[static_cast<Index>(k)];
      result.offset_slopes[k][i] = offset.slope[static_cast<Index>(k)];
    }
  }
  return result;
}

}  // namespace skipjack
