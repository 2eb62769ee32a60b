#include "skipjack/s3tune/trial_reports.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "skipjack/s3tune/steps.h"

namespace skipjack::s3tune {

Metric download_time_metric() {
  return {.name = std::string(kMeanDownloadTime), .mode = Mode::Min, .kind = MetricKind::Time};
}

std::string_view phase_of(const Trial& trial) { return tag_text(trial, "phase"); }

std::string_view tag_text(const Trial& trial, std::string_view key) {
  const Json* value = trial.tag.find(key);
  return value && value->is_string() ? std::string_view(value->as_string()) : std::string_view();
}

bool is_of_arm(const Trial& trial, std::string_view arm) {
  return phase_of(trial) == kBaselinePhase && tag_text(trial, "arm") == arm;
}

std::optional<double> download_seconds(const Report& report) {
  const Json* value = report.metrics.find(kDownloadTime);
  if (!value || !value->is_number()) return std::nullopt;
  const double seconds = value->as_double();
  return std::isfinite(seconds) && seconds > 0 ? std::optional(seconds) : std::nullopt;
}

std::vector<double> download_seconds(const Trial& trial) {
  std::vector<double> seconds;
  for (const Report& report : trial.reports)
    if (const auto s = download_seconds(report)) seconds.push_back(*s);
  return seconds;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

bool has_ended(const Trial& trial) { return trial.status != TrialStatus::Running && trial.ended; }

bool has_value(const Trial& trial) {
  return has_ended(trial) && trial.status != TrialStatus::Failed &&
         !download_seconds(trial).empty();
}

void ObjectWatch::take(TrialId trial, const Json& metrics) {
  ObjectState found = first_;
  if (const Json* bytes = metrics.find(kBytes); bytes && bytes->is_int())
    found.size = bytes->as_int();
  if (const Json* etag = metrics.find(kEtag);
      etag && etag->is_string() && !first_.etag.empty() && !etag->as_string().empty())
    found.etag = etag->as_string();
  if (!changed_ && (found.size != first_.size || found.etag != first_.etag)) changed_ = found;

  const Json* content = metrics.find(kContent);
  if (conflict_ || !content || !content->is_string()) return;
  const Json* step = metrics.find(kArm);
  std::string arm = step && step->is_string() ? step->as_string() : std::string();
  if (!told_) {
    told_ = ContentConflict{.first = trial, .first_arm = std::move(arm)};
    content_ = content->as_string();
  } else if (content->as_string() != content_) {
    conflict_ = told_;
    conflict_->other = trial;
    conflict_->other_arm = std::move(arm);
  }
}

std::optional<ObjectState> changed_object(const History& history, const ObjectState& first) {
  ObjectWatch watch(first);
  for (const Trial& trial : history.trials())
    for (const Report& report : trial.reports) watch.take(trial.id, report.metrics);
  return watch.changed();
}

std::optional<ContentConflict> content_conflict(const History& history) {
  ObjectWatch watch({});
  for (const Trial& trial : history.trials())
    for (const Report& report : trial.reports) watch.take(trial.id, report.metrics);
  return watch.conflict();
}

}  // namespace skipjack::s3tune
