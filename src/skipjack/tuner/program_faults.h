// What tells that something is wrong with the program of the trials, and how a user is told: it
// never reports a metric, its first trials all fail, it begins anew when it is resumed. Private to
// tuner.
#pragma once

#include <optional>
#include <string>

#include "skipjack/backend/backend.h"
#include "skipjack/base/error.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack {

class ProgramFaults {
 public:
  /// options must outlive it.
  explicit ProgramFaults(const TunerOptions& options) : options_(options) {}

  /// Why a trial that ended well is none that counts; empty if it is one.
  std::string missing_metric(const Trial& trial) const;
  /// trial: without the report. Logs, once, that a resumed trial begins anew.
  void notice_restart(const AttemptReport& report, const Trial& trial);

  void failed(TrialId trial);
  void worked() { any_trial_worked_ = true; }
  /// As many trials failed as max_initial_failures allows, and none worked.
  bool is_hopeless() const;
  /// Once is_hopeless().
  Error initial_failures(const History& history) const;

 private:
  const TunerOptions& options_;
  bool told_of_restart_ = false;
  int num_initial_failures_ = 0;
  bool any_trial_worked_ = false;
  std::optional<TrialId> last_failed_;
};

}  // namespace skipjack
