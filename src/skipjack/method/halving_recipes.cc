// Successive halving and its relatives around searchers that look at no result.
#include <algorithm>
#include <utility>

#include "skipjack/method/recipe.h"
#include "skipjack/schedule/halving.h"
#include "skipjack/search/grid.h"
#include "skipjack/search/latin_hypercube.h"
#include "skipjack/search/random.h"
#include "skipjack/search/sobol.h"

namespace skipjack {
namespace {

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
  };
}

}  // namespace skipjack
