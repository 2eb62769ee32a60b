// Acquisition functions of a normal posterior, for minimisation, as logarithms: expected
// improvement itself underflows where most candidates lie, and its logarithm still ranks them
// [Ament2023].
//
//   tau    the value to improve on
//   z      (tau - mean) / stddev
//   h(z)   phi(z) + z Phi(z), so that EI = stddev h(z)
#pragma once

#include <span>

namespace skipjack {

/// log h(z); finite for any finite z.
double log_improvement(double z);

/// log E[max(tau - f, 0)] for f ~ Normal(mean, stddev^2). stddev >= 0; for 0 it is log max(tau -
/// mean, 0), which is -infinity where nothing can be gained.
double log_expected_improvement(double mean, double stddev, double tau);

/// The same with its derivatives by mean and by standard deviation; stddev > 0.
struct LogImprovementGradient {
  double value = 0, by_mean = 0, by_stddev = 0;
};
LogImprovementGradient log_expected_improvement_gradient(double mean, double stddev, double tau);

/// log E[min_i mean_i - min_i (mean_i + slope_i Z)], Z ~ Normal(0, 1): what one more measurement is
/// expected to take off the smallest posterior mean, where slope_i is the standard deviation with
/// which it moves mean_i. -infinity if it can change nothing. O(k log k). [Frazier2009, alg. 1]
double log_knowledge_gradient(std::span<const double> means, std::span<const double> slopes);

}  // namespace skipjack
