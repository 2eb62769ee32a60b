// What the trials of a tuning of downloads report and how they are told apart, read from the
// history: names of metrics and phases, download times, whether the object stayed what it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/trial/history.h"

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

/// The searched metric: smallest kMeanDownloadTime.
Metric download_time_metric();

/// "baseline", "search", "verdict"; empty for trials of another kind.
std::string_view phase_of(const Trial& trial);
/// A text in the trial's tag; empty if it is not there.
std::string_view tag_text(const Trial& trial, std::string_view key);
/// Whether it measured that row before the search, or the baseline during it.
bool is_of_arm(const Trial& trial, std::string_view arm);

/// Seconds of a report's download; nullopt if it has none that counts.
std::optional<double> download_seconds(const Report& report);
/// Of all downloads of a trial, in order.
std::vector<double> download_seconds(const Trial& trial);
/// values: at least one.
double mean_of(const std::vector<double>& values);
double median_of(std::vector<double> values);
/// Ended for good: by itself, stopped or failed.
bool has_ended(const Trial& trial);
/// Ended with downloads that count: by itself, or stopped after some of them.
bool has_value(const Trial& trial);

/// The object as somebody found it. An empty ETag is that of a server that sends none.
struct ObjectState {
  std::int64_t size = 0;
  std::string etag;
};
/// Two downloads that wrote different bytes (kContent): of the trial that told first, and of one
/// that disagrees, which may be the same where a trial has several steps (steps.h). Arms: those
/// steps' rows; empty for a trial of one row.
struct ContentConflict {
  TrialId first = 0, other = 0;
  std::string first_arm{}, other_arm{};
};

/// Whether all downloads met the same object, report by report.
class ObjectWatch {
 public:
  explicit ObjectWatch(ObjectState first) : first_(std::move(first)) {}
  /// metrics: of a report.
  void take(TrialId trial, const Json& metrics);
  /// What the first download found that met another object than there was at the beginning, by
  /// size or by ETag: times before and after can't be compared. nullopt: all agree.
  const std::optional<ObjectState>& changed() const { return changed_; }
  const std::optional<ContentConflict>& conflict() const { return conflict_; }

 private:
  ObjectState first_;
  std::optional<ObjectState> changed_;
  /// The trial that told first, its step and what it told.
  std::optional<ContentConflict> told_;
  std::string content_;
  std::optional<ContentConflict> conflict_;
};
/// Of a whole history.
std::optional<ObjectState> changed_object(const History& history, const ObjectState& first);
std::optional<ContentConflict> content_conflict(const History& history);

}  // namespace skipjack::s3tune
