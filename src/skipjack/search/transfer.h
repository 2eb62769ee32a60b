// Whether sources are believed, and how far: the prior mean of the target's process as the weighted
// sum of what the sources say that makes the target's observations likely, or none.
//
//   n, K   observations of the target; sources     m (n, K)  what sources say there, standardised
//   w (K)  weights, >= 0                           y (n)     the target's values, as targets
// The model with transfer is y = c + m w + g + noise, w normal a priori, g the target's own
// process; the one without has w = 0. Sources: docs/transfer.md.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "skipjack/search/source_model.h"
#include "skipjack/search/surrogate.h"

namespace skipjack {

/// Empty if the observations are likelier without the sources, if fewer than three configurations
/// have values, or if all of them contradict. In the units of
/// TargetTransform of seen. A function of its arguments. O(n^3).
PriorMean choose_prior_mean(const std::shared_ptr<const SourceModels>& sources,
                            const UnitSpace& space, const Observations& seen, const Metric& metric);

/// The configurations to begin with, distinct, contained in the space. Of the sources' best
/// (choose_transfer_points()), first the one that is best on average over the sources, then
/// whichever adds most to what the best of those chosen is in each source [Wistuba2015]; then the
/// others, most promising first. At most number of them. A function of its arguments.
std::vector<Configuration> choose_first_points(const SourceModels& models, const SearchSpace& space,
                                               std::span<const SourceExperiment> sources,
                                               std::size_t number);

}  // namespace skipjack
