// The processors of this machine, by number, as taskset(1) and /proc number them.
#pragma once

#include <vector>

namespace skipjack {

/// Those of the processors that no thread of this process can be bound to: they don't exist, or a
/// container or job manager withholds them. The caller's own binding stays as it is.
std::vector<int> unusable_processors(const std::vector<int>& cpus);

}  // namespace skipjack
