#include "skipjack/benchmark/world.h"

#include <limits>

namespace skipjack::benchmark {

double normalised_regret(const World& world, const Configuration& configuration) {
  const std::optional<double> value = world.true_value(configuration);
  if (!value) return std::numeric_limits<double>::infinity();
  const Reference& reference = world.reference();
  return (*value - reference.best) / (reference.median - reference.best);
}

}  // namespace skipjack::benchmark
