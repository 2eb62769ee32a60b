#include "skipjack/model/acquisition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

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

LogImprovementGradient log_expected_improvement_gradient(double mean, double stddev, double tau) {
  const double z = (tau - mean) / stddev;
  const double log_h = log_improvement(z);
  // EI = stddev h(z): dEI/dmean = -Phi(z), dEI/dstddev = phi(z).
  return {.value = std::log(stddev) + log_h,
          .by_mean = -std::exp(log_normal_cdf(z) - log_h) / stddev,
          .by_stddev = std::exp(-0.5 * z * z - kHalfLogTwoPi - log_h) / stddev};
}

double log_knowledge_gradient(std::span<const double> means, std::span<const double> slopes) {
  // The lower envelope of the lines mean + slope z: from the largest slope (z to -infinity) to the
  // smallest.
  struct Line {
    double mean, slope, from;
  };
  std::vector<Line> lines;
  for (std::size_t i = 0; i < means.size(); ++i) lines.push_back({means[i], slopes[i], 0});
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.slope != b.slope ? a.slope > b.slope : a.mean < b.mean;
  });
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<Line> envelope;
  for (Line line : lines) {
    if (!envelope.empty() && envelope.back().slope == line.slope) continue;
    line.from = -kInfinity;
    while (!envelope.empty()) {
      // Below the last line from this z on.
      line.from = (line.mean - envelope.back().mean) / (envelope.back().slope - line.slope);
      if (line.from > envelope.back().from) break;
      envelope.pop_back();
      line.from = -kInfinity;
    }
    envelope.push_back(line);
  }
  // Each corner at z contributes (difference of slopes) h(-|z|).
  double largest = -kInfinity;
  std::vector<double> terms;
  for (std::size_t i = 1; i < envelope.size(); ++i) {
    terms.push_back(std::log(envelope[i - 1].slope - envelope[i].slope) +
                    log_improvement(-std::abs(envelope[i].from)));
    largest = std::max(largest, terms.back());
  }
  if (!(largest > -kInfinity)) return -kInfinity;
  double sum = 0;
  for (const double term : terms) sum += std::exp(term - largest);
  return largest + std::log(sum);
}

}  // namespace skipjack
