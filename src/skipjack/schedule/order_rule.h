// A rung rule for scores that are no single number: all that came to a rung are put in order, and
// the first part of it goes on.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "skipjack/schedule/rung_rule.h"

namespace skipjack {

/// Indices of the entries, best first. A function of its argument alone, whose entries are the
/// scores of RungEntry, in the order in which trials came to the rung.
using ScoreOrder =
    std::function<std::vector<std::size_t>(std::span<const std::vector<double>> scores)>;

/// As the quantile rule for values that all differ: of n trials at a rung those go on before which
/// there are at most q (n - 1) others, q the rung's quantile. In the promotion variant that takes
/// at least two. A trial with a score that is not finite goes on nowhere. Costs an order each time
/// that a trial comes to a rung.
std::unique_ptr<RungRule> make_order_rule(const std::vector<double>& quantiles, ScoreOrder order);

}  // namespace skipjack
