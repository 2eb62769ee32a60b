// Successive halving and its relatives around searchers that look at no result.
#include <algorithm>
#include <utility>

#include "skipjack/method/recipe.h"
#include "skipjack/schedule/halving.h"
#include "skipjack/schedule/median_stopping.h"
#include "skipjack/search/grid.h"
#include "skipjack/search/latin_hypercube.h"
#include "skipjack/search/random.h"
#include "skipjack/search/sobol.h"

namespace skipjack {
namespace {

constexpr std::string_view kMedianStopping = "median_stopping";
constexpr HalvingDefaults kAsha{};
constexpr HalvingDefaults kHyperband{.num_brackets = std::nullopt,
                                     .bracket_rungs = BracketRungs::PerBracket};
constexpr HalvingDefaults kPromotion{.type = HalvingType::Promotion};

MethodOption searcher_option() {
  return {"searcher", "what proposes: random, sobol, latin_hypercube or grid", "random"};
}

std::unique_ptr<Searcher> make_searcher(const MethodOptions& o) {
  const std::string name = option(o, "searcher", as_string).value_or("random");
  if (name == "random") return make_random_search({.space = o.space, .seed = o.seed});
  if (name == "sobol") return make_sobol_search({.space = o.space, .seed = o.seed});
  if (name == "latin_hypercube")
    return make_latin_hypercube_search({.space = o.space, .seed = o.seed});
  if (name == "grid") return make_grid_search({.space = o.space, .seed = o.seed});
  throw Error(ErrorCode::InvalidArgument, "method option 'searcher': there is no '" + name + "'",
              "one of: random, sobol, latin_hypercube, grid");
}

std::vector<double> quantiles(const ResourceOptions& resource) {
  return rung_quantiles(rung_levels(resource), resource.max_t);
}

std::unique_ptr<Scheduler> make_asha(const MethodOptions& o) {
  return make_halving(halving_options("asha", o, kAsha, make_searcher(o)));
}

std::unique_ptr<Scheduler> make_hyperband(const MethodOptions& o) {
  return make_halving(halving_options("hyperband", o, kHyperband, make_searcher(o)));
}

std::unique_ptr<Scheduler> make_pasha(const MethodOptions& o) {
  HalvingOptions options{.searcher = make_searcher(o),
                         .points_to_evaluate = o.points_to_evaluate,
                         .metrics = {only_objective("pasha", o)},
                         .resource = resource_options(o),
                         .type = HalvingType::Promotion,
                         .seed = o.seed};
  options.make_rule = [resource = options.resource, metric = options.metrics.front()] {
    return make_pasha_rule(quantiles(resource), level_options(resource, SearcherData::All), metric);
  };
  return make_halving(std::move(options));
}

std::unique_ptr<Scheduler> make_rush(const MethodOptions& o) {
  MethodOptions with_candidates = o;
  const auto per_source = option(o, "num_hyperparameters_per_task", as_int).value_or(1);
  if (per_source < 1)
    throw Error(ErrorCode::InvalidArgument, "method option 'num_hyperparameters_per_task' = " +
                                                std::to_string(per_source) + " must be >= 1");
  std::vector<Configuration>& points = with_candidates.points_to_evaluate;
  for (const SourceExperiment& source : o.sources)
    for (const Configuration& best : choose_transfer_points({.space = o.space,
                                     .sources = std::span(&source, 1),
                                     .number = static_cast<std::size_t>(per_source)}))
      if (std::find(points.begin(), points.end(), best) == points.end()) points.push_back(best);
  HalvingOptions options =
      halving_options("rush", with_candidates, kAsha, make_searcher(with_candidates));
  const auto num_candidates =
      option(o, "num_threshold_candidates", as_int)
          .value_or(std::max<std::int64_t>(1, static_cast<std::int64_t>(points.size())));
  options.make_rule = [all = quantiles(options.resource), num_candidates] {
    return make_rush_rule(all, num_candidates);
  };
  return make_halving(std::move(options));
}

std::unique_ptr<Scheduler> make_cost_asha(const MethodOptions& o) {
  HalvingOptions options = halving_options("cost_asha", o, kPromotion, make_searcher(o));
  const std::vector<Metric> costs = metrics_with(MetricRole::Cost, o.metrics);
  options.cost_metric =
      option(o, "cost_attr", as_string).value_or(costs.empty() ? "" : costs.front().name);
  options.make_rule = [all = quantiles(options.resource)] { return make_cost_rule(all); };
  return make_halving(std::move(options));
}

std::unique_ptr<Scheduler> make_median(const MethodOptions& o) {
  const std::string inner = option(o, "scheduler", as_string).value_or("random");
  MethodOptions inner_options = o;
  inner_options.options = option(o, "scheduler_options", as_object).value_or(Json(Json::Object{}));
  if (find_method(inner).name == kMedianStopping)
    throw Error(ErrorCode::InvalidArgument,
                "method option 'scheduler': '" + inner + "' around itself does nothing more",
                "name another method");
  inner_options.options.set(kCapOption, false);
  MedianStoppingOptions options{.metric = only_objective(kMedianStopping, o)};
  options.inner = make_scheduler(inner, inner_options);
  options.resource_attr = option(o, "resource_attr", as_string).value_or(options.resource_attr);
  if (!option(o, "running_average", as_bool).value_or(true)) options.median_of = MedianOf::Values;
  options.grace_time = option(o, "grace_time", as_int).value_or(options.grace_time);
  options.grace_population =
      option(o, "grace_population", as_int).value_or(options.grace_population);
  options.rank_cutoff = option(o, "rank_cutoff", as_double).value_or(options.rank_cutoff);
  return make_median_stopping(std::move(options));
}

std::vector<MethodOption> median_options() {
  const MedianStoppingOptions defaults;
  return {{"scheduler", "the method whose trials are stopped", "random"},
          {"scheduler_options", "its options, by name"},
          {"resource_attr", "name of the resource in reports, a whole number that grows from 1 on",
           defaults.resource_attr},
          {"running_average", "whether means of a trial's values are compared, or the last values",
           defaults.median_of == MedianOf::RunningAverage},
          {"grace_time", "level below which nothing is stopped, >= 1", defaults.grace_time},
          {"grace_population", "trials at a level before which nothing is stopped there, >= 1",
           defaults.grace_population},
          {"rank_cutoff", "stopped is what more than this part is better than, in (0, 1)",
           defaults.rank_cutoff}};
}

}  // namespace

std::vector<Recipe> halving_recipes() {
  return {
      {{.name = "asha",
        .description = "asynchronous successive halving: only the better trials go on from rungs",
        .aliases = {"ASHA"},
        .options = with_halving_options(kAsha, {searcher_option()}),
        .multi_fidelity = true},
       make_asha},
      {{.name = "hyperband",
        .description = "successive halving in brackets, some of which spare trials the first rungs",
        .aliases = {"Hyperband"},
        .options = with_halving_options(kHyperband, {searcher_option()}),
        .multi_fidelity = true},
       make_hyperband},
      {{.name = "pasha",
        .description =
            "successive halving that goes no higher than it takes for ranks to be stable",
        .aliases = {"PASHA"},
        .options = with_resource_options({searcher_option()}),
        .multi_fidelity = true},
       make_pasha},
      {{.name = "rush",
        .description = "successive halving in which the first points set what others must reach",
        .aliases = {"RUSH", "RUSHScheduler"},
        .options = with_halving_options(
            kAsha, {searcher_option(),
                    {"num_threshold_candidates",
                     "trials, the first ones, that set the thresholds, >= 1; unset: "
                     "points_to_evaluate and "
                     "the best of earlier experiments, or one"},
                    {"num_hyperparameters_per_task",
                     "best of each earlier experiment to begin with, >= 1", 1}}),
        .transfers = true,
        .multi_fidelity = true},
       make_rush},
      {{.name = "cost_asha",
        .description = "successive halving that shares out costs instead of numbers of trials",
        .aliases = {"CostASHA", "cost_promotion"},
        .options = with_halving_options(
            kPromotion, {searcher_option(),
                         {"cost_attr",
                          "what an attempt has cost so far, as it reports it; unset: the "
                          "metric that is a cost, else seconds"}}),
        .multi_fidelity = true},
       make_cost_asha},
      {{.name = kMedianStopping,
        .description = "another method, whose trials are stopped where more than half are better",
        .aliases = {"MedianStoppingRule"},
        .options = median_options(),
        .multi_fidelity = true},
       make_median},
  };
}

}  // namespace skipjack
