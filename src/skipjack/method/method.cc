#include "skipjack/method/method.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/method/recipe.h"
#include "skipjack/schedule/capping.h"

namespace skipjack {
namespace {

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> table = [] {
    std::vector<Recipe> all;
    for (const auto part :
         {search_recipes, halving_recipes, model_halving_recipes, population_recipes, time_recipes,
          transfer_recipes, multi_objective_recipes})
      for (Recipe& recipe : part()) all.push_back(std::move(recipe));
    return all;
  }();
  return table;
}

const Recipe* find_recipe_or_null(std::string_view method) {
  for (const Recipe& recipe : recipes()) {
    const auto& aliases = recipe.row.aliases;
    if (recipe.row.name == method ||
        std::find(aliases.begin(), aliases.end(), method) != aliases.end())
      return &recipe;
  }
  return nullptr;
}

const Recipe& find_recipe(std::string_view method) {
  if (const Recipe* recipe = find_recipe_or_null(method)) return *recipe;
  std::string names;
  for (const Recipe& recipe : recipes())
    names += (names.empty() ? "" : ", ") + std::string(recipe.row.name);
  throw Error(ErrorCode::InvalidArgument, "there is no method '" + std::string(method) + "'",
              "one of: " + names);
}

void check_options(const MethodRow& row, const Json& options) {
  if (options.is_null()) return;
  if (!options.is_object())
    throw Error(ErrorCode::InvalidArgument,
                "method_options = " + to_json_text(options) + " must be an object");
  for (const auto& [key, value] : options.as_object()) {
    if (key == kCapOption) continue;
    const auto is_it = [&key = key](const MethodOption& option) { return option.key == key; };
    if (std::any_of(row.options.begin(), row.options.end(), is_it)) continue;
    std::string known(kCapOption);
    for (const MethodOption& option : row.options) known += ", " + std::string(option.key);
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(row.name) + "' has no option '" + key + "'",
                "one of: " + known);
  }
}

void check_sources(const MethodRow& row, const MethodOptions& options) {
  if (row.needs_sources && options.sources.empty())
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(row.name) + "' goes by earlier experiments and got none",
                "name some (--warm-start-from, warm_start_from, sources), or use bayesopt");
  if (row.transfers || options.sources.empty()) return;
  std::string able;
  for (const Recipe& recipe : recipes())
    if (recipe.row.transfers) able += (able.empty() ? "" : ", ") + std::string(recipe.row.name);
  throw Error(ErrorCode::InvalidArgument,
              "method '" + std::string(row.name) + "' can't learn from earlier experiments ('" +
                  options.sources.front().name + "')",
              "methods that can: " + able);
}

/// The slack of adaptive capping; nullopt: it is off.
std::optional<double> cap_slack(const MethodRow& row, const MethodOptions& o,
                                const Metric& objective) {
  const Json* cap = o.options.find(kCapOption);
  if (cap && cap->is_bool() && !cap->as_bool()) return std::nullopt;
  if (cap && row.multi_fidelity)
    throw Error(ErrorCode::InvalidArgument,
                "method option 'cap': '" + std::string(row.name) + "' ends bad trials by itself",
                "leave 'cap' out");
  const bool is_alone = metrics_with(MetricRole::Objective, o.metrics).size() <= 1 &&
                        metrics_with(MetricRole::Constraint, o.metrics).empty();
  if (cap && !is_alone)
    throw Error(
        ErrorCode::InvalidArgument,
        "method option 'cap': a trial that is stopped early tells nothing of constraints or "
        "of further objectives",
        "leave capping off where there are any");
  const bool is_time = objective.kind == MetricKind::Time;
  if (!cap)
    return is_time && is_alone && !row.multi_fidelity ? std::optional(CappingOptions().slack)
                                                      : std::nullopt;
  if (cap->is_bool()) return CappingOptions().slack;
  return option(o, kCapOption, as_double);
}

std::unique_ptr<Scheduler> with_capping(std::unique_ptr<Scheduler> scheduler, const MethodRow& row,
                                        const MethodOptions& o) {
  const std::vector<Metric> objectives = metrics_with(MetricRole::Objective, o.metrics);
  const Metric objective = objectives.empty() ? Metric{} : objectives.front();
  const auto slack = cap_slack(row, o, objective);
  if (!slack) return scheduler;
  return make_capping(
      {.inner = std::move(scheduler), .space = o.space, .metric = objective, .slack = *slack});
}

}  // namespace

const std::vector<MethodRow>& methods() {
  static const std::vector<MethodRow> rows = [] {
    std::vector<MethodRow> result;
    for (const Recipe& recipe : recipes()) result.push_back(recipe.row);
    return result;
  }();
  return rows;
}

const MethodRow& find_method(std::string_view name) { return find_recipe(name).row; }

std::string resource_attr_of(std::string_view method, const Json& options) {
  const Recipe* recipe = find_recipe_or_null(method);
  if (!recipe || !recipe->row.multi_fidelity) return {};
  if (const Json* given = options.find("resource_attr"); given && given->is_string())
    return given->as_string();
  for (const MethodOption& option : recipe->row.options)
    if (option.key == "resource_attr" && option.default_value.is_string())
      return option.default_value.as_string();
  return {};
}

std::vector<Configuration> standard_start(const SearchSpace& space,
                                          const std::vector<SourceExperiment>& sources) {
  Configuration middle = space.midpoint();
  if (!sources.empty() || !space.satisfies_constraints(middle)) return {};
  return {std::move(middle)};
}

std::unique_ptr<Scheduler> make_scheduler(std::string_view method, const MethodOptions& options) {
  const Recipe& recipe = find_recipe(method);
  check_options(recipe.row, options.options);
  check_sources(recipe.row, options);
  MethodOptions complete_options = options;
  std::vector<Configuration>& points = complete_options.points_to_evaluate;
  points.clear();
  std::unordered_set<std::string> seen;
  for (const Configuration& point : options.points_to_evaluate) {
    Configuration complete = options.space.complete(point);
    if (seen.insert(options.space.key(complete)).second) points.push_back(std::move(complete));
  }
  return with_capping(recipe.make(complete_options), recipe.row, options);
}

}  // namespace skipjack
