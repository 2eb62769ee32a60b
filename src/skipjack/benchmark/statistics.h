// Paired comparisons of two methods, over seeds or over problems.
#pragma once

#include <span>
#include <vector>

namespace skipjack::benchmark {

/// One-sided p-value of Wilcoxon's signed-rank test for "a tends to be smaller than b": exact by
/// counting for up to 25 non-zero differences without ties in size, otherwise by the normal
/// approximation with correction for ties and continuity. 1 if there is no non-zero difference.
/// a, b: of one size, without NaN. [Wilcoxon1945]
double wilcoxon_less(std::span<const double> a, std::span<const double> b);

/// p-values adjusted for being several, in the order given: rejecting those that are at most alpha
/// rejects any true hypothesis with a probability of at most alpha. [Holm1979]
std::vector<double> holm(std::span<const double> p_values);

double mean_of(std::span<const double> values);
/// The ceil(q n)-th smallest of n values: never one that was not measured. values: not empty; q in
/// [0, 1].
double quantile_of(std::vector<double> values, double q);

}  // namespace skipjack::benchmark
