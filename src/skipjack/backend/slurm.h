// Trials as jobs of a Slurm cluster. Each attempt is one batch job whose script runs the program on
// a node; what it prints goes to the trial's folder, on a file system that this host and the nodes
// share under the same path, and is read there as it grows. Jobs outlive the tuner: a tuner that
// was killed adopts them when it is resumed.
//
// The program runs under Slurm's own process tracking, in the batch step: a node needs bash and the
// shared folder and nothing of ours, no further step loads the controller, and what Slurm does to a
// job (limits, pre-emption, clean-up) reaches all of it. A program of several tasks starts them
// with srun itself (command_prefix).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/backend/local_process.h"
#include "skipjack/backend/slurm_job.h"
#include "skipjack/base/clock.h"
#include "skipjack/base/log.h"
#include "skipjack/wire/arguments.h"

namespace skipjack {

struct SlurmOptions {
  /// As in LocalProcessOptions. The paths must mean the same on the nodes; folder must be on a file
  /// system that they share with this host. A trial's folder holds attempt-N.out and attempt-N.err
  /// in place of std.out and std.err.
  std::filesystem::path entry_point;
  std::vector<std::string> interpreter = {"python3"};
  std::vector<std::string> command_prefix;
  std::filesystem::path folder;
  std::optional<std::filesystem::path> working_directory;
  ArgumentStyle arguments = AsArguments{};
  std::string max_resource_attr;
  SilentTrials silent_trials = SilentTrials::Fail;
  /// Set for the programs, beyond this process's environment, which sbatch passes on.
  std::vector<std::pair<std::string, std::string>> environment;
  /// Between TERM and KILL. Range [0, 1 h]. Where Slurm ends the job by itself, or it is cancelled
  /// before it was seen to run, the cluster's KillWait holds instead.
  Duration grace_period = std::chrono::seconds(5);

  /// Of each attempt.
  SlurmJob job;
  /// In the jobs' names, for people; the experiment's name.
  std::string experiment = "tuning";
  /// Jobs at the same time, waiting ones included. Range [1, 100000].
  int capacity = 1;
  /// How often a trial may lose its job to the cluster (node failed, pre-empted) and be run again
  /// as its next attempt, before it counts as failed. Counted anew by each run of the tuner. Range
  /// [0, 1000]; default 3, so that a program that brings its nodes down doesn't do so for ever.
  int max_reruns = 3;

  /// Bounds of the time between two looks at a trial's files: the shortest after news, then longer
  /// by half each time. Range [1 ms, 1 h], shortest <= longest. Default 0.1 s to 2 s: a report is
  /// seen in less than the longest.
  Duration shortest_look = std::chrono::milliseconds(100), longest_look = std::chrono::seconds(2);
  /// Bounds of the time between two questions to the controller, one for all jobs: the shortest
  /// while something is expected of it, then longer likewise. Range as above. Default 1 s to 30 s.
  Duration shortest_query = std::chrono::seconds(1), longest_query = std::chrono::seconds(30);
  /// How long after a job's end its last lines may take to arrive. Range [0, 1 h]; default 5 s: a
  /// process that is gone has closed its files, and NFS shows what was written before a close.
  Duration late_output = std::chrono::seconds(5);
  /// Of one command of Slurm's. Range [1 s, 1 h]; default 60 s.
  Duration command_limit = std::chrono::seconds(60);

  /// Stamps events; must outlive the backend.
  const Clock* clock = &system_clock();
  LogSink log;
};

/// Throws InvalidArgument for options out of range and, with Slurm's words, for a job that the
/// cluster would not take; NotFound where Slurm's commands are not; Network if its controller can't
/// be reached.
///
/// Beyond Backend's contract: start() only queues a job, and throws Exhausted and InvalidArgument
/// as the local backend does; a refusal that would hold for every trial is thrown by wait(), as is
/// the finding that the nodes don't see the folder. A controller that doesn't answer, or takes no
/// further job for now, is waited for. An attempt whose job the cluster took away is Lost, so that
/// the tuner runs it again. reconcile() also adopts attempts that have ended meanwhile, and cancels
/// every other job of this experiment. Destroying the backend takes up to grace_period + 20 s.
std::unique_ptr<Backend> make_slurm_backend(SlurmOptions options);

}  // namespace skipjack
