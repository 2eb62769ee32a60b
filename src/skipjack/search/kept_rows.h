// Which of many observations enter a process. The best single values of thousands are lucky ones:
// a process made of them believes in a minimum that is not there, and is sure of it. So rows are
// chosen by what is expected where they lie, and a configuration's measurements stay together.
#pragma once

#include <cstddef>
#include <vector>

#include "skipjack/search/process_fit.h"

namespace skipjack {

/// Rows of options.points that a process of them is made from, ascending: all, or, of more than
/// 400, the earliest hundred, which are spread, a hundred of the best configurations, at most ten
/// each, and the latest of the rest. The best by the posterior mean of a process of 400 evenly
/// taken rows, and then of the 400 that this leads to; by their own means where values differ from
/// that by more than noise. O(n (d + log n)) from the previous hyperparameters, which are taken as
/// they are; two fits without them. options.failed and prior are not looked at. Throws as
/// GaussianProcess does.
std::vector<std::size_t> rows_to_keep(const MetricProcessOptions& options);

}  // namespace skipjack
