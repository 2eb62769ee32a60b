// Which of many observations enter a process. The best single values of thousands are lucky ones:
// a process made of them believes in a minimum that is not there, and is sure of it. So rows are
// chosen by what is expected where they lie, and those of one configuration as they came.
#pragma once

#include <cstddef>
#include <vector>

#include "skipjack/search/process_fit.h"

namespace skipjack {

/// Rows of options.points that a process of them is made from, ascending: all, or, of more than
/// 400, the earliest hundred, which are spread, a hundred measurements of the best configurations,
/// ten each at most, and the latest of the rest. The best by the posterior mean of a process of 400
/// evenly taken rows, and then of the 400 that this leads to; by their own means where values
/// differ from that by more than noise. The previous hyperparameters are taken as they are; without
/// them there is one fit. Two processes of 400 rows, O(400^3), and the means of all c distinct
/// configurations by each, O(400 c d), without a matrix of 400 by c; O(n d log n) beside.
/// options.failed and prior are not looked at. Throws as GaussianProcess does.
std::vector<std::size_t> rows_to_keep(const MetricProcessOptions& options);

}  // namespace skipjack
