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

#include "skipjack/s3tune/drift.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/warm_start.h"

namespace skipjack::s3tune {

/// What a trial reports after each download: the running mean, the searched metric, and what lies
/// behind it.
inline constexpr std::string_view kMeanDownloadTime = "avg_download_time";
inline constexpr std::string_view kDownloadTime = "download_time";
inline constexpr std::string_view kDownloadTimes = "download_times";
inline constexpr std::string_view kCpuSeconds = "cpu_seconds";
inline constexpr std::string_view kPeakMemory = "peak_memory_bytes";
inline constexpr std::string_view kBytes = "bytes";
inline constexpr std::string_view kEtag = "etag";
/// What was written, as one text: equal for equal bytes.
inline constexpr std::string_view kContent = "content";
/// The configuration's number of downloads.
inline constexpr std::string_view kRepeats = "repeats";
/// Whether the configuration's trial reports kContent.
inline constexpr std::string_view kVerify = "verify";

/// Values of the tag "phase".
inline constexpr std::string_view kBaselinePhase = "baseline";
inline constexpr std::string_view kSearchPhase = "search";
inline constexpr std::string_view kVerdictPhase = "verdict";

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

/// The method that searches behind a tuning of downloads, for one machine or a cluster: from the
/// baseline and the starts on, without a cap of its own, since downloads are capped one by one.
/// Throws InvalidArgument for options that make no sense.
std::unique_ptr<Scheduler> make_search(const S3SchedulerOptions& options);

/// What the finished trials say of drift. Search trials serve for the noise.
DriftModel drift_of(const History& history);

/// The verdict as it was planned, read from the tags: nullopt before its first trial.
struct VerdictPlan {
  int num_blocks = 0;
  /// Names of the arms, the winner included if there is one, in the order of the table.
  std::vector<std::string> arms;
  /// Of the winner; null if the search found nothing better than the baseline.
  Json winner;
};
std::optional<VerdictPlan> verdict_plan(const History& history);

/// Complete blocks of the verdict: seconds[arm][block], arms in the plan's order. Blocks in which
/// an arm failed or that were not finished are left out for all arms.
struct VerdictTimings {
  std::vector<std::vector<double>> seconds;
  /// Last report of each timing, same shape.
  std::vector<std::vector<Json>> reports;
  int num_incomplete_blocks = 0;
};
VerdictTimings verdict_timings(const History& history, const VerdictPlan& plan);

/// The object as somebody found it. An empty ETag is that of a server that sends none.
struct ObjectState {
  std::int64_t size = 0;
  std::string etag;
};
/// What the first download found that met another object than there was at the beginning, by size
/// or by ETag: times before and after can't be compared. nullopt: all agree.
std::optional<ObjectState> changed_object(const History& history, const ObjectState& first);

/// Two downloads that wrote different bytes (kContent): of the trial that told first, and of one
/// that disagrees, which may be the same where a trial has several steps (steps.h). Arms: those
/// steps' rows; empty for a trial of one row.
struct ContentConflict {
  TrialId first = 0, other = 0;
  std::string first_arm{}, other_arm{};
};
std::optional<ContentConflict> content_conflict(const History& history);

/// "baseline", "search", "verdict"; empty for trials of another kind.
std::string_view phase_of(const Trial& trial);

}  // namespace skipjack::s3tune
