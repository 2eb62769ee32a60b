#include "skipjack/backend/slurm_submit.h"

#include <unistd.h>

#include "skipjack/backend/slurm_call.h"
#include "skipjack/backend/slurm_command.h"
#include "skipjack/backend/slurm_script.h"
#include "skipjack/base/error.h"
#include "skipjack/base/shell.h"

namespace skipjack {
namespace {

constexpr Duration kCommandLimit = std::chrono::minutes(1);

std::string shell_line(const std::vector<std::string>& command) {
  std::string line = "exec";
  for (const std::string& word : command) line += " " + shell_quoted(word);
  return line + "\n";
}

/// Whether a job that Slurm says it doesn't know can't be one that it doesn't show.
bool shows_jobs_of_others(std::string_view config) {
  const std::optional<std::string> hidden = config_value(config, "PrivateData");
  return hidden && hidden->find("jobs") == std::string::npos &&
         hidden->find("all") == std::string::npos;
}

}  // namespace

std::int64_t submit_program(const SlurmProgram& program) {
  std::vector<std::string> command = {"sbatch",
                                      "--parsable",
                                      "--signal=B:INT@60",
                                      "--open-mode=append",
                                      "--job-name=" + program.name,
                                      "--output=" + program.output.string(),
                                      "--chdir=" + program.working_directory.string()};
  for (std::string& argument : resource_arguments(program.job))
    command.push_back(std::move(argument));
  std::string script;
  if (!program.exists.empty())
    script = "if [ -e " + shell_quoted(program.exists.string()) + " ]; then\n" +
             shell_line(program.command_if_exists) + "fi\n";
  command.push_back("--wrap=" + script + shell_line(program.command));
  const CallResult result = call_slurm(command, kCommandLimit);
  const std::optional<std::int64_t> job = parse_job_number(result.output);
  if (result.succeeded() && job) return *job;
  const std::string why = complaint(result.error_output);
  if (const auto error = configuration_error(result.error_output)) throw Error(*error);
  if (!result.exit_code || classify_refusal(result.error_output) == Refusal::Passing)
    throw Error(ErrorCode::Network, "Slurm's controller can't be reached: " + why,
                "look with 'squeue --me' whether it took the job, before you try again");
  throw Error(ErrorCode::InvalidArgument, "Slurm refuses the job: " + why,
              "'sinfo' shows the partitions and what their nodes have");
}

bool is_job_over(const SlurmJobName& job) {
  try {
    const CallResult asked = call_slurm({"scontrol", "show", "config"}, kCommandLimit);
    if (!asked.succeeded() || config_value(asked.output, "ClusterName") != job.cluster)
      return false;
    const CallResult found = call_slurm({"squeue", "--all", "--noheader", "--states=all",
                                         "--jobs=" + std::to_string(job.number), "--format=%T"},
                                        kCommandLimit);
    const std::string state = found.output.substr(0, found.output.find('\n'));
    if (found.succeeded() && !state.empty()) {
      const JobFate fate = fate_of(state);
      return fate != JobFate::Waiting && fate != JobFate::Alive;
    }
    const bool is_unknown =
        found.succeeded() ||
        (found.exit_code && found.error_output.find("Invalid job id") != std::string::npos);
    return is_unknown && (job.user == static_cast<std::int64_t>(::geteuid()) ||
                          shows_jobs_of_others(asked.output));
  } catch (const Error&) {
    return false;  // no Slurm here: nobody can tell
  }
}

}  // namespace skipjack
