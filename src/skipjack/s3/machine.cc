#include "skipjack/s3/machine.h"

#include <unistd.h>

namespace skipjack::s3 {

PlanLimits machine_limits() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGE_SIZE);
  if (pages <= 0 || page <= 0) return {};
  return {.memory_bytes = static_cast<std::int64_t>(pages) * page};
}

}  // namespace skipjack::s3
