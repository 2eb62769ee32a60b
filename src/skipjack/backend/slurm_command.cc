#include "skipjack/backend/slurm_command.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>

namespace skipjack {
namespace {

constexpr std::string_view kQueryFormat = "%A|%T|%N|%r|%j";

/// FNV-1a: a name's last part, no secret.
std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

template <class Number>
bool take_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

/// Takes the text before the separator off the front; all of it if there is none.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return part;
}

template <std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool has_any(std::string_view text, std::span<const std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != text.npos; });
}
bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return has_any(text, std::span(parts.begin(), parts.size()));
}

/// Where slurm.conf is missing or broken, and no server tells of one.
constexpr std::array<std::string_view, 3> kNoConfiguration = {
    "s_p_parse_file: cannot stat file", "Unable to process configuration file",
    "establish a configuration source"};

/// Whether a command found no cluster to ask. One that was refused did, however long it looked.
bool is_without_cluster(std::string_view error_output) {
  return has_any(error_output, kNoConfiguration) &&
         !has_any(error_output, {"job submission failed", "allocation failure"});
}

/// A complaint without who made it.
std::string_view without_names(std::string_view line) {
  for (const std::string_view prefix : {"sbatch: ", "squeue: ", "scancel: ", "error: ", "fatal: "})
    if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
  return line;
}

}  // namespace

std::string job_name_prefix(std::string_view experiment, std::string_view folder) {
  constexpr std::size_t kMostOfName = 63;
  std::string name = "skipjack-";
  for (const char c : experiment.substr(0, kMostOfName)) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += fits ? c : '-';
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  name += '-';
  for (int shift = 28; shift >= 0; shift -= 4) name += kDigits[(hash_of(folder) >> shift) & 0xf];
  return name;
}

std::string job_name(const std::string& prefix, AttemptId id) {
  return prefix + "-" + std::to_string(id.trial) + "-" + std::to_string(id.attempt);
}

std::optional<AttemptId> attempt_of_name(const std::string& prefix, std::string_view name) {
  if (!name.starts_with(prefix) || name.size() == prefix.size() || name[prefix.size()] != '-')
    return std::nullopt;
  name.remove_prefix(prefix.size() + 1);
  AttemptId id;
  const std::string_view trial = take_until(name, '-');
  if (!take_number(trial, id.trial) || !take_number(name, id.attempt)) return std::nullopt;
  return id;
}

std::vector<std::string> resource_arguments(const SlurmJob& job) {
  std::vector<std::string> arguments = {"--ntasks=1"};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) arguments.push_back(std::string(name) + "=" + value);
  };
  add("--partition", job.partition);
  add("--account", job.account);
  add("--constraint", job.constraint);
  if (job.cpus) add("--cpus-per-task", std::to_string(*job.cpus));
  if (job.memory_bytes)
    add("--mem", std::to_string((*job.memory_bytes + (1 << 20) - 1) >> 20) + "M");
  if (job.gpus > 0) add("--gres", "gpu:" + std::to_string(job.gpus));
  if (job.time_limit)
    add("--time", std::to_string(std::chrono::ceil<std::chrono::minutes>(*job.time_limit).count()));
  arguments.insert(arguments.end(), job.extra.begin(), job.extra.end());
  return arguments;
}

std::vector<std::string> submit_command(const SlurmJob& job, const std::string& name,
                                        const std::string& comment, const std::string& script) {
  std::vector<std::string> command = {"sbatch", "--no-requeue"};
  const std::vector<std::string> arguments = resource_arguments(job);
  command.insert(command.end(), arguments.begin(), arguments.end());
  // Last, so that no further option makes of the job one that is not found again. The script writes
  // its files itself: a log of Slurm's own on a folder that a node doesn't see would fail the job
  // before it can say so.
  command.insert(command.end(), {"--parsable", "--job-name=" + name, "--comment=" + comment,
                                 "--output=/dev/null", "--error=/dev/null", "--chdir=/", script});
  return command;
}

std::vector<std::string> check_command(const SlurmJob& job) {
  std::vector<std::string> command = {"sbatch", "--test-only", "--chdir=/"};
  const std::vector<std::string> arguments = resource_arguments(job);
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.emplace_back("--wrap=true");
  return command;
}

std::vector<std::string> query_command() {
  return {"squeue",     "--me",         "--all",
          "--noheader", "--states=all", "--format=" + std::string(kQueryFormat)};
}

std::optional<std::int64_t> parse_job_number(std::string_view output) {
  // What a site's plugins print comes before.
  while (!output.empty() && (output.back() == '\n' || output.back() == '\r'))
    output.remove_suffix(1);
  if (const std::size_t line = output.rfind('\n'); line != output.npos)
    output.remove_prefix(line + 1);
  std::int64_t number = 0;
  if (!take_number(take_until(output, ';'), number) || number == 0) return std::nullopt;
  return number;
}

std::optional<std::string> config_value(std::string_view output, std::string_view setting) {
  while (!output.empty()) {
    std::string_view line = take_until(output, '\n');
    std::string_view name = take_until(line, '=');
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name != setting) continue;
    while (line.starts_with(' ')) line.remove_prefix(1);
    return std::string(line);
  }
  return std::nullopt;
}

std::vector<JobRow> parse_rows(std::string_view output) {
  std::vector<JobRow> rows;
  while (!output.empty()) {
    std::string_view line = take_until(output, '\n');
    JobRow row;
    if (!take_number(take_until(line, '|'), row.job)) continue;
    row.state = take_until(line, '|');
    row.node = take_until(line, '|');
    row.reason = take_until(line, '|');
    row.name = line;
    if (!row.state.empty() && !row.name.empty()) rows.push_back(std::move(row));
  }
  return rows;
}

JobFate fate_of(std::string_view state) {
  static constexpr std::array<std::string_view, 6> kWaiting = {
      "PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"};
  static constexpr std::array<std::string_view, 5> kOver = {"COMPLETED", "FAILED", "TIMEOUT",
                                                            "OUT_OF_MEMORY", "DEADLINE"};
  static constexpr std::array<std::string_view, 4> kLost = {"NODE_FAIL", "BOOT_FAIL", "PREEMPTED",
                                                            "REVOKED"};
  if (is_one_of(kWaiting, state)) return JobFate::Waiting;
  if (is_one_of(kOver, state)) return JobFate::Over;
  if (is_one_of(kLost, state)) return JobFate::Lost;
  if (state == "CANCELLED") return JobFate::Cancelled;
  return JobFate::Alive;
}

std::string fate_text(const JobRow& row) {
  const std::string job = "job " + std::to_string(row.job);
  const std::string where = row.node.empty() ? "" : " on node " + row.node;
  std::string text;
  if (row.state == "NODE_FAIL")
    text = "the node of " + job + " failed";
  else if (row.state == "PREEMPTED")
    text = job + " was pre-empted";
  else if (row.state == "CANCELLED")
    text = job + " was cancelled from outside";
  else if (row.state == "TIMEOUT")
    text = job + " reached Slurm's time limit";
  else if (row.state == "OUT_OF_MEMORY")
    text = job + " ran out of memory";
  else
    text = job + " ended as " + row.state;
  if (!row.reason.empty() && row.reason != "None" && row.reason != "NonZeroExitCode")
    text += " (" + row.reason + ")";
  return text + where;
}

Refusal classify_refusal(std::string_view error_output) {
  // What --test-only says of a controller that has as many jobs as it takes (MaxJobCount).
  if (error_output.find("allocation failure: Resource temporarily unavailable") !=
      error_output.npos)
    return Refusal::Limit;
  if (has_any(
          error_output,
          {"Unable to contact slurm controller", "Socket timed out", "Zero Bytes were transmitted",
           "Connection refused", "Connection timed out", "Connection reset", "standby mode",
           "Unexpected message received", "Resource temporarily unavailable", "Transport endpoint",
           "Message receive failure", "temporarily unable to accept job", "still attempting"}))
    return Refusal::Passing;
  if (has_any(error_output, {"SubmitLimit", "submit limit", "violates accounting/QOS policy",
                             "Job limit", "too many jobs", "Required partition not available",
                             "partition configuration not available now", "MaxJobCount"}))
    return Refusal::Limit;
  // A slurm.conf on a file server that is away for a moment, for one who has submitted before.
  return is_without_cluster(error_output) ? Refusal::Passing : Refusal::Permanent;
}

bool may_be_of_the_moment(std::string_view error_output) {
  return has_any(error_output, {"Requested node configuration is not available"});
}

std::optional<Error> configuration_error(std::string_view error_output) {
  if (!is_without_cluster(error_output)) return std::nullopt;
  std::string_view line;
  while (!has_any(line, kNoConfiguration)) line = take_until(error_output, '\n');
  return Error(ErrorCode::NotFound,
               "Slurm's commands find no cluster on this host: " + std::string(without_names(line)),
               "set SLURM_CONF to the path of the cluster's slurm.conf, or run this where 'sinfo' "
               "works, such as on a login node");
}

std::string complaint(std::string_view error_output) {
  std::string last;
  while (!error_output.empty()) {
    const std::string_view line = without_names(take_until(error_output, '\n'));
    if (!line.empty() && !line.starts_with("Try \"")) last = line;
  }
  return last;
}

}  // namespace skipjack
