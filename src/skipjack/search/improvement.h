// Expected improvement of one number over the best that is likely to be allowed, as an acquisition:
// a fit for a single suggestion, with what runs believed.
#pragma once

#include <vector>

#include "skipjack/search/acquisition_search.h"

namespace skipjack {

struct ImprovementOptions {
  const UnitSpace& space;
  /// At least one value; beside each those of the constraints.
  const Observations& seen;
  Metric metric;
  std::vector<Metric> constraints = {};
  /// AcquisitionQuestion::previous.
  const Json& previous;
};

/// log EI plus log P(works and satisfies the constraints); where nothing measured is likely to
/// satisfy them, the latter alone.
Acquisition improvement_acquisition(const ImprovementOptions& options);

}  // namespace skipjack
