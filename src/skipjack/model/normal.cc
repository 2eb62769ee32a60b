#include "skipjack/model/normal.h"

#include <cmath>
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

}  // namespace skipjack
