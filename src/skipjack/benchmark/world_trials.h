// A world's evaluations as attempts of trials, for the simulator: what an attempt reports, when,
// and what a checkpoint is worth to it.
#pragma once

#include <cstddef>
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
/// the trial has reported. One that starts from another's checkpoint goes on with that network: at
/// the other's level and with the other's luck, and from the nearest place on its own
/// configuration's curve where that is as good as the other was, from the end where it never is. So
/// it learns as fast as its configuration does from there, a poor checkpoint is a poor start, and
/// nothing is reported that the configuration could not come to by itself.
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
    /// Of the run, as it was before.
    Rng chance;
    /// Levels that are behind it.
    std::size_t num_reported = 0;
    /// How far its curve's values are ahead of its levels, or, below 0, behind them: what it took
    /// over with a checkpoint.
    std::ptrdiff_t lead = 0;
  };

  Begun begin(const StartRequest& request);
  /// At a level, by its index, at most the curve's last one.
  double value_at(const Begun& trial, std::size_t level) const;
  void take_over(const Begun& from, Begun& trial) const;
  SimulatedAttempt attempt(const Begun& trial, std::int64_t max_resource) const;
  void perhaps_fail(AttemptId id, SimulatedAttempt& does) const;

  const World& world_;
  const WorldTrialsOptions options_;
  std::map<TrialId, Begun> begun_;
  std::map<std::string, std::uint64_t> times_run_;
};

}  // namespace skipjack::benchmark
