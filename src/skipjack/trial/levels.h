// The resource axis as reports show it: which observations of a trial lie on it. A report says how
// far the trial has come (epochs, repetitions) under a key of its own, beside the metric.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

/// The resource of a report: the whole number >= 1 under resource_attr; nullopt for anything else.
std::optional<std::int64_t> resource_of(const Json& metrics, std::string_view resource_attr);

/// Which of a trial's observations a searcher learns from.
enum class SearcherData {
  Rungs,         ///< those at rung levels and at max_resource
  All,           ///< every level reported
  RungsAndLast,  ///< those of Rungs, and the last one, wherever it is
};

struct LevelOptions {
  std::string resource_attr = "epoch";
  /// Ascending, below max_resource.
  std::vector<std::int64_t> rung_levels = {};
  /// Range [1, inf). Reports beyond it count for nothing.
  std::int64_t max_resource = 1;
  SearcherData data = SearcherData::Rungs;
};

/// One observation on the axis.
struct LevelValue {
  std::int64_t resource = 0;
  double value = 0;
  friend bool operator==(const LevelValue&, const LevelValue&) = default;
};

/// Of all attempts that count, ascending by resource, finite values only; a level reported again (a
/// trial resumed from the start) keeps its first value. A rung that a report jumped over has no
/// observation. O(log n) a report.
std::vector<LevelValue> level_values(const Trial& trial, std::string_view metric,
                                     const LevelOptions& options);

}  // namespace skipjack
