// How an attempt on Slurm ended, from what its script wrote, what Slurm says of the job, and what
// was asked: a function of values. Private to slurm.
#pragma once

#include <optional>
#include <string>

#include "skipjack/backend/backend.h"
#include "skipjack/backend/local_process.h"
#include "skipjack/backend/slurm_command.h"
#include "skipjack/backend/slurm_script.h"

namespace skipjack {

struct SlurmEvidence {
  ScriptState state;
  /// As last seen; unset if Slurm never showed the job.
  std::optional<JobRow> row;
  /// Slurm wanted to run it once more.
  bool requeued = false;
  std::optional<EndAs> ordered;
  bool reported = false;
  std::optional<Duration> time_limit;
  SilentTrials silent_trials = SilentTrials::Fail;
};

/// Everything but error_tail. Lost where the cluster took the job away, or nobody knows.
AttemptEnd verdict_of(const SlurmEvidence& evidence);

/// The script ran, and could not see or write its files.
bool shows_unshared_folder(const SlurmEvidence& evidence);

}  // namespace skipjack
