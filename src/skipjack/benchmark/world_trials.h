// A world's evaluations as attempts of trials, for the simulator: what an attempt reports, when,
// and what a checkpoint is worth to it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "skipjack/backend/simulator.h"
#include "skipjack/benchmark/world.h"

namespace skipjack::benchmark {

struct WorldTrialsOptions {
  /// Of all noise: the n-th run of a configuration gives the same whatever the method.
  std::uint64_t seed = 0;
  /// Probability that an attempt breaks off at a time drawn evenly from what it would have taken.
  /// Range [0, 1].
  double failure_probability = 0;
};

/// A trial's curve is drawn when it is first started. An attempt begins behind the last level that
/// the trial has reported, or that the trial had whose checkpoint it starts from: then on the curve
/// of its own configuration, as if it had been that configuration's from the start.
class WorldTrials {
 public:
  /// The world must outlive it. Throws InvalidArgument for options out of range.
  WorldTrials(const World& world, const WorldTrialsOptions& options);

  SimulatedAttempt run(const StartRequest& request);
  /// To be told of all events, in order.
  void apply(const Event& event);

 private:
  struct Begun {
    Evaluation evaluation;
    /// Levels of the curve that are behind it.
    std::size_t num_reported = 0;
  };

  Evaluation evaluate(const Configuration& configuration);
  SimulatedAttempt attempt(const Begun& trial, std::int64_t max_resource) const;
  void perhaps_fail(AttemptId id, SimulatedAttempt& does) const;

  const World& world_;
  const WorldTrialsOptions options_;
  std::map<TrialId, Begun> begun_;
  std::map<std::string, std::uint64_t> times_run_;
};

}  // namespace skipjack::benchmark
