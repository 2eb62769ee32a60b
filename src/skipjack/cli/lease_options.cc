#include "skipjack/cli/lease_options.h"

#include <charconv>

#include "skipjack/backend/slurm_submit.h"

namespace skipjack::cli {
namespace {

std::int64_t number_of(const std::optional<std::string>& text) {
  std::int64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

}  // namespace

LeaseOptions lease_options(const Context& context) {
  LeaseOptions options;
  options.is_over = [](const LeaseJob& job) { return is_job_over(job.cluster, job.number); };
  const auto cluster = context.environment("SLURM_CLUSTER_NAME");
  const std::int64_t number = number_of(context.environment("SLURM_JOB_ID"));
  if (cluster && number > 0 && context.environment("SLURMD_NODENAME"))
    options.job = LeaseJob{
        .cluster = *cluster,
        .number = number,
        .restarts = static_cast<int>(number_of(context.environment("SLURM_RESTART_COUNT")))};
  return options;
}

}  // namespace skipjack::cli
