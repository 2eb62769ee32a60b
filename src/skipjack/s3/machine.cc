#include "skipjack/s3/machine.h"

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace skipjack::s3 {

PlanLimits machine_limits() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGE_SIZE);
  if (pages <= 0 || page <= 0) return {};
  return {.memory_bytes = static_cast<std::int64_t>(pages) * page};
}

bool keeps_free_memory(const std::filesystem::path& reporting_order) {
  // A power of two. Where nothing is given back it is one that no pages come in: 11, by Linux 5.14
  // to 6.1, and by later ones the largest number that there is.
  constexpr std::uint64_t kLargestOrder = 10;
  std::uint64_t order = 0;
  return !(std::ifstream(reporting_order) >> order) || order > kLargestOrder;
}

}  // namespace skipjack::s3
