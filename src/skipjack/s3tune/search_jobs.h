// What the search's jobs on a cluster measured, kept up to date trial by trial: each job has the
// baseline once and then its candidate, and what counts is the ratio of the candidate's mean to
// what the baseline takes in that job (job_baselines.h). Of all jobs' baselines, since one download
// alone would make the luckiest candidate of the one that had the unluckiest baseline beside it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skipjack/s3tune/noise.h"
#include "skipjack/trial/history.h"

namespace skipjack::s3tune {

/// Step of a search trial beside the baseline.
inline constexpr std::string_view kCandidateArm = "candidate";

/// A job of the search, or the first block, as far as it has come.
struct SearchJob {
  std::string node;
  /// 0: not measured.
  double baseline = 0;
  std::vector<double> candidate;
  bool is_search = false;
  /// Ended with a value.
  bool counts = false;
  /// Of one that has ended.
  std::optional<double> seconds, overhead;
};
/// What all of them together say.
struct SearchEstimates {
  Noise noise;
  std::map<TrialId, double> baselines;
  double best_ratio = 1;
  std::optional<double> seconds, overhead;
};

class SearchJobs {
 public:
  explicit SearchJobs(std::string baseline_arm) : baseline_arm_(std::move(baseline_arm)) {}

  /// Takes in how a trial of the search, or the first block, stands; anew whenever something
  /// happened to it.
  void update(const Trial& trial);

  /// Seconds that the baseline takes in a trial's job; nullopt if it did not measure it.
  std::optional<double> baseline(TrialId trial) const;
  /// Of the candidate's mean to it; nullopt without a download of the candidate.
  std::optional<double> ratio(TrialId trial) const;
  /// The ratio of a trial that has ended, not failed and not been ruled out by a bound.
  std::optional<double> value(TrialId trial) const;
  /// Smallest of the trials that ended and count, and of the baseline's own, 1.
  double best_ratio() const;
  /// Standard deviation of the logarithm of one download, from ended candidates' repeats; 0 if
  /// unknown.
  double noise() const { return estimates().noise.deviation(); }
  /// Medians over the search's trials that have ended, whole and beside their downloads, in
  /// seconds; nullopt without any.
  std::optional<double> median_seconds() const { return estimates().seconds; }
  std::optional<double> median_overhead() const { return estimates().overhead; }

 private:
  /// Made anew after updates, when it is asked for.
  const SearchEstimates& estimates() const;

  std::string baseline_arm_;
  std::map<TrialId, SearchJob> jobs_;
  std::map<std::string, std::string> kinds_;
  mutable std::optional<SearchEstimates> estimates_;
};

/// Of a whole history.
SearchJobs search_jobs(const History& history, std::string baseline_arm);

}  // namespace skipjack::s3tune
