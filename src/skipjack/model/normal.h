// The standard normal distribution where the textbook forms lose their digits: logarithms of the
// distribution function far in the tail. Plain functions of doubles; quantiles are not here.
#pragma once

namespace skipjack {

double normal_pdf(double z);
double normal_cdf(double z);
/// log of normal_cdf, relative error below 1e-9 for any finite z.
double log_normal_cdf(double z);

}  // namespace skipjack
