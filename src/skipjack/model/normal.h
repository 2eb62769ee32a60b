// The standard normal distribution where the textbook forms lose their digits: logarithms of the
// distribution function far in the tail, and quantiles. Plain functions of doubles.
#pragma once

namespace skipjack {

double normal_pdf(double z);
double normal_cdf(double z);
/// log of normal_cdf, relative error below 1e-9 for any finite z.
double log_normal_cdf(double z);
/// The z with normal_cdf(z) = p, for p in (0, 1): to 1e-12 where p <= 1/2, and to the digits that
/// 1 - p still has above. Infinite for p <= 0 and p >= 1.
double normal_quantile(double p);

}  // namespace skipjack
