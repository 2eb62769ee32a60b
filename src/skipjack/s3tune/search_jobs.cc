#include "skipjack/s3tune/search_jobs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "skipjack/s3tune/cluster_timings.h"
#include "skipjack/s3tune/node.h"
#include "skipjack/s3tune/trial_reports.h"

namespace skipjack::s3tune {

namespace {

/// Adds the value to those in order, or takes it away from them.
void change(std::vector<double>& in_order, double value, int times) {
  const auto at = std::lower_bound(in_order.begin(), in_order.end(), value);
  if (times > 0)
    in_order.insert(at, value);
  else
    in_order.erase(at);
}

std::optional<double> middle_of(const std::vector<double>& in_order) {
  if (in_order.empty()) return std::nullopt;
  return in_order[in_order.size() / 2];
}

}  // namespace

SearchJobs::Job SearchJobs::job_of(const Trial& trial) {
  Job job;
  std::string name;
  if (const auto node = node_of(trial)) {
    name = node->name;
    if (learn_kind(*node, kinds_)) is_fitted_ = false;
  }
  job.node = baselines_.node(name);
  const std::vector<double> baseline = download_seconds(trial, baseline_arm_);
  if (!baseline.empty()) job.log_baseline = std::log(baseline.front());
  job.is_search = phase_of(trial) == kSearchPhase;
  if (job.is_search) job.candidate = download_seconds(trial, kCandidateArm);
  if (!job.candidate.empty()) job.log_mean = std::log(mean_of(job.candidate));
  if (has_ended(trial)) {
    job.counts = has_value(trial) && !trial.bound && !job.candidate.empty() && job.log_baseline;
    job.seconds = to_seconds(*trial.ended - trial.started);
    job.overhead = overhead_of(trial);
  }
  return job;
}

void SearchJobs::update(const Trial& trial) {
  if (!first_block_ && phase_of(trial) == kBaselinePhase) first_block_ = trial.id;
  if (phase_of(trial) != kSearchPhase && first_block_ != trial.id) return;
  const auto index = static_cast<std::size_t>(trial.id);
  if (jobs_.size() <= index) jobs_.resize(index + 1);
  const Job before = std::exchange(jobs_[index], job_of(trial));
  const Job& job = jobs_[index];
  if (!job.seconds && !before.seconds && job.log_baseline == before.log_baseline &&
      job.node == before.node)
    return;
  count(before, -1);
  count(job, +1);
  is_fitted_ = false;
}

void SearchJobs::count(const Job& job, int times) {
  if (job.log_baseline && times > 0) baselines_.add(job.node, *job.log_baseline);
  if (job.log_baseline && times < 0) baselines_.remove(job.node, *job.log_baseline);
  if (!job.is_search || !job.seconds) return;
  Noise own;
  if (!job.candidate.empty()) own.add(job.candidate);
  noise_.squares = std::max(0.0, noise_.squares + times * own.squares);
  noise_.degrees += times * own.degrees;
  change(seconds_, *job.seconds, times);
  change(overheads_, *job.overhead, times);
}

void SearchJobs::fit() const {
  if (is_fitted_) return;
  baselines_.fit(kinds_, noise_);
  best_.reset();
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    if (!jobs_[i].counts) continue;
    const double ratio = log_ratio(jobs_[i]);
    if (!best_ || ratio < best_->ratio) best_ = Best{static_cast<TrialId>(i), ratio};
  }
  if (best_) best_->ratio = std::exp(best_->ratio);
  is_fitted_ = true;
}

const SearchJobs::Job* SearchJobs::find(TrialId trial) const {
  const auto index = static_cast<std::size_t>(trial);
  return trial >= 0 && index < jobs_.size() ? &jobs_[index] : nullptr;
}

double SearchJobs::log_ratio(const Job& job) const {
  return *job.log_mean - baselines_.expected(job.node, *job.log_baseline);
}

std::optional<double> SearchJobs::baseline(TrialId trial) const {
  fit();
  const Job* job = find(trial);
  if (!job || !job->log_baseline) return std::nullopt;
  return std::exp(baselines_.expected(job->node, *job->log_baseline));
}

std::optional<double> SearchJobs::ratio(TrialId trial) const {
  fit();
  const Job* job = find(trial);
  if (!job || !job->log_baseline || !job->log_mean) return std::nullopt;
  return std::exp(log_ratio(*job));
}

std::optional<double> SearchJobs::value(TrialId trial) const {
  const Job* job = find(trial);
  return job && job->counts ? ratio(trial) : std::nullopt;
}

std::optional<SearchJobs::Best> SearchJobs::best() const {
  fit();
  return best_;
}

double SearchJobs::best_ratio() const {
  const std::optional<Best> found = best();
  return found ? std::min(found->ratio, 1.0) : 1.0;
}

std::optional<double> SearchJobs::median_seconds() const { return middle_of(seconds_); }

std::optional<double> SearchJobs::median_overhead() const { return middle_of(overheads_); }

SearchJobs search_jobs(const History& history, std::string baseline_arm) {
  SearchJobs jobs(std::move(baseline_arm));
  for (const Trial& trial : history.trials()) jobs.update(trial);
  return jobs;
}

}  // namespace skipjack::s3tune
