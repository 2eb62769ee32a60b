#include "skipjack/tuner/program_faults.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace skipjack {
namespace {

/// The last lines of a program's standard error in one line.
std::string last_words(const std::string& text, int max_lines) {
  std::vector<std::string> lines;
  std::string line;
  for (const char c : text + "\n") {
    if (c == '\n') {
      if (!line.empty()) lines.push_back(line);
      line.clear();
    } else if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') {
      line += c;
    }
  }
  std::string joined;
  const auto first = lines.size() - std::min(lines.size(), static_cast<std::size_t>(max_lines));
  for (std::size_t i = first; i < lines.size(); ++i)
    joined += (joined.empty() ? "" : " | ") + lines[i];
  return joined;
}

}  // namespace

std::string ProgramFaults::missing_metric(const Trial& trial) const {
  const std::vector<Report>& reports = trial.reports;
  for (const std::string& name : options_.required_metrics) {
    if (std::any_of(reports.begin(), reports.end(),
                    [&](const Report& report) { return report.metrics.find(name); }))
      continue;
    std::string text = "reported no metric '" + name + "'";
    std::string others;
    if (!reports.empty() && reports.back().metrics.is_object())
      for (const auto& [other, value] : reports.back().metrics.as_object())
        if (!other.starts_with("st_")) others += (others.empty() ? "" : ", ") + other;
    return others.empty() ? text : text + ", only " + others;
  }
  return {};
}

void ProgramFaults::notice_restart(const AttemptReport& report, const Trial& trial) {
  if (told_of_restart_ || options_.resource_attr.empty() || report.id.attempt == 0) return;
  const std::vector<Report>& reports = trial.reports;
  if (reports.empty() || reports.back().attempt == report.id.attempt) return;
  const Json* now = report.metrics.find(options_.resource_attr);
  const Json* before = reports.back().metrics.find(options_.resource_attr);
  if (!now || !before || !now->is_number() || !before->is_number() ||
      now->as_double() >= before->as_double())
    return;
  told_of_restart_ = true;
  log(options_.log, LogLevel::Warning,
      "trial " + std::to_string(report.id.trial) + " was resumed and began anew, at " +
          options_.resource_attr + " " + to_json_text(*now) + " after " + to_json_text(*before) +
          ": a program that writes checkpoints into --st_checkpoint_dir, and goes on from what it "
          "finds there, saves that time");
}

void ProgramFaults::failed(TrialId trial) {
  ++num_initial_failures_;
  last_failed_ = trial;
}

bool ProgramFaults::is_hopeless() const {
  return !any_trial_worked_ && options_.max_initial_failures &&
         num_initial_failures_ >= *options_.max_initial_failures;
}

Error ProgramFaults::initial_failures(const History& history) const {
  const Trial& trial = *history.find(*last_failed_);
  std::string message = "the first " + std::to_string(num_initial_failures_) +
                        " trials of this run all failed; trial " + std::to_string(trial.id) + ": " +
                        (trial.end ? trial.end->reason : "");
  if (const std::string words = trial.end ? last_words(trial.end->error_tail, 3) : "";
      !words.empty())
    message += ": " + words;
  return Error(
      ErrorCode::Exhausted, message,
      "run the program by hand with the configuration of trial " + std::to_string(trial.id));
}

}  // namespace skipjack
