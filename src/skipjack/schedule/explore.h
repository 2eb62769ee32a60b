// A configuration near a good one, as population-based training makes them [Jaderberg2017]: each
// number a step up or down, or drawn anew.
#pragma once

#include "skipjack/base/rng.h"
#include "skipjack/space/search_space.h"

namespace skipjack {

/// Each parameter is drawn from its domain with probability resample_probability. Otherwise numbers
/// are multiplied by 1.2 or by 0.8, each as likely, and kept within their bounds (integers and
/// finite ranges move by one value at least), ordinals go to a neighbouring value, and categories
/// stay. Parameters that become active by it are drawn. A result that breaks a constraint is drawn
/// again, 100 times; then configuration itself is the answer. configuration: contained in space.
Configuration explore(const SearchSpace& space, const Configuration& configuration,
                      double resample_probability, Rng& rng);

}  // namespace skipjack
