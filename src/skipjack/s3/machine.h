// What this machine has.
#pragma once

#include "skipjack/s3/plan.h"

namespace skipjack::s3 {

PlanLimits machine_limits();

}  // namespace skipjack::s3
