// Acquisition functions of a normal posterior, for minimisation, as logarithms: expected
// improvement itself underflows where most candidates lie, and its logarithm still ranks them
// [Ament2023].
//
//   tau    the value to improve on
//   z      (tau - mean) / stddev
//   h(z)   phi(z) + z Phi(z), so that EI = stddev h(z)
#pragma once

namespace skipjack {

/// log h(z); finite for any finite z.
double log_improvement(double z);

/// log E[max(tau - f, 0)] for f ~ Normal(mean, stddev^2). stddev >= 0; for 0 it is log max(tau -
/// mean, 0), which is -infinity where nothing can be gained.
double log_expected_improvement(double mean, double stddev, double tau);

}  // namespace skipjack
