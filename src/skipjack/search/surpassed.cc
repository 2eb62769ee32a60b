#include "skipjack/search/surpassed.h"

#include <algorithm>

namespace skipjack {

std::vector<bool> surpassed_bounds(const std::vector<GivenAtPoint>& trials) {
  std::vector<Gave> later(trials.size(), Gave::Nothing);
  // Newest first, so that each hears of all that follow.
  for (std::size_t i = trials.size(); i-- > 0;)
    if (const auto& before = trials[i].before) later[*before] = std::max(trials[i].gave, later[i]);
  std::vector<bool> result(trials.size(), false), measured(trials.size(), false);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const auto& [gave, before] = trials[i];
    measured[i] = gave == Gave::Value || (before && measured[*before]);
    result[i] = gave == Gave::Bound && (later[i] != Gave::Nothing || measured[i]);
  }
  return result;
}

}  // namespace skipjack
