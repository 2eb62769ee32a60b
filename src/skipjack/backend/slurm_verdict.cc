#include "skipjack/backend/slurm_verdict.h"

#include "skipjack/backend/reasons.h"

namespace skipjack {
namespace {

constexpr int kShellSignalBase = 128;
constexpr int kLastSignal = 64;

AttemptEnd ended(Outcome outcome, std::string reason) {
  return {.outcome = outcome,
          .exit_code = {},
          .signal = {},
          .reason = std::move(reason),
          .error_tail = {}};
}

/// The program's own end.
AttemptEnd own_end(const SlurmEvidence& evidence, const ScriptEnd& end) {
  if (end.status > kShellSignalBase && end.status <= kShellSignalBase + kLastSignal) {
    AttemptEnd result =
        ended(Outcome::Failed, "killed by signal " + std::to_string(end.status - kShellSignalBase));
    result.signal = end.status - kShellSignalBase;
    return result;
  }
  AttemptEnd result = ended(Outcome::Completed, "");
  if (end.status != 0)
    result = ended(Outcome::Failed, "exit code " + std::to_string(end.status));
  else if (!evidence.reported && evidence.silent_trials == SilentTrials::Fail)
    result = ended(Outcome::Failed, kNoMetricReason);
  result.exit_code = end.status;
  return result;
}

/// Without the program's own words, or against its will.
AttemptEnd slurms_end(const SlurmEvidence& evidence) {
  if (!evidence.row) return ended(Outcome::Lost, "its job is unknown to Slurm");
  const JobRow& row = *evidence.row;
  if (evidence.requeued)
    return ended(Outcome::Lost, "job " + std::to_string(row.job) + " was requeued");
  switch (fate_of(row.state)) {
    case JobFate::Waiting:
    case JobFate::Alive:
      break;
    case JobFate::Over:
      if (row.state == "COMPLETED" || row.state == "FAILED")
        return ended(Outcome::Failed, fate_text(row) + " and left no word of its end");
      return ended(Outcome::Failed, fate_text(row));
    case JobFate::Cancelled:
      return ended(Outcome::Failed, fate_text(row));
    case JobFate::Lost:
      return ended(Outcome::Lost, fate_text(row));
  }
  return ended(Outcome::Lost, "job " + std::to_string(row.job) + " is gone from Slurm");
}

}  // namespace

bool shows_unshared_folder(const SlurmEvidence& evidence) {
  return !evidence.state.began && !evidence.ordered && evidence.row &&
         (evidence.row->state == "FAILED" || evidence.row->state == "COMPLETED");
}

AttemptEnd verdict_of(const SlurmEvidence& evidence) {
  const std::optional<ScriptEnd>& end = evidence.state.end;
  const bool reached_own_end = end && end->cause == ScriptCause::Exited;
  if (evidence.ordered && !reached_own_end) {
    const bool killed = end && end->status == kShellSignalBase + 9;
    return ended(*evidence.ordered == EndAs::Paused ? Outcome::Paused : Outcome::Stopped,
                 killed ? "killed after the grace period" : "");
  }
  if (reached_own_end) return own_end(evidence, *end);
  if (end && end->cause == ScriptCause::TimeLimit)
    return ended(Outcome::Failed, evidence.time_limit ? time_limit_reason(*evidence.time_limit)
                                                      : "reached its time limit");
  if (end && end->cause == ScriptCause::Asked)
    return ended(Outcome::Failed, "was asked to end from outside");
  return slurms_end(evidence);
}

}  // namespace skipjack
