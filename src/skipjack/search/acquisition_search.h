// The frame of searchers that fit processes anew for each suggestion and take the point of the
// largest acquisition: where they start, which points they look at, what they may not propose. What
// differs between them is the acquisition.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/search/candidates.h"
#include "skipjack/search/searcher.h"
#include "skipjack/search/surrogate.h"

namespace skipjack {

struct AcquisitionQuestion {
  const UnitSpace& space;
  const History& history;
  /// At least three values that are no bounds; with the metrics beside, in the order of the
  /// options.
  const Observations& seen;
  const SuggestContext& context;
  /// Acquisition::fitted of an earlier one, as the journal has it: any JSON, null if there is none.
  const Json& previous;
  /// Compare: score() was asked, for configurations that may be measured, at context.resource.
  ScoreUse use = ScoreUse::Propose;
};

struct Acquisition {
  /// Of points; larger is better.
  ScoreFunction score;
  /// Around which it is worth looking closer.
  std::vector<UnitPoint> good;
  /// What was fitted, for the journal.
  Json fitted = {};
  /// Rows of the processes behind it: what a score costs. Unset: the values seen.
  std::optional<std::size_t> num_rows = std::nullopt;
};

struct AcquisitionSearchOptions {
  SearchSpace space;
  /// What a trial must have reported to count as measured: the first, and those beside it.
  Metric metric;
  std::vector<Metric> beside = {};
  std::uint64_t seed = 0;
  /// Trials, points_to_evaluate included, before the first that a model proposes: Sobol points;
  /// >= 1. Unset: max(5, d + 1).
  std::optional<std::int64_t> num_initial = std::nullopt;
  /// Must believe the pending trials of what was seen. nullopt: there is too little to go by yet.
  std::function<std::optional<Acquisition>(const AcquisitionQuestion&)> make;
};

/// No configuration is proposed twice: Exhausted when all were. Throws InvalidArgument for
/// num_initial out of range.
std::unique_ptr<Searcher> make_acquisition_search(AcquisitionSearchOptions options);

}  // namespace skipjack
