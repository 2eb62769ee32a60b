// One tuning of one world by one method, through the real tuner in virtual time, judged along the
// way by what only the world knows.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/benchmark/world.h"
#include "skipjack/search/warm_start.h"

namespace skipjack::benchmark {

/// What a method's first trial is.
enum class FirstTrial {
  Proposed,  ///< the method's own proposal
  Standard,  ///< standard_start(): as in a tuning that is given no points
};

struct ReplayOptions {
  /// See method/method.h.
  std::string method;
  Json method_options = {};
  /// Unless empty, the program that proposes in the method's place (see peer.h). What it recommends
  /// is what such programs return: the configuration with the best single value.
  std::string peer_command = {};
  /// A peer begins as it likes.
  FirstTrial first_trial = FirstTrial::Proposed;
  /// Of the method, and of the noise: the n-th run of a configuration gives the same whatever the
  /// method.
  std::uint64_t seed = 0;
  /// Trials, failed and stopped ones included. Range [1, inf).
  int evaluations = 100;
  /// Running time, in the world's seconds, instead of a number of trials: what methods that end or
  /// pause trials on the way are compared by. Then ReplayResult::moments is filled. Range (0, inf).
  std::optional<Duration> time_limit = {};
  /// What a launch and an end cost; see SimulatorOptions.
  Duration start_delay{0}, stop_delay{0};
  /// See WorldTrialsOptions.
  double failure_probability = 0;
  /// Trials at the same time. Range [1, inf).
  int workers = 1;
  /// Numbers of ended trials after which the method is judged. Ascending, in [1, evaluations]; at
  /// least one.
  std::vector<int> checkpoints = {10, 20, 30, 50, 100};
  /// Judges what counts as found: a true value within this factor of the best one, for metrics of
  /// kind Time. Range (1, inf).
  double target_factor = 1.2;
  /// See MethodOptions.
  std::vector<SourceExperiment> sources = {};
  /// Called with all that happened when the tuning has ended; may be empty.
  std::function<void(const History&)> on_end = {};
};

/// Fractions of ReplayOptions::time_limit at which ReplayResult::moments judges: every twentieth.
inline constexpr std::array<double, 20> kMoments = {0.05, 0.1,  0.15, 0.2,  0.25, 0.3,  0.35,
                                                    0.4,  0.45, 0.5,  0.55, 0.6,  0.65, 0.7,
                                                    0.75, 0.8,  0.85, 0.9,  0.95, 1.0};

/// How a method stands after a number of trials have ended. Regrets are normalised_regret(), under
/// the true value; before anything has worked, 1.
struct Judgement {
  int evaluations = 0;
  /// Of the configuration that search/recommend.h believes in.
  double recommended = 1;
  /// Of the configuration with the best single value.
  double observed = 1;
  /// The smallest of all that completed: what a perfect recommendation would have.
  double evaluated = 1;
  /// Seconds of running trials, added up; those that still run count as far as they have come.
  double measured_seconds = 0;
  /// Running time of the experiment: less than that where workers run at the same time.
  double running_time = 0;
};

struct ReplayResult {
  /// One a checkpoint; if the method ends early, the last ones are what it had then.
  std::vector<Judgement> judgements;
  /// When the tuning was over: the last of judgements, or with a limit of time one of its own.
  Judgement end = {};
  /// One for each of kMoments: normalised_regret() of the configuration that had reported the best
  /// single value by then, at whatever level. Empty without a limit of time.
  std::vector<double> moments;
  /// The same at the end.
  double best_value_regret = 1;
  /// One a suggestion: from a report's arrival (or from being asked, where none preceded) to the
  /// start of the next trial, all in the scheduler. By the wall clock, and CPU seconds of the
  /// calling thread, which compare on a busy machine but miss what other threads do.
  std::vector<double> answer_seconds, answer_cpu_seconds;
  int trials = 0;
  int failures = 0;
  /// Stopped early, by the method or the limit of time.
  int stopped = 0;
  /// Attempts beyond the first.
  int resumed = 0;
  int reports = 0;
  /// Trials whose configuration an earlier trial has had; of those, whose had failed by then.
  int repeats = 0, repeated_failures = 0;
  /// There is something to find: the metric is a time.
  bool has_target = false;
  /// Ended trials and measured_seconds when the first one within target_factor completed; unset if
  /// none did.
  std::optional<int> evaluations_to_target;
  std::optional<double> seconds_to_target;
  /// Why it ended, in the tuner's words.
  std::string reason;
};

/// A method with MethodRow::multi_fidelity gets the world's resource as its options resource_attr
/// and max_t, or progress_attr and max_progress, unless they are given. Throws InvalidArgument for
/// options out of range, a method that proposes nothing at all or one that looks at levels in a
/// world without any, and what make_scheduler and run_tuner throw.
ReplayResult replay(const World& world, const ReplayOptions& options);

}  // namespace skipjack::benchmark
