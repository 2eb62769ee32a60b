#include "skipjack/model/normal.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace skipjack {
namespace {

constexpr double kHalfLogTwoPi = 0.91893853320467274178;
// Below this the asymptotic series is exact to 1e-10, and erfc is still a normal number above it.
constexpr double kTail = -20.0;

}  // namespace

double normal_pdf(double z) { return std::exp(-0.5 * z * z - kHalfLogTwoPi); }

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double log_normal_cdf(double z) {
  if (z > 0) return std::log1p(-0.5 * std::erfc(z / std::numbers::sqrt2));
  if (z > kTail) return std::log(normal_cdf(z));
  // Phi(z) = phi(z)/|z| (1 - 1/z^2 + 3/z^4 - 15/z^6 + ...) [Abramowitz1964, 26.2.12]
  const double t = 1.0 / (z * z);
  return -0.5 * z * z - kHalfLogTwoPi - std::log(-z) + std::log1p(-t * (1 - 3 * t * (1 - 5 * t)));
}

double normal_quantile(double p) {
  if (!(p > 0)) return -std::numeric_limits<double>::infinity();
  if (p >= 1) return std::numeric_limits<double>::infinity();
  if (p > 0.5) return -normal_quantile(1 - p);
  // Within 4.5e-4 [Abramowitz1964, 26.2.23]; then Newton's method on log Phi, which is concave.
  const double t = std::sqrt(-2 * std::log(p));
  double z = (2.515517 + t * (0.802853 + t * 0.010328)) /
                 (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) -
             t;
  for (int i = 0; i < 2; ++i) {
    const double log_cdf = log_normal_cdf(z);
    z -= (log_cdf - std::log(p)) * std::exp(log_cdf + 0.5 * z * z + kHalfLogTwoPi);
  }
  return z;
}

}  // namespace skipjack
