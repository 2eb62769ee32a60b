// Local search: a few points spread over the space, then neighbours of the best of them, the first
// better one taken; when nothing near is better, again from other points. No model, so nothing can
// mislead it but noise: a lucky value is not left before its neighbours are tried.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "skipjack/search/random.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

struct LocalSearchOptions {
  SearchSpace space;
  /// The one metric to optimise.
  Metric metric = {};
  std::uint64_t seed = 0;
  /// Trials from which the best is where a climb starts; >= 1. Unset: max(5, d + 1). More start
  /// higher and leave less for the climb.
  std::optional<std::int64_t> num_starts = std::nullopt;
  /// Trials in a row without a better value that end a climb; >= 1. Unset: as many as the climb's
  /// best point has neighbours. Fewer restart sooner.
  std::optional<std::int64_t> patience = std::nullopt;
  /// Allow: a measured configuration may be proposed again, a failed or running one never.
  Duplicates duplicates = Duplicates::Avoid;
};

/// Throws InvalidArgument for options out of range. Exhausted as in random search, which takes over
/// where no neighbour may be proposed.
std::unique_ptr<Searcher> make_local_search(LocalSearchOptions options);

}  // namespace skipjack
