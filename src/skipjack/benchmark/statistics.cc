#include "skipjack/benchmark/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace skipjack::benchmark {
namespace {

std::vector<double> nonzero_differences(std::span<const double> a, std::span<const double> b) {
  std::vector<double> result;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i]) result.push_back(a[i] - b[i]);
  return result;
}

}  // namespace

double wilcoxon_less(std::span<const double> a, std::span<const double> b) {
  std::vector<double> d = nonzero_differences(a, b);
  if (d.empty()) return 1.0;
  std::sort(d.begin(), d.end(), [](double x, double y) { return std::abs(x) < std::abs(y); });
  const std::size_t n = d.size();
  double positive_ranks = 0, tie_term = 0;
  for (std::size_t i = 0; i < n;) {
    std::size_t end = i;
    while (end < n && std::abs(d[end]) == std::abs(d[i])) ++end;
    const double rank = 0.5 * static_cast<double>(i + 1 + end);
    const auto ties = static_cast<double>(end - i);
    tie_term += ties * ties * ties - ties;
    for (; i < end; ++i)
      if (d[i] > 0) positive_ranks += rank;
  }
  if (n <= 25 && tie_term == 0) {
    // Number of subsets of {1, ..., n} with each sum.
    std::vector<double> ways(n * (n + 1) / 2 + 1, 0.0);
    ways[0] = 1;
    for (std::size_t rank = 1; rank <= n; ++rank)
      for (std::size_t sum = ways.size(); sum-- > rank;) ways[sum] += ways[sum - rank];
    double below = 0;
    for (std::size_t sum = 0; sum <= static_cast<std::size_t>(positive_ranks); ++sum)
      below += ways[sum];
    return std::ldexp(below, -static_cast<int>(n));
  }
  const auto size = static_cast<double>(n);
  const double mean = size * (size + 1) / 4;
  const double variance = size * (size + 1) * (2 * size + 1) / 24 - tie_term / 48;
  return 0.5 * std::erfc(-(positive_ranks + 0.5 - mean) / std::sqrt(2 * variance));
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return p_values[i] < p_values[j]; });
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const auto left = static_cast<double>(order.size() - rank);
    largest = std::max(largest, std::min(1.0, left * p_values[order[rank]]));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double quantile_of(std::vector<double> values, double q) {
  const double rank = std::ceil(q * static_cast<double>(values.size()));
  const auto index = static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[static_cast<std::size_t>(index)];
}

}  // namespace skipjack::benchmark
