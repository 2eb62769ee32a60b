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

#include "skipjack/s3tune/job_baselines.h"
#include "skipjack/s3tune/noise.h"
#include "skipjack/trial/history.h"

namespace skipjack::s3tune {

/// Step of a search trial beside the baseline.
inline constexpr std::string_view kCandidateArm = "candidate";

class SearchJobs {
 public:
  explicit SearchJobs(std::string baseline_arm) : baseline_arm_(std::move(baseline_arm)) {}

  /// Takes in how a trial of the search, or the first block, stands; anew whenever something
  /// happened to it. Other trials are passed over. What all trials say is then made anew at the
  /// first question: a look at every node, and a few nanoseconds a trial.
  void update(const Trial& trial);

  /// Seconds that the baseline takes in a trial's job; nullopt if it did not measure it.
  std::optional<double> baseline(TrialId trial) const;
  /// Of the candidate's mean to it; nullopt without a download of the candidate.
  std::optional<double> ratio(TrialId trial) const;
  /// The ratio of a trial that has ended, not failed and not been ruled out by a bound.
  std::optional<double> value(TrialId trial) const;
  /// The trial of the smallest value.
  struct Best {
    TrialId trial = 0;
    double ratio = 1;
  };
  std::optional<Best> best() const;
  /// Of that, and of the baseline's own, 1, the smaller.
  double best_ratio() const;
  /// Standard deviation of the logarithm of one download, from ended candidates' repeats;
  /// nullopt without any.
  std::optional<double> noise() const { return noise_.deviation(); }
  /// Medians over the search's trials that have ended, whole and beside their downloads, in
  /// seconds; nullopt without any.
  std::optional<double> median_seconds() const;
  std::optional<double> median_overhead() const;

 private:
  /// A job of the search, or the first block, as far as it has come.
  struct Job {
    std::size_t node = 0;
    /// Of the baseline's download and of the candidate's mean; unset: not measured.
    std::optional<double> log_baseline, log_mean;
    std::vector<double> candidate;
    bool is_search = false;
    /// Ended with a value.
    bool counts = false;
    /// Of one that has ended.
    std::optional<double> seconds, overhead;
  };

  Job job_of(const Trial& trial);
  /// Adds what it says, or takes it back.
  void count(const Job& job, int times);
  const Job* find(TrialId trial) const;
  double log_ratio(const Job& job) const;
  /// What all jobs together say, made anew after updates, when it is asked for.
  void fit() const;

  std::string baseline_arm_;
  std::optional<TrialId> first_block_;
  /// By trial; those of other trials are empty.
  std::vector<Job> jobs_;
  std::map<std::string, std::string> kinds_;
  mutable JobBaselines baselines_;
  Noise noise_;
  /// In order.
  std::vector<double> seconds_, overheads_;
  mutable bool is_fitted_ = false;
  mutable std::optional<Best> best_;
};

/// What value() is called where people see it.
inline constexpr std::string_view kRatioName = "avg_download_time/baseline";

/// Of a whole history.
SearchJobs search_jobs(const History& history, std::string baseline_arm);

}  // namespace skipjack::s3tune
