// Turns to lines.
#include "skipjack/cli/tuning_progress.h"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/cli/summary.h"
#include "skipjack/s3tune/s3_tuning.h"

namespace skipjack::cli {
namespace {

/// Beyond, the summary's count has to do.
constexpr int kMaxFailuresShown = 3;

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  return std::string(text.substr(text.find_last_of('\n') + 1));
}

}  // namespace

std::string failure_text(const Trial& trial) {
  if (!trial.end) return {};
  const std::string said = last_line(trial.end->error_tail);
  const bool has_failed = trial.status == TrialStatus::Failed;
  return trial.end->reason + (said.empty() || !has_failed ? "" : " (" + said + ")");
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

Duration progress_interval(const Context& context) {
  return context.err_is_terminal ? std::chrono::milliseconds(500) : std::chrono::seconds(5);
}

TuningProgress::TuningProgress(Context& context, const TuningDefinition& definition,
                               std::string greeting)
    : context_(context),
      metrics_(definition.metrics),
      is_of_search_(comparable_trials(definition)),
      metric_(metrics_.at(0)),
      greeting_(std::move(greeting)),
      status_(context) {
  if (!s3tune::is_cluster_tuning(definition)) return;
  jobs_.emplace(s3tune::baseline_arm_of(definition));
  metric_.name = s3tune::kRatioName;
}

void TuningProgress::settle(const Trial& trial, Notes notes) {
  const bool is_of_search = !is_of_search_ || is_of_search_(trial);
  ++(is_of_search ? num_ended_ : num_of_verdict_);
  if (trial.status == TrialStatus::Failed) {
    ++num_failed_;
    if (notes == Notes::Print && trial.end && num_failures_shown_++ < kMaxFailuresShown)
      status_.note("trial " + std::to_string(trial.id) + " failed: " + failure_text(trial));
  }
  if (is_of_search && take_best(trial) && notes == Notes::Print && !context_.err_is_terminal)
    status_.note("trial " + std::to_string(trial.id) + ": " + metric_.name + " = " +
                 short_number(*best_) + ", the best so far");
}

bool TuningProgress::take_best(const Trial& trial) {
  if (jobs_) {
    const auto best = jobs_->best();
    if (best) best_ = best->ratio, best_trial_ = best->trial;
    return best && best->trial == trial.id;
  }
  const std::optional<double> value = measured_value(trial, metric_);
  if (!value || !satisfies_constraints(trial, metrics_)) return false;
  if (best_ && !is_better(*value, *best_, metric_.mode)) return false;
  best_ = value;
  best_trial_ = trial.id;
  return true;
}

void TuningProgress::on_turn(const Turn& turn) {
  if (!greeting_.empty()) status_.note(std::exchange(greeting_, {}));
  const auto& trials = turn.history.trials();
  for (; next_ < static_cast<TrialId>(trials.size()); ++next_) open_.push_back(next_);
  if (jobs_)
    for (const TrialId id : open_) jobs_->update(trials[static_cast<std::size_t>(id)]);
  std::erase_if(open_, [&](TrialId id) {
    const Trial& trial = trials[static_cast<std::size_t>(id)];
    if (trial.status == TrialStatus::Running || trial.status == TrialStatus::Paused) return false;
    settle(trial, has_begun_ ? Notes::Print : Notes::Skip);
    return true;
  });
  has_begun_ = true;
  // What runs has its baseline's time, by which the others' ratios change.
  if (jobs_)
    if (const auto best = jobs_->best()) best_ = best->ratio, best_trial_ = best->trial;
  std::string line =
      std::to_string(num_ended_) + " trials done, " + std::to_string(turn.num_running) + " running";
  if (turn.num_queued > 0) line += ", " + std::to_string(turn.num_queued) + " queued";
  if (num_failed_ > 0) line += ", " + std::to_string(num_failed_) + " failed";
  if (num_of_verdict_ > 0) line += "; verdict: " + std::to_string(num_of_verdict_) + " downloads";
  if (best_)
    line += "; best " + metric_.name + " " + short_number(*best_) + " (trial " +
            std::to_string(best_trial_) + ")";
  line += "; " + format_duration(turn.now);
  if (turn.remaining_time) line += ", " + format_duration(*turn.remaining_time) + " left";
  if (!turn.ending_reason.empty()) line += "; ending: " + turn.ending_reason;
  status_.update(line);
}

}  // namespace skipjack::cli
