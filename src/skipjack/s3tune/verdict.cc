// Exact null distribution of the signed-rank statistic by counting subsets of ranks; the normal,
// Student's t and F distributions are Boost.Math's.
#include "skipjack/s3tune/verdict.h"

#include <algorithm>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"

namespace skipjack::s3tune {
namespace {

constexpr std::size_t kExactPairs = 60;

double median_of_sorted(const std::vector<double>& sorted) {
  const std::size_t n = sorted.size();
  return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

Gain t_interval(const std::vector<double>& log_ratios, double confidence) {
  const double n = static_cast<double>(log_ratios.size());
  const double mean = std::accumulate(log_ratios.begin(), log_ratios.end(), 0.0) / n;
  double squares = 0;
  for (double r : log_ratios) squares += (r - mean) * (r - mean);
  const double half =
      student_t_quantile(0.5 + confidence / 2, n - 1) * std::sqrt(squares / (n - 1) / n);
  return {std::exp(mean), std::exp(mean - half), std::exp(mean + half), log_ratios.size()};
}

}  // namespace

std::optional<std::size_t> signed_rank_critical_value(std::size_t n, double tail) {
  SKIPJACK_CHECK(n >= 1 && n <= 1000 && tail > 0 && tail < 0.5);
  if (n > kExactPairs) {
    const double m = static_cast<double>(n), mean = m * (m + 1) / 4;
    const double deviation = std::sqrt(m * (m + 1) * (2 * m + 1) / 24);
    return static_cast<std::size_t>(
        mean + boost::math::quantile(boost::math::normal(), tail) * deviation - 0.5);
  }
  // probability[s]: of the subsets of {1, ..., n}, each rank in it with probability 1/2, the share
  // with sum s.
  std::vector<double> probability(n * (n + 1) / 2 + 1, 0.0);
  probability[0] = 1;
  for (std::size_t rank = 1; rank <= n; ++rank)
    for (std::size_t sum = probability.size(); sum-- > 0;)
      probability[sum] = 0.5 * (probability[sum] + (sum >= rank ? probability[sum - rank] : 0));
  double cumulative = 0;
  std::optional<std::size_t> critical;
  for (std::size_t sum = 0; sum < probability.size(); ++sum) {
    cumulative += probability[sum];
    if (cumulative > tail) break;
    critical = sum;
  }
  return critical;
}

std::optional<Gain> estimate_gain(std::span<const double> baseline,
                                  std::span<const double> candidate, const GainOptions& options) {
  if (baseline.size() != candidate.size())
    throw Error(ErrorCode::InvalidArgument, "paired timings need two lists of one length, not " +
                                                std::to_string(baseline.size()) + " and " +
                                                std::to_string(candidate.size()));
  if (!(options.confidence >= 0.5 && options.confidence <= 0.999))
    throw Error(ErrorCode::InvalidArgument, "confidence = " + shortest_decimal(options.confidence) +
                                                " must be in [0.5, 0.999]");
  const std::size_t n = baseline.size();
  std::vector<double> log_ratios;
  for (std::size_t i = 0; i < n; ++i) {
    for (double seconds : {baseline[i], candidate[i]})
      if (!(seconds > 0) || !std::isfinite(seconds))
        throw Error(ErrorCode::InvalidArgument,
                    "a timing of " + shortest_decimal(seconds) + " s must be positive and finite");
    log_ratios.push_back(std::log(baseline[i] / candidate[i]));
  }
  if (n < 2) return std::nullopt;
  const auto critical = n <= 1000 ? signed_rank_critical_value(n, (1 - options.confidence) / 2)
                                  : std::optional<std::size_t>{};
  if (!critical) return t_interval(log_ratios, options.confidence);

  std::vector<double> walsh_averages;
  walsh_averages.reserve(n * (n + 1) / 2);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j)
      walsh_averages.push_back((log_ratios[i] + log_ratios[j]) / 2);
  std::sort(walsh_averages.begin(), walsh_averages.end());
  return Gain{std::exp(median_of_sorted(walsh_averages)), std::exp(walsh_averages[*critical]),
              std::exp(walsh_averages[walsh_averages.size() - 1 - *critical]), n};
}

bool claims_gain(const Gain& gain, double least_gain) {
  return gain.lower > 1 && gain.ratio >= 1 + least_gain;
}

TimingSummary summarise_timings(std::span<const double> seconds) {
  if (seconds.empty()) return {};
  std::vector<double> sorted(seconds.begin(), seconds.end());
  std::sort(sorted.begin(), sorted.end());
  return {.count = sorted.size(),
          .mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) /
                  static_cast<double>(sorted.size()),
          .median = median_of_sorted(sorted),
          .smallest = sorted.front(),
          .largest = sorted.back()};
}

double student_t_quantile(double probability, double degrees) {
  SKIPJACK_CHECK(probability > 0 && probability < 1 && degrees >= 1);
  return boost::math::quantile(boost::math::students_t(degrees), probability);
}

double f_upper_tail(double f, double numerator_degrees, double denominator_degrees) {
  SKIPJACK_CHECK(f >= 0 && numerator_degrees > 0 && denominator_degrees > 0);
  if (std::isinf(f)) return 0;  // which Boost refuses
  const boost::math::fisher_f distribution(numerator_degrees, denominator_degrees);
  return boost::math::cdf(boost::math::complement(distribution, f));
}

}  // namespace skipjack::s3tune
