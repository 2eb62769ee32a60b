// Any program as a job of a Slurm cluster, on its own: for a tuner that can't stay on a login node.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/backend/slurm_job.h"

namespace skipjack {

struct SlurmProgram {
  /// The job's name.
  std::string name;
  std::vector<std::string> command;
  /// Runs in command's place when Slurm starts the job anew (a node failed, it was pre-empted) and
  /// this path exists.
  std::filesystem::path exists;
  std::vector<std::string> command_if_exists;
  std::filesystem::path working_directory;
  /// Gets what it prints.
  std::filesystem::path output;
  SlurmJob job;
};

/// The job's number. Throws InvalidArgument with Slurm's words if it is refused, NotFound where
/// Slurm's commands are not, Network if the controller can't be reached. The program gets SIGINT a
/// minute before its time is over.
std::int64_t submit_program(const SlurmProgram& program);

struct SlurmJobName {
  std::string cluster;
  std::int64_t number = 0;
  /// Number of the user whose job it is; unset: not known.
  std::optional<std::int64_t> user = {};
};
/// Whether no process of a job runs any more, and none will: it has ended, or Slurm does not know
/// it (any more). Where Slurm shows nobody the jobs of others (PrivateData), the latter is believed
/// of a job of this user's only. False where its controller doesn't answer, and for a job of
/// another cluster than the one that this host asks. Throws nothing.
bool is_job_over(const SlurmJobName& job);

}  // namespace skipjack
