#include "skipjack/search/source_table.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <utility>

namespace skipjack {

SourceTable tabulate_sources(const SearchSpace& space, std::span<const SourceExperiment> sources) {
  struct Sum {
    double target = 0;
    int count = 0;
    bool exact = true;
  };
  SourceTable table;
  std::map<std::string, std::size_t> numbers;
  for (const SourceExperiment& source : sources) {
    std::map<std::size_t, Sum> sums;
    for (CarriedObservation& carried : carry_over(space, source)) {
      const auto [at, is_new] =
          numbers.try_emplace(space.key(carried.configuration), table.configurations.size());
      if (is_new) table.configurations.push_back(std::move(carried.configuration));
      Sum& sum = sums[at->second];
      sum.target += carried.target;
      ++sum.count;
      sum.exact = sum.exact && carried.exact;
    }
    std::vector<SourceTable::Entry>& entries = table.sources.emplace_back();
    for (const auto& [configuration, sum] : sums)
      entries.push_back(
          {.configuration = configuration, .target = sum.target / sum.count, .exact = sum.exact});
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto& a, const auto& b) { return a.target < b.target; });
  }
  return table;
}

std::vector<double> shared_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    // Ranks begin + 1 to end.
    const double mean = 0.5 * static_cast<double>(begin + 1 + end);
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = mean;
  }
  return ranks;
}

}  // namespace skipjack
