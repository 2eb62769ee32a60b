// The course of one S3 tuning, as a Scheduler: measure the baseline and the other rows of the
// verdict once; search by any method, with the baseline measured again every few trials so that
// drift shows and is divided out; then let the leader and the rows run head to head on fresh data,
// in blocks of random order whose number was fixed before the first of them. All of it are ordinary
// trials of one experiment, one at a time, told apart by their tag {"phase": "baseline" | "search"
// | "verdict", "arm": ..., ...}; decisions are computed from the history, so a resumed tuning goes
// on where it was. Time for the verdict is taken off the search's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/s3tune/trial_reports.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/warm_start.h"

namespace skipjack::s3tune {

/// One row of the verdict.
struct Arm {
  /// Key in tags: "boto3", "boto3-values", "auto", "winner".
  std::string name;
  /// What its trials are started with, but for the repeats.
  Configuration configuration;
};
/// Name of the leader's arm; the other arms may not have it.
inline constexpr std::string_view kWinnerArm = "winner";

struct S3SchedulerOptions {
  /// The four parameters and the constants of a trial, with kRepeats among them.
  SearchSpace space;
  /// A row of the method table: "bayesopt", "random", ...
  std::string method = "bayesopt";
  /// Earlier experiments for the method to begin from.
  std::vector<SourceExperiment> sources = {};
  /// Complete configurations that the search begins with, after the baseline.
  std::vector<Configuration> start;
  std::uint64_t seed = 0;
  /// Rows of the verdict without the winner. The first is what gains are stated against.
  std::vector<Arm> arms;
  /// Index into arms of the tuned client with boto3's values, the baseline against drift.
  std::size_t baseline_arm = 0;
  /// The baseline as a configuration of the space (boto3's values moved into its bounds): what the
  /// search is told about it.
  Configuration baseline_point;
  /// Downloads of a search trial, >= 1.
  int repeats = 3;
  /// Each configuration's first trial reads back what it wrote (kVerify).
  bool verify = false;
  /// Search trials between two measurements of the baseline, >= 1. Default 4: a fifth of the
  /// search's time at most.
  int baseline_every = 4;
  /// Bytes of the object, >= 1.
  std::int64_t object_size = 1;
  /// Its ETag as sent; empty: not known, and not compared.
  std::string etag;
  /// Bytes that all downloads together may take; no trial is started that could break it.
  std::optional<std::int64_t> max_bytes;
  /// Search trials at most, the baseline not counted.
  std::optional<std::int64_t> max_search_trials;
  /// Blocks of the verdict: as many as wanted where time and bytes allow, never more than
  /// most_blocks.
  int wanted_blocks = 12;
  int most_blocks = 20;
  /// Share of the time, and of max_bytes, that may be kept back from the search for the verdict, in
  /// (0, 1).
  double most_verdict_share = 0.55;
};

/// Throws InvalidArgument naming an option out of range.
void validate(const S3SchedulerOptions& options);
/// Throws as validate does, and for an unknown method.
std::unique_ptr<Scheduler> make_s3_scheduler(S3SchedulerOptions options);

}  // namespace skipjack::s3tune
