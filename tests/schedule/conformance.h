// What every scheduler promises. A test names a factory; the suite drives it against a small
// simulated world, records the events, and replays them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "skipjack/schedule/scheduler.h"

namespace skipjack::testing {

struct SchedulerCase {
  std::string name;
  std::function<std::unique_ptr<Scheduler>()> make;
};

inline void PrintTo(const SchedulerCase& c, std::ostream* out) { *out << c.name; }

}  // namespace skipjack::testing
