#include "skipjack/study/lease_options.h"

#include <unistd.h>

#include <charconv>

#include "skipjack/backend/slurm_submit.h"

namespace skipjack {
namespace {

std::int64_t number_of(const std::optional<std::string>& text) {
  std::int64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

}  // namespace

LeaseOptions lease_options(
    const std::function<std::optional<std::string>(const char* name)>& environment) {
  LeaseOptions options;
  options.is_over = [](const LeaseJob& job) {
    return is_job_over({.cluster = job.cluster, .number = job.number, .user = job.user});
  };
  const auto cluster = environment("SLURM_CLUSTER_NAME");
  const std::int64_t number = number_of(environment("SLURM_JOB_ID"));
  if (cluster && number > 0 && environment("SLURMD_NODENAME"))
    options.job =
        LeaseJob{.cluster = *cluster,
                 .number = number,
                 .restarts = static_cast<int>(number_of(environment("SLURM_RESTART_COUNT"))),
                 .user = ::geteuid()};
  return options;
}

}  // namespace skipjack
