#include "skipjack/s3tune/trial_beliefs.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace skipjack::s3tune {
namespace {

/// Running time of the experiment at the middle of the trial.
double middle_of(const Trial& trial) {
  return to_seconds(trial.started + (trial.ended.value_or(trial.started) - trial.started) / 2);
}

}  // namespace

std::optional<TrialCost> cost_of(const Trial& trial) {
  if (!has_value(trial)) return std::nullopt;
  const std::vector<double> downloads = download_seconds(trial);
  double sum = 0;
  for (double s : downloads) sum += s;
  return TrialCost{sum / static_cast<double>(downloads.size()),
                   std::max(0.0, to_seconds(*trial.ended - trial.started) - sum)};
}

DriftModel drift_of(const History& history) {
  // The baseline's arm is the first that the experiment measured.
  std::string_view baseline;
  std::vector<BaselineMeasurement> measurements;
  std::vector<Repeats> repeats;
  for (const Trial& trial : history.trials()) {
    if (!has_value(trial)) continue;
    std::vector<double> downloads = download_seconds(trial);
    if (phase_of(trial) == kSearchPhase) {
      repeats.push_back(std::move(downloads));
    } else if (phase_of(trial) == kBaselinePhase) {
      if (baseline.empty()) baseline = tag_text(trial, "arm");
      if (tag_text(trial, "arm") == baseline)
        measurements.push_back({middle_of(trial), std::move(downloads)});
    }
  }
  return DriftModel(measurements, repeats);
}

TrialBeliefs::TrialBeliefs(const History& history, std::string baseline_arm)
    : baseline_arm_(std::move(baseline_arm)), drift_(drift_of(history)) {
  std::vector<double> baselines, overheads;
  for (const Trial& trial : history.trials()) {
    const bool measures_baseline = is_of_arm(trial, baseline_arm_);
    if (!measures_baseline && phase_of(trial) != kSearchPhase) continue;
    if (const auto cost = cost_of(trial); cost && trial.status == TrialStatus::Completed)
      overheads.push_back(cost->overhead);
    if (measures_baseline && has_value(trial)) {
      for (const double seconds : download_seconds(trial))
        baselines.push_back(seconds / drift_.factor(middle_of(trial)));
    } else if (const auto mean = corrected_mean(trial); mean && (!best_ || *mean < *best_)) {
      best_ = mean;
    }
  }
  if (!overheads.empty()) overhead_ = median_of(std::move(overheads));
  if (!baselines.empty()) baseline_ = mean_of(baselines);
  if (baseline_ && (!best_ || *baseline_ < *best_)) best_ = baseline_;
}

std::optional<double> TrialBeliefs::corrected_mean(const Trial& trial) const {
  if (!has_value(trial)) return std::nullopt;
  return mean_of(download_seconds(trial)) / drift_.factor(middle_of(trial));
}

Belief TrialBeliefs::of(const Trial& trial) const {
  if (is_of_arm(trial, baseline_arm_)) return {.value = baseline_};
  if (const auto value = corrected_mean(trial)) return {.value = value};
  if (trial.status != TrialStatus::Stopped || !best_) return {};
  const double elapsed = to_seconds(*trial.ended - trial.started) - overhead_ - kProcessSlack;
  if (elapsed < kHopeless * *best_) return {};
  return {.bound = elapsed / drift_.factor(middle_of(trial))};
}

}  // namespace skipjack::s3tune
