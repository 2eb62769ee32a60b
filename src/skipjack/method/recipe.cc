#include "skipjack/method/recipe.h"

#include <algorithm>
#include <limits>

#include "skipjack/schedule/fifo.h"
#include "skipjack/schedule/sync_scheduler.h"

namespace skipjack {

MethodOption num_init_random_option(std::optional<std::int64_t> by_default) {
  if (by_default)
    return {"num_init_random", "trials before the first that a model proposes, >= 1", *by_default};
  return {"num_init_random",
          "trials before the first that a model proposes, >= 1; unset: max(5, d + 1)"};
}

MethodOption allow_duplicates_option() {
  return {"allow_duplicates", "whether a measured configuration may be proposed again", false};
}

std::vector<MethodOption> with_resource_options(std::vector<MethodOption> others) {
  const ResourceOptions defaults;
  std::vector<MethodOption> options = {
      {"resource_attr", "name of the resource in reports, a whole number that grows from 1 on",
       defaults.resource_attr},
      {"max_t",
       "the largest resource, >= 2; unset: the constant of the space that max_resource_attr names, "
       "else epochs, max_t or max_epochs"},
      {"max_resource_attr", "name of the constant of the space that holds the largest resource"},
      {"grace_period", "the first rung level, in [1, max_t)", defaults.grace_period},
      {"reduction_factor",
       "each rung level is so many times the one before, and about one of so many trials goes on; "
       ">= 2",
       defaults.reduction_factor},
      {"rung_increment",
       "the step from rung level to rung level, >= 1; unset: they are multiples by "
       "reduction_factor"},
      {"rung_levels",
       "the rung levels themselves, ascending; unset: grace_period * "
       "reduction_factor^k below max_t"}};
  for (MethodOption& other : others) options.push_back(std::move(other));
  return options;
}

ResourceOptions resource_options(const MethodOptions& o) {
  ResourceOptions resource;
  resource.resource_attr = option(o, "resource_attr", as_string).value_or(resource.resource_attr);
  const std::string attr = option(o, "max_resource_attr", as_string).value_or(o.max_resource_attr);
  resource.max_t = largest_resource(o.space, attr, option(o, "max_t", as_int));
  resource.grace_period = option(o, "grace_period", as_int).value_or(resource.grace_period);
  resource.reduction_factor =
      option(o, "reduction_factor", as_double).value_or(resource.reduction_factor);
  resource.rung_increment = option(o, "rung_increment", as_int);
  option(o, "rung_levels", [&](const Json& levels) {
    for (const Json& level : levels.as_array()) resource.rung_levels.push_back(level.as_int());
    return true;
  });
  (void)rung_levels(resource);
  return resource;
}

namespace {

HalvingType as_halving_type(const Json& value) {
  const std::string& name = value.as_string();
  if (name == "stopping") return HalvingType::Stopping;
  if (name == "promotion") return HalvingType::Promotion;
  throw Error(ErrorCode::InvalidArgument, "there is no type '" + name + "'",
              "one of: stopping, promotion");
}

BracketRungs as_bracket_rungs(const Json& value) {
  return value.as_bool() ? BracketRungs::PerBracket : BracketRungs::Shared;
}

SearcherData as_searcher_data(const Json& value) {
  const std::string& name = value.as_string();
  if (name == "rungs") return SearcherData::Rungs;
  if (name == "all") return SearcherData::All;
  if (name == "rungs_and_last") return SearcherData::RungsAndLast;
  throw Error(ErrorCode::InvalidArgument, "there is no searcher_data '" + name + "'",
              "one of: rungs, all, rungs_and_last");
}

}  // namespace

std::vector<MethodOption> with_halving_options(const HalvingDefaults& defaults,
                                               std::vector<MethodOption> others) {
  std::vector<MethodOption> options = with_resource_options(
      {{"type", "stopping: trials are stopped at rungs; promotion: they pause, and the best go on",
        defaults.type == HalvingType::Stopping ? "stopping" : "promotion"},
       {"brackets",
        defaults.num_brackets
            ? "bracket s begins at rung s; in [1, number of rungs + 1]"
            : "bracket s begins at rung s; in [1, number of rungs + 1]; unset: "
              "floor(log(max_t / grace_period) / log(reduction_factor)) + 1, or all with levels of "
              "your own",
        defaults.num_brackets ? Json(*defaults.num_brackets) : Json()},
       {"rung_system_per_bracket", "whether each bracket ranks its own trials only",
        defaults.bracket_rungs == BracketRungs::PerBracket}});
  for (MethodOption& other : others) options.push_back(std::move(other));
  return options;
}

HalvingOptions halving_options(std::string_view method, const MethodOptions& o,
                               const HalvingDefaults& defaults,
                               std::unique_ptr<Searcher> searcher) {
  HalvingOptions options{.searcher = std::move(searcher),
                         .points_to_evaluate = o.points_to_evaluate,
                         .metrics = {only_objective(method, o)},
                         .resource = resource_options(o),
                         .seed = o.seed};
  options.type = option(o, "type", as_halving_type).value_or(defaults.type);
  const auto hyperbands = static_cast<std::int64_t>(sync_levels(options.resource).size());
  const auto brackets =
      option(o, "brackets", as_int).value_or(defaults.num_brackets.value_or(hyperbands));
  options.num_brackets = static_cast<int>(std::clamp<std::int64_t>(
      brackets, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
  options.bracket_rungs =
      option(o, "rung_system_per_bracket", as_bracket_rungs).value_or(defaults.bracket_rungs);
  return options;
}

MethodOption searcher_data_option() {
  return {"searcher_data", "what the model learns from: rungs, all levels, or rungs_and_last",
          "rungs"};
}

LevelOptions level_options(const MethodOptions& o) {
  return level_options(resource_options(o),
                       option(o, "searcher_data", as_searcher_data).value_or(SearcherData::Rungs));
}

Metric only_objective(std::string_view method, const MethodOptions& o, Constraints constraints) {
  const std::vector<Metric> objectives = metrics_with(MetricRole::Objective, o.metrics);
  const std::vector<Metric> kept = metrics_with(MetricRole::Constraint, o.metrics);
  if (constraints == Constraints::Refuse && !kept.empty())
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(method) + "' can't keep a measured constraint ('" +
                    kept.front().name + "')",
                "use bayesopt, or let the trial fail where the constraint is broken");
  if (objectives.size() != 1)
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(method) + "' needs exactly one objective, got " +
                    std::to_string(objectives.size()),
                objectives.empty() ? "name a metric to optimise"
                                   : "`skipjack methods` lists those for several objectives");
  return objectives.front();
}

std::vector<Metric> several_objectives(std::string_view method, const MethodOptions& o) {
  std::vector<Metric> objectives = metrics_with(MetricRole::Objective, o.metrics);
  if (objectives.size() < 2)
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(method) + "' needs at least two objectives, got " +
                    std::to_string(objectives.size()),
                "use bayesopt for one");
  return objectives;
}

std::unique_ptr<Scheduler> make_fifo_of(std::unique_ptr<Searcher> searcher,
                                        const MethodOptions& options) {
  return make_fifo(
      {.searcher = std::move(searcher), .points_to_evaluate = options.points_to_evaluate});
}

}  // namespace skipjack
