// What this machine has.
#pragma once

#include <filesystem>

#include "skipjack/s3/plan.h"

namespace skipjack::s3 {

PlanLimits machine_limits();

/// False in a virtual machine that gives its free memory back to its host (Linux's free page
/// reporting): fresh huge pages have to be fetched from there, small ones mostly not.
/// reporting_order: where the kernel says from how many pages on it does, if at all.
bool keeps_free_memory(const std::filesystem::path& reporting_order =
                           "/sys/module/page_reporting/parameters/page_reporting_order");

}  // namespace skipjack::s3
