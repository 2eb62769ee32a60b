#include "skipjack/model/acquisition.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "skipjack/model/normal.h"

namespace skipjack {
namespace {

constexpr double kHalfLogTwoPi = 0.91893853320467274178;
constexpr double kSqrtHalfPi = 1.25331413731550025121;

}  // namespace

double log_improvement(double z) {
  if (z > -1) return std::log(normal_pdf(z) + z * normal_cdf(z));
  const double log_pdf = -0.5 * z * z - kHalfLogTwoPi;
  if (z > -20) {
    // h = phi (1 - |z| M), with Mills' ratio M = Phi(z)/phi(z).
    const double x = -z / std::numbers::sqrt2;
    const double mills = kSqrtHalfPi * std::erfc(x) * std::exp(x * x);
    return log_pdf + std::log1p(z * mills);
  }
  // 1 - |z| M = z^-2 (1 - 3 z^-2 + 15 z^-4 - 105 z^-6 + 945 z^-8 - ...)
  const double t = 1.0 / (z * z);
  return log_pdf + std::log(t) + std::log1p(-3 * t * (1 - 5 * t * (1 - 7 * t * (1 - 9 * t))));
}

double log_expected_improvement(double mean, double stddev, double tau) {
  if (stddev > 0) return std::log(stddev) + log_improvement((tau - mean) / stddev);
  return tau > mean ? std::log(tau - mean) : -std::numeric_limits<double>::infinity();
}

}  // namespace skipjack
