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
  /// Name of the constant of the space that holds the largest resource; empty: none. Multi-fidelity
  /// methods read it where no option says how much that is.
  std::string max_resource_attr = {};
  /// The method's own options: an object whose keys MethodRow::options lists; null for none.
  Json options = {};
};

enum class Objectives {
  One,
  Several,   ///< at least two
  Whatever,  ///< it looks at no result
};

/// One key of MethodOptions::options.
struct MethodOption {
  std::string_view key;
  /// One line for people: meaning, unit and range.
  std::string_view description;
  /// As in the options struct behind it; null: chosen as the description says.
  Json default_value = {};
};

struct MethodRow {
  std::string_view name;
  /// One line for people.
  std::string_view description;
  /// Other names that mean the same; Syne Tune's among them.
  std::vector<std::string_view> aliases;
  /// What it knows, beside kCapOption.
  std::vector<MethodOption> options;
  Objectives objectives = Objectives::One;
  /// Whether it learns from MethodOptions::sources.
  bool transfers = false;
  /// Whether it knows nothing else, and is refused without any.
  bool needs_sources = false;
  /// Whether it looks at reports on the way, at levels of a resource (epochs, repetitions, ...).
  bool multi_fidelity = false;
  /// Whether its objective must be of kind Time, to minimise: the seconds that a trial's work
  /// takes.
  bool needs_time = false;
  /// Its page docs/methods/<page>.md; empty: <name>.md.
  std::string_view page = {};
};

/// The option that all methods know: true, false or a slack >= 1; default: true where the objective
/// is a time and the only one, and there are no constraints; an error where that is not so. See
/// schedule/capping.h.
inline constexpr std::string_view kCapOption = "cap";

/// In the order in which a help text should show them.
const std::vector<MethodRow>& methods();

/// By name or alias. Throws InvalidArgument with the list of names.
const MethodRow& find_method(std::string_view name);

/// Key of the resource in the reports of a method that compares values at levels of it, by its
/// options; empty for other methods and unknown ones.
std::string resource_attr_of(std::string_view method, const Json& options);

/// Where a tuning begins that is given no points: the midpoint of the space, if it satisfies the
/// constraints and there are no sources, which know better; else nowhere. Syne Tune begins there,
/// too. Front doors do so, but s3 tune, and where Python's own searcher or scheduler decides.
std::vector<Configuration> standard_start(const SearchSpace& space,
                                          const std::vector<SourceExperiment>& sources);

/// Throws InvalidArgument: an unknown method (the message lists the names), an option it does not
/// know, options or points that don't fit the space, metrics that the method can't deal with,
/// sources for one that learns from none, none for one that needs them.
std::unique_ptr<Scheduler> make_scheduler(std::string_view method, const MethodOptions& options);

}  // namespace skipjack
