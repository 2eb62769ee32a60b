// Outcomes of several objectives in one order: whoever nobody is better than comes first, and of
// equals those that lie apart.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "skipjack/search/experience.h"

namespace skipjack {

/// How the order goes within a front.
enum class FrontOrder {
  EpsilonNet,  ///< each as far as can be from those before it, the best compromise first
  Crowding,    ///< by the distance between an outcome's neighbours, the ends of the front first
};

/// Indices of the outcomes, best first: front by front, within a front as front_order says, of
/// equal ones the earlier. losses: one a trial, each of the same number of objectives, to be
/// minimised. Those with a loss that is not finite come last. See model/pareto.h. O(n^2 m).
std::vector<std::size_t> pareto_order(std::span<const std::vector<double>> losses,
                                      FrontOrder front_order);

/// Of trials with a loss: those that break fewer constraints before all others, and so ordered
/// [Deb2002, sec. VI, with numbers for sums].
std::vector<std::size_t> pareto_order(std::span<const FinishedTrial> trials,
                                      FrontOrder front_order);

}  // namespace skipjack
