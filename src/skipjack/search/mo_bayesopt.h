// Bayesian optimisation of several objectives at once: a Gaussian process each, and the
// configuration that is expected to add most to the hypervolume of the front [Emmerich2006,
// Yang2019]. Sources and deviations: docs/methods/mo_bayesopt.md.
#pragma once

#include <memory>

#include "skipjack/search/multi_objective.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

/// Two to four objectives; throws what make_multi_objective_search throws, and InvalidArgument for
/// more.
std::unique_ptr<Searcher> make_mo_bayesopt_search(MultiObjectiveOptions options);

}  // namespace skipjack
