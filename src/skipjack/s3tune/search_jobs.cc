#include "skipjack/s3tune/search_jobs.h"

#include <algorithm>
#include <utility>

#include "skipjack/s3tune/cluster_timings.h"
#include "skipjack/s3tune/job_baselines.h"
#include "skipjack/s3tune/node.h"
#include "skipjack/s3tune/trial_reports.h"

namespace skipjack::s3tune {

void SearchJobs::update(const Trial& trial) {
  SearchJob job;
  if (const auto node = node_of(trial)) {
    job.node = node->name;
    learn_kind(*node, kinds_);
  }
  const std::vector<double> baseline = download_seconds(trial, baseline_arm_);
  if (!baseline.empty()) job.baseline = baseline.front();
  job.is_search = phase_of(trial) == kSearchPhase;
  if (job.is_search) job.candidate = download_seconds(trial, kCandidateArm);
  if (has_ended(trial)) {
    job.counts = has_value(trial) && !trial.bound && !job.candidate.empty() && job.baseline > 0;
    job.seconds = to_seconds(*trial.ended - trial.started);
    job.overhead = overhead_of(trial);
  }
  SearchJob& before = jobs_[trial.id];
  if (job.seconds || job.baseline != before.baseline) estimates_.reset();
  before = std::move(job);
}

const SearchEstimates& SearchJobs::estimates() const {
  if (estimates_) return *estimates_;
  SearchEstimates& all = estimates_.emplace();
  std::vector<TrialId> trials;
  std::vector<JobBaseline> baselines;
  std::vector<double> seconds, overheads;
  for (const auto& [trial, job] : jobs_) {
    if (job.is_search && job.seconds) {
      seconds.push_back(*job.seconds);
      overheads.push_back(*job.overhead);
      if (!job.candidate.empty()) all.noise.add(job.candidate);
    }
    if (job.baseline <= 0) continue;
    const auto kind = kinds_.find(job.node);
    trials.push_back(trial);
    baselines.push_back(
        {kind == kinds_.end() ? std::string() : kind->second, job.node, job.baseline});
  }
  const std::vector<double> expected = expected_baselines(baselines, all.noise);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    all.baselines[trials[i]] = expected[i];
    const SearchJob& job = jobs_.at(trials[i]);
    if (job.counts) all.best_ratio = std::min(all.best_ratio, mean_of(job.candidate) / expected[i]);
  }
  if (!seconds.empty()) {
    all.seconds = median_of(std::move(seconds));
    all.overhead = median_of(std::move(overheads));
  }
  return all;
}

std::optional<double> SearchJobs::baseline(TrialId trial) const {
  const auto found = estimates().baselines.find(trial);
  return found == estimates().baselines.end() ? std::nullopt : std::optional(found->second);
}

std::optional<double> SearchJobs::ratio(TrialId trial) const {
  const auto job = jobs_.find(trial);
  const std::optional<double> expected = baseline(trial);
  if (!expected || job->second.candidate.empty()) return std::nullopt;
  return mean_of(job->second.candidate) / *expected;
}

std::optional<double> SearchJobs::value(TrialId trial) const {
  const auto job = jobs_.find(trial);
  return job != jobs_.end() && job->second.counts ? ratio(trial) : std::nullopt;
}

double SearchJobs::best_ratio() const { return estimates().best_ratio; }

SearchJobs search_jobs(const History& history, std::string baseline_arm) {
  SearchJobs jobs(std::move(baseline_arm));
  std::optional<TrialId> first_block;
  for (const Trial& trial : history.trials()) {
    const bool begins = phase_of(trial) == kBaselinePhase && !first_block;
    if (begins) first_block = trial.id;
    if (begins || phase_of(trial) == kSearchPhase) jobs.update(trial);
  }
  return jobs;
}

}  // namespace skipjack::s3tune
