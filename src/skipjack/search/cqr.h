// CQR: Thompson sampling on conformalised quantiles [Salinas2023]. Boosted trees model five
// quantiles of the metric, a correction makes their bands hold on observations set aside, and each
// candidate's value is drawn from its quantiles; the one that draws the best is tried next. No
// assumption on the noise: it may differ from place to place and have any shape. Sources,
// deviations and figures: docs/methods/cqr.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "skipjack/search/searcher.h"
#include "skipjack/trial/levels.h"

namespace skipjack {

struct CqrOptions {
  SearchSpace space;
  /// The one metric to optimise.
  Metric metric = {};
  std::uint64_t seed = 0;
  /// Trials, points_to_evaluate included, before the first that a model proposes. Range >= 1;
  /// default 5, as Syne Tune.
  std::int64_t num_initial = 5;
  /// Random configurations that draw a value, beside those near the best. Range [1, 100000];
  /// default 2000, as Syne Tune.
  std::int64_t num_candidates = 2000;
  /// Set for schedulers that look at reports on the way: each trial counts by its last value,
  /// trials that still run included [Salinas2023, sec. 4].
  std::optional<LevelOptions> levels = std::nullopt;
};

/// No configuration is proposed twice: Exhausted when all were. Throws InvalidArgument for options
/// out of range.
std::unique_ptr<Searcher> make_cqr_search(CqrOptions options);

}  // namespace skipjack
