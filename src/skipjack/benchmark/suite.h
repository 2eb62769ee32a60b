// Several methods on several problems over the same seeds, and what follows from the runs: means,
// times, and whether the differences are more than chance.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "skipjack/benchmark/problem.h"
#include "skipjack/benchmark/replay.h"

namespace skipjack::benchmark {

/// A method as it is compared: two may differ in options alone.
struct MethodChoice {
  /// Unique among those compared.
  std::string label;
  std::string method;
  Json options = {};
  /// See ReplayOptions.
  std::string peer_command = {};
};

struct SuiteOptions {
  std::vector<MethodChoice> methods;
  std::uint64_t first_seed = 0;
  /// Tunings per problem and method, with seeds first_seed, first_seed + 1, ... Range [1, inf).
  int num_seeds = 20;
  /// See ReplayOptions. Problems with levels have a limit of time instead: what random search takes
  /// for so many trials in the same world.
  int evaluations = 100;
  FirstTrial first_trial = FirstTrial::Proposed;
  Duration start_delay{0}, stop_delay{0};
  double failure_probability = 0;
  int workers = 1;
  std::vector<int> checkpoints = {10, 20, 30, 50, 100};
  double target_factor = 1.2;
  /// Threads that replay tunings at the same time. Results don't depend on it, but answer_seconds
  /// do: 1 if they are what is measured. Range [1, 1024].
  int jobs = 1;
};

/// One problem's tunings: runs[method][seed - first_seed].
struct ProblemResult {
  std::string name;
  std::vector<std::vector<ReplayResult>> runs;
};

/// Throws what replay and make_world throw, InvalidArgument for options out of range. When one
/// tuning throws, those under way are finished, no more are begun and the first exception is
/// thrown.
ProblemResult run_problem(const Problem& problem, const SuiteOptions& options);

/// What is told of one method on one problem: means over seeds unless it says otherwise.
struct MethodSummary {
  /// One a checkpoint.
  std::vector<double> recommended, observed, evaluated, measured_seconds;
  double answer_median_seconds = 0, answer_p99_seconds = 0;
  double answer_cpu_median_seconds = 0, answer_cpu_p99_seconds = 0;
  /// See ReplayResult.
  std::vector<double> moments;
  double trials = 0, resumed = 0, reports = 0;
  double failures = 0, stopped = 0, repeats = 0, repeated_failures = 0;
  double running_time = 0;
  /// Share of the seeds that came to the target; unset if there is none.
  std::optional<double> target_fraction;
  /// Measured seconds spent until the target, runs that missed it charged in full, divided by the
  /// number that came to it: the expected running time [Hansen2009c, ERT]. Unset if none did.
  std::optional<double> seconds_to_target;
};
MethodSummary summarise(const std::vector<ReplayResult>& runs);

/// One-sided p-values for "the first method's regret of the recommended configuration at the last
/// checkpoint is smaller than the other's" and for the contrary, by Wilcoxon's signed-rank test; on
/// problems with levels, of the mean over kMoments.
struct Comparison {
  double p_smaller = 1, p_larger = 1;
  /// Adjusted by Holm's correction for all that compare_*() returned.
  double adjusted_smaller = 1, adjusted_larger = 1;
  /// Of the pairs, how many are smaller and larger.
  int num_smaller = 0, num_larger = 0;
};
/// The first method against method number other, paired by seed: one a problem. other: in [1,
/// number of methods).
std::vector<Comparison> compare_on_problems(const std::vector<ProblemResult>& results,
                                            std::size_t other);
/// The first method against each other one, paired by problem (means over seeds): one a method but
/// the first.
std::vector<Comparison> compare_over_problems(const std::vector<ProblemResult>& results);

/// Everything of every seed: {"regret_10": [one a seed], ..., "observed_10", "evaluated_10",
/// "seconds_10", ..., "moments", "anytime_regret", "failures", ..., "median_seconds",
/// "p99_seconds", ...}.
Json to_json(const std::vector<ReplayResult>& runs);

}  // namespace skipjack::benchmark
