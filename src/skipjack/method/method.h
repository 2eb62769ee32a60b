// The one table of named recipes: what a user may choose by name, and which scheduler and searcher
// stand behind it. Nothing else knows all the names.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "skipjack/schedule/scheduler.h"
#include "skipjack/search/warm_start.h"

namespace skipjack {

struct MethodOptions {
  SearchSpace space;
  /// At least one objective; methods that look at no result ignore it.
  std::vector<Metric> metrics = {};
  std::uint64_t seed = 0;
  /// Started first, in this order; missing parameters are filled by their midpoints, repetitions
  /// dropped.
  std::vector<Configuration> points_to_evaluate = {};
  /// Earlier experiments in other environments, to begin with and to learn from (docs/transfer.md);
  /// only for methods whose MethodRow::transfers says so.
  std::vector<SourceExperiment> sources = {};
  /// The method's own options: an object whose keys MethodRow::options lists; null for none.
  Json options = {};
};

enum class Objectives {
  One,
  Several,   ///< at least two
  Whatever,  ///< it looks at no result
};

struct MethodRow {
  std::string_view name;
  std::string_view description;
  /// Other names that mean the same.
  std::vector<std::string_view> aliases;
  /// Keys of MethodOptions::options that it knows, beside kCapOption.
  std::vector<std::string_view> options;
  Objectives objectives = Objectives::One;
  /// Whether it learns from MethodOptions::sources.
  bool transfers = false;
};

/// The option that all methods know: true, false or a slack >= 1; default: true where the objective
/// is a time and the only one, and there are no constraints; an error where that is not so. See
/// schedule/capping.h.
inline constexpr std::string_view kCapOption = "cap";

/// In the order in which a help text should show them.
const std::vector<MethodRow>& methods();

/// Throws InvalidArgument: an unknown method (the message lists the names), an option it does not
/// know, options or points that don't fit the space, metrics that the method can't deal with,
/// sources for one that learns from none.
std::unique_ptr<Scheduler> make_scheduler(std::string_view method, const MethodOptions& options);

}  // namespace skipjack
