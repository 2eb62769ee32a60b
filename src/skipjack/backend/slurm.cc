// The options: what they may be, and what they become before a backend is made of them.
#include "skipjack/backend/slurm.h"

#include "skipjack/backend/reasons.h"
#include "skipjack/backend/slurm_backend.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;

void require_in(bool good, const std::string& what) {
  if (!good) throw Error(ErrorCode::InvalidArgument, what);
}

void check_intervals(const char* what, Duration shortest, Duration longest) {
  require_in(shortest >= std::chrono::milliseconds(1) && shortest <= longest &&
                 longest <= std::chrono::hours(1),
             std::string("shortest_") + what + " = " + seconds_text(shortest) + " and longest_" +
                 what + " = " + seconds_text(longest) +
                 " must be in [0.001 s, 3600 s], the first no longer than the second");
}

void check_job(const SlurmJob& job) {
  require_in(!job.cpus || (*job.cpus >= 1 && *job.cpus <= 65535),
             "cpus = " + std::to_string(job.cpus.value_or(0)) + " must be in [1, 65535]");
  require_in(
      !job.memory_bytes || (*job.memory_bytes >= 1 && *job.memory_bytes <= (std::int64_t{1} << 60)),
      "memory = " + std::to_string(job.memory_bytes.value_or(0)) + " bytes must be in [1, 2^60]");
  require_in(job.gpus >= 0 && job.gpus <= 1024,
             "gpus = " + std::to_string(job.gpus) + " must be in [0, 1024]");
  require_in(!job.time_limit || (*job.time_limit >= std::chrono::seconds(1) &&
                                 *job.time_limit <= std::chrono::hours(24 * 366)),
             "time_limit = " + seconds_text(job.time_limit.value_or(Duration::zero())) +
                 " must be in [1 s, 1 year]");
}

SlurmOptions resolved(SlurmOptions options) {
  require_in(!options.entry_point.empty(), "entry_point is empty");
  require_in(!options.folder.empty(), "folder is empty");
  require_in(options.capacity >= 1 && options.capacity <= 100000,
             "capacity = " + std::to_string(options.capacity) + " must be in [1, 100000]");
  require_in(options.max_reruns >= 0 && options.max_reruns <= 1000,
             "max_reruns = " + std::to_string(options.max_reruns) + " must be in [0, 1000]");
  require_in(
      options.grace_period >= Duration::zero() && options.grace_period <= std::chrono::hours(1),
      "grace_period = " + seconds_text(options.grace_period) + " must be in [0 s, 3600 s]");
  require_in(
      options.late_output >= Duration::zero() && options.late_output <= std::chrono::hours(1),
      "late_output = " + seconds_text(options.late_output) + " must be in [0 s, 3600 s]");
  require_in(
      options.command_limit >= std::chrono::seconds(1) &&
          options.command_limit <= std::chrono::hours(1),
      "command_limit = " + seconds_text(options.command_limit) + " must be in [1 s, 3600 s]");
  check_intervals("look", options.shortest_look, options.longest_look);
  check_intervals("query", options.shortest_query, options.longest_query);
  check_job(options.job);
  require_in(options.clock != nullptr, "clock is null");
  options.folder = fs::absolute(options.folder).lexically_normal();
  options.working_directory =
      options.working_directory ? fs::absolute(*options.working_directory) : fs::current_path();
  return options;
}

}  // namespace

std::unique_ptr<Backend> make_slurm_backend(SlurmOptions options) {
  return std::make_unique<SlurmBackend>(resolved(std::move(options)));
}

}  // namespace skipjack
