// An earlier experiment, of downloads or of anything else, as what another begins from.
#pragma once

#include <string>

#include "skipjack/search/warm_start.h"
#include "skipjack/study/tuning.h"

namespace skipjack::s3tune {

/// Of a tuning of downloads and their time: the values that its search measured, as its own method
/// was told of them at the end: seconds with the drift divided out, on a cluster ratios to the
/// baseline of each job, since seconds of different nodes say little of one another. The rows of
/// its verdict are left out. Of another experiment or metric, what source_experiment() makes of it.
/// A ReadSource (study/sources.h).
SourceExperiment tuning_source(std::string name, const TuningDefinition& definition,
                               const History& history, const Metric& metric);

}  // namespace skipjack::s3tune
