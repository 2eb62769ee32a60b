#include "skipjack/backend/processors.h"

#include <sched.h>

#include <thread>

namespace skipjack {

std::vector<int> unusable_processors(const std::vector<int>& cpus) {
  std::vector<int> unusable;
  // Tried rather than looked up: this thread's own binding may be narrower than what is allowed.
  // In a thread of its own, which takes the binding along when it ends.
  std::thread([&] {
    for (const int cpu : cpus) {
      cpu_set_t alone;
      CPU_ZERO(&alone);
      if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<unsigned>(cpu), &alone);
      if (::sched_setaffinity(0, sizeof alone, &alone) != 0) unusable.push_back(cpu);
    }
  }).join();
  return unusable;
}

}  // namespace skipjack
