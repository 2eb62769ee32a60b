// First in, first out: trials run to their end in the order in which they were proposed. The points
// that the user names come first, then the searcher's proposals. It never stops or pauses anything.
#pragma once

#include <memory>
#include <vector>

#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

struct FifoOptions {
  /// Proposes once points_to_evaluate are used up. Must not be null.
  std::unique_ptr<Searcher> searcher;
  /// Complete configurations (SearchSpace::complete), started first and in this order.
  std::vector<Configuration> points_to_evaluate;
};

/// Throws InvalidArgument if there is no searcher.
std::unique_ptr<Scheduler> make_fifo(FifoOptions options);

}  // namespace skipjack
