// What is said to Slurm's commands and what they answer, as functions of values: arguments of
// sbatch, rows of squeue, the reasons for which sbatch refuses. squeue(1), sbatch(1), "Job state
// codes". Private to slurm.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skipjack/backend/slurm_job.h"
#include "skipjack/base/error.h"
#include "skipjack/trial/event.h"

namespace skipjack {

/// Begins the names of all jobs of one experiment: its name for people and, since experiments in
/// different folders may share it, a hash of where its trials are.
std::string job_name_prefix(std::string_view experiment, std::string_view folder);
/// prefix + "-TRIAL-ATTEMPT".
std::string job_name(const std::string& prefix, AttemptId id);
/// nullopt for a name that is not one of prefix's.
std::optional<AttemptId> attempt_of_name(const std::string& prefix, std::string_view name);

/// What is asked for, in sbatch's words.
std::vector<std::string> resource_arguments(const SlurmJob& job);
/// sbatch for a script, with everything that is asked for and nothing else that the job could wait
/// for: no requeueing, since an attempt is one run.
std::vector<std::string> submit_command(const SlurmJob& job, const std::string& name,
                                        const std::string& comment, const std::string& script);
/// The same, only asking whether it would be taken.
std::vector<std::string> check_command(const SlurmJob& job);
/// All jobs of this user, those that ended lately included, and those in partitions that are
/// hidden.
std::vector<std::string> query_command();

/// "17" or "17;cluster", as sbatch --parsable prints it.
std::optional<std::int64_t> parse_job_number(std::string_view output);

/// Of a setting in what `scontrol show config` prints ("ClusterName", "PrivateData"); nullopt if it
/// is not there.
std::optional<std::string> config_value(std::string_view output, std::string_view setting);

struct JobRow {
  std::int64_t job = 0;
  /// As Slurm names it: "RUNNING", "NODE_FAIL".
  std::string state;
  std::string node;
  std::string reason;
  std::string name;
};
/// Rows that can't be read are left out (elements of job arrays, others' formats).
std::vector<JobRow> parse_rows(std::string_view output);

enum class JobFate {
  Waiting,    ///< has no node yet, or no longer
  Alive,      ///< processes of it may run; also every state that is not known here
  Over,       ///< ended by itself, or by the program's fault
  Cancelled,  ///< somebody cancelled it
  Lost,       ///< the cluster took it away: node failed, pre-empted
};
JobFate fate_of(std::string_view state);
/// For people: "its node failed (NODE_FAIL)".
std::string fate_text(const JobRow& row);

enum class Refusal {
  Passing,    ///< the controller can't be reached or is busy: the job may have been taken all the
              ///< same
  Limit,      ///< not at the moment (too many jobs, partition closed); certainly not taken
  Permanent,  ///< no such partition and so on: it would be refused again
};
Refusal classify_refusal(std::string_view error_output);
/// What check_command also says of a job that would be taken, and wait, while the nodes that fit
/// are down.
bool may_be_of_the_moment(std::string_view error_output);
/// Where what a command complained about says that it knows of no cluster.
std::optional<Error> configuration_error(std::string_view error_output);
/// The last line of what a command complained about, without "sbatch: error: ".
std::string complaint(std::string_view error_output);

}  // namespace skipjack
