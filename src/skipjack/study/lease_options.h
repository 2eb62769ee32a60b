// How experiments are leased where Slurm runs: by the job that this process belongs to, if it does,
// and with Slurm asked whether another's is over.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "skipjack/journal/lease.h"

namespace skipjack {

/// SLURM_JOB_ID and its relatives, of processes that Slurm itself started on a node: what runs in a
/// shell of salloc lives on when its job is over.
LeaseOptions lease_options(
    const std::function<std::optional<std::string>(const char* name)>& environment);

}  // namespace skipjack
