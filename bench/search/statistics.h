// Paired comparisons of two methods over the same seeds.
#pragma once

#include <span>

namespace skipjack::bench {

/// One-sided p-value of Wilcoxon's signed-rank test for "a tends to be smaller than b": exact by
/// counting for up to 25 non-zero differences without ties in size, otherwise by the normal
/// approximation with correction for ties and continuity. 1 if there is no non-zero difference.
/// [Wilcoxon1945]
double wilcoxon_less(std::span<const double> a, std::span<const double> b);

/// One-sided p-value of the sign test for the same.
double sign_test_less(std::span<const double> a, std::span<const double> b);

}  // namespace skipjack::bench
