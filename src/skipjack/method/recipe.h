// What the files of this folder share: a recipe, and how options become the values of a struct.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/method/method.h"
#include "skipjack/schedule/halving.h"
#include "skipjack/schedule/resource.h"
#include "skipjack/search/bore.h"
#include "skipjack/search/cqr.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

/// make: points_to_evaluate are complete and without repetitions, options and sources are known to
/// the row.
struct Recipe {
  MethodRow row;
  std::unique_ptr<Scheduler> (*make)(const MethodOptions&);
};

/// The parts of the table, each in a file of its own.
std::vector<Recipe> search_recipes();
std::vector<Recipe> multi_objective_recipes();
std::vector<Recipe> halving_recipes();
std::vector<Recipe> model_halving_recipes();
std::vector<Recipe> population_recipes();
std::vector<Recipe> transfer_recipes();
std::vector<Recipe> time_recipes();

/// The rows' entries that several methods share.
/// by_default: what the row says; unset: it says max(5, d + 1). The searcher has its default
/// itself.
MethodOption num_init_random_option(std::optional<std::int64_t> by_default = std::nullopt);
MethodOption allow_duplicates_option();
/// resource_attr, max_t, max_resource_attr, grace_period, reduction_factor and rung_levels,
/// followed by others.
std::vector<MethodOption> with_resource_options(std::vector<MethodOption> others);
/// Of a row with those options. Throws InvalidArgument as largest_resource and rung_levels do.
ResourceOptions resource_options(const MethodOptions& options);
/// The same, type, brackets and rung_system_per_bracket, followed by others. defaults: in the row's
/// entries only.
struct HalvingDefaults {
  HalvingType type = HalvingType::Stopping;
  /// Unset: Hyperband's floor(log_eta(max_t / grace_period)) + 1, or as many as levels where these
  /// are given (sync_levels).
  std::optional<int> num_brackets = 1;
  BracketRungs bracket_rungs = BracketRungs::Shared;
};
std::vector<MethodOption> with_halving_options(const HalvingDefaults& defaults,
                                               std::vector<MethodOption> others);
/// Of a row with those options; a rule, cost_metric and rule_probability are left to the caller.
HalvingOptions halving_options(std::string_view method, const MethodOptions& options,
                               const HalvingDefaults& defaults, std::unique_ptr<Searcher> searcher);
/// The parts of bore and cqr without levels, and their rows' entries.
BoreOptions bore_options(std::string_view method, const MethodOptions& options);
CqrOptions cqr_options(std::string_view method, const MethodOptions& options);
std::vector<MethodOption> bore_entries();
std::vector<MethodOption> cqr_entries();

/// What a searcher behind rungs learns from, for rows that have the entry searcher_data.
MethodOption searcher_data_option();
LevelOptions level_options(const MethodOptions& options);

/// What read makes of an option's value; nullopt if it is not given.
template <class Read>
auto option(const MethodOptions& o, std::string_view key, Read read)
    -> std::optional<decltype(read(o.options))> {
  const Json* value = o.options.find(key);
  if (!value) return std::nullopt;
  try {
    return read(*value);
  } catch (const Error& error) {
    throw Error(error.code(), "method option '" + std::string(key) + "': " + error.what(),
                error.try_this());
  }
}

inline bool as_bool(const Json& value) { return value.as_bool(); }
inline std::int64_t as_int(const Json& value) { return value.as_int(); }
inline double as_double(const Json& value) { return value.as_double(); }
inline Json as_object(const Json& value) { return value.as_object(); }
inline std::string as_string(const Json& value) { return value.as_string(); }

enum class Constraints { Refuse, Keep };
/// The objective of a method that takes one. Throws InvalidArgument if there is not just one, or a
/// constraint where constraints are refused.
Metric only_objective(std::string_view method, const MethodOptions& options,
                      Constraints constraints = Constraints::Refuse);
/// The objectives of a method that weighs some against each other. Throws InvalidArgument for less
/// than two.
std::vector<Metric> several_objectives(std::string_view method, const MethodOptions& options);

std::unique_ptr<Scheduler> make_fifo_of(std::unique_ptr<Searcher> searcher,
                                        const MethodOptions& options);
/// For Recipe::make: trials in the searcher's order, each to its end.
template <std::unique_ptr<Searcher> (*make_searcher)(const MethodOptions&)>
std::unique_ptr<Scheduler> in_fifo(const MethodOptions& options) {
  return make_fifo_of(make_searcher(options), options);
}

}  // namespace skipjack
