// Earlier experiments, read from the store, as what a new one begins from.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "skipjack/journal/experiment_store.h"
#include "skipjack/search/warm_start.h"
#include "skipjack/space/search_space.h"
#include "skipjack/study/tuning.h"

namespace skipjack {

/// What an experiment measured of one of its metrics.
using ReadSource = std::function<SourceExperiment(std::string name, const TuningDefinition&,
                                                  const History&, const Metric&)>;

/// One a name, in that order: what the experiments measured within their own space (not, say, the
/// downloads of another client that an S3 tuning compares itself with). They hold all that is
/// needed of the experiments, which may be removed afterwards. metric and space: the new
/// experiment's. Throws InvalidArgument for an experiment that has no such metric or the other mode
/// of it, that measured nothing, or that has no configuration the space could have, and for a name
/// that is given twice; what ExperimentStore's read() throws, with the name. read: how what an
/// experiment measured is read from its history; empty: source_experiment().
std::vector<SourceExperiment> read_sources(const ExperimentStore& store,
                                           std::span<const std::string> names, const Metric& metric,
                                           const SearchSpace& space, const ReadSource& read = {});

}  // namespace skipjack
