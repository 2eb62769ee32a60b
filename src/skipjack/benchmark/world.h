// A benchmark world: something to tune whose truth is known. A method sees the space, the metric
// and what evaluations report; the replay, which judges the method, also sees what every
// configuration is worth. Worlds know nothing of tuners, backends and methods.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/space/search_space.h"
#include "skipjack/trial/history.h"

namespace skipjack::benchmark {

/// What one run of a configuration would report, to its end.
struct Evaluation {
  struct Level {
    /// 1, 2, ... up to Resource::max, each once and ascending; 1 where there is no resource.
    std::int64_t resource = 1;
    /// Of the metric, with its noise.
    double value = 0;
    /// From the start of the run to this report, ascending. Range [0, inf).
    double seconds = 0;
  };
  /// Empty: the run failed and reported nothing.
  std::vector<Level> curve;
  /// From the start of the run to its end, at least that of the last level. Range [0, inf).
  double seconds = 0;
};

/// The fidelity axis of a world.
struct Resource {
  /// Key of the level in each report, such as "epoch"; empty: the world has no levels.
  std::string name;
  /// The last level, at which configurations are judged. Range [1, inf).
  std::int64_t max = 1;
};

/// The ends of the scale on which regret is measured, as true values of the metric.
struct Reference {
  /// Regret 0: the best configuration there is.
  double best = 0;
  /// Regret 1: the median of the configurations that work.
  double median = 1;
};

/// Immutable; all calls may come from several threads at once.
class World {
 public:
  virtual ~World() = default;
  /// Names the world in tables of results, without spaces: "kt_convolution_A100".
  virtual const std::string& name() const = 0;
  virtual const SearchSpace& space() const = 0;
  /// The one objective. Of kind Time: its values are seconds, and those of Evaluation agree.
  virtual const Metric& metric() const = 0;
  virtual const Resource& resource() const = 0;
  /// One run. configuration: contained in space(). All chance (noise, durations) comes from rng, so
  /// that the same rng gives the same run.
  virtual Evaluation evaluate(const Configuration& configuration, Rng& rng) const = 0;
  /// What the configuration is worth: the value at the last level without noise; nullopt if it
  /// fails.
  virtual std::optional<double> true_value(const Configuration& configuration) const = 0;
  virtual const Reference& reference() const = 0;
};

/// (true value - best) / (median - best): 0 for the best configuration, 1 for the median one,
/// whatever the mode; infinity for one that fails.
double normalised_regret(const World& world, const Configuration& configuration);

}  // namespace skipjack::benchmark
