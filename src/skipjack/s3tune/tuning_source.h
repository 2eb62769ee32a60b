// An earlier tuning of downloads as what another begins from.
#pragma once

#include <string>

#include "skipjack/search/warm_start.h"
#include "skipjack/study/tuning.h"

namespace skipjack::s3tune {

/// The values that its search measured, as its own method was told of them at the end: seconds with
/// the drift divided out, on a cluster ratios to the baseline of each job, since seconds of
/// different nodes say little of one another. The rows of its verdict are left out. Of an
/// experiment of another kind, what source_experiment() makes of it.
SourceExperiment tuning_source(std::string name, const TuningDefinition& definition,
                               const History& history);

}  // namespace skipjack::s3tune
