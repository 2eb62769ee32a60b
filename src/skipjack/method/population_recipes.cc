// Methods whose trials are compared in groups: brackets, populations, fronts.
#include <utility>

#include "skipjack/method/recipe.h"
#include "skipjack/schedule/dehb.h"
#include "skipjack/schedule/halving.h"
#include "skipjack/schedule/order_rule.h"
#include "skipjack/schedule/population.h"
#include "skipjack/schedule/sync_hyperband.h"
#include "skipjack/schedule/sync_scheduler.h"
#include "skipjack/search/nsga2.h"
#include "skipjack/search/pareto_order.h"
#include "skipjack/search/random.h"
#include "skipjack/search/rea.h"
#include "skipjack/search/tpe.h"

namespace skipjack {
namespace {

/// [Falkner2018]
constexpr double kRandomFraction = 1.0 / 3;

std::unique_ptr<Scheduler> make_sync_hyperband_of(std::unique_ptr<Searcher> searcher, Metric metric,
                                                  const MethodOptions& o) {
  return make_sync_hyperband({.searcher = std::move(searcher),
                              .points_to_evaluate = o.points_to_evaluate,
                              .metric = std::move(metric),
                              .resource = resource_options(o),
                              .brackets = option(o, "brackets", as_int)});
}

std::unique_ptr<Scheduler> make_random_sync_hyperband(const MethodOptions& o) {
  return make_sync_hyperband_of(make_random_search({.space = o.space, .seed = o.seed}),
                                only_objective("sync_hyperband", o), o);
}

/// The densities are of the levels that the brackets have.
std::unique_ptr<Scheduler> make_sync_bohb(const MethodOptions& o) {
  TpeOptions tpe{.space = o.space, .metric = only_objective("sync_bohb", o), .seed = o.seed};
  tpe.num_initial = option(o, "num_init_random", as_int);
  tpe.num_candidates = option(o, "num_candidates", as_int).value_or(tpe.num_candidates);
  tpe.random_fraction = option(o, "random_fraction", as_double).value_or(kRandomFraction);
  const ResourceOptions resource = resource_options(o);
  LevelOptions levels{.resource_attr = resource.resource_attr,
                      .rung_levels = sync_levels(resource),
                      .max_resource = resource.max_t};
  levels.rung_levels.pop_back();
  tpe.levels = std::move(levels);
  const Metric metric = tpe.metric;
  return make_sync_hyperband_of(make_tpe_search(std::move(tpe)), metric, o);
}

std::unique_ptr<Scheduler> make_dehb_of(const MethodOptions& o) {
  DehbOptions options{.space = o.space,
                      .searcher = make_random_search({.space = o.space, .seed = o.seed}),
                      .points_to_evaluate = o.points_to_evaluate,
                      .metric = only_objective("dehb", o),
                      .resource = resource_options(o),
                      .brackets = option(o, "brackets", as_int),
                      .seed = o.seed};
  options.mutation_factor =
      option(o, "mutation_factor", as_double).value_or(options.mutation_factor);
  options.crossover_probability =
      option(o, "crossover_probability", as_double).value_or(options.crossover_probability);
  return make_dehb(std::move(options));
}

std::unique_ptr<Scheduler> make_pbt(const MethodOptions& o) {
  PopulationOptions options{
      .space = o.space,
      .searcher =
          make_random_search({.space = o.space, .seed = o.seed, .duplicates = Duplicates::Allow}),
      .points_to_evaluate = o.points_to_evaluate,
      .metric = only_objective("pbt", o),
      .seed = o.seed};
  options.resource_attr = option(o, "resource_attr", as_string).value_or(options.resource_attr);
  options.max_t = largest_resource(
      o.space, option(o, "max_resource_attr", as_string).value_or(o.max_resource_attr),
      option(o, "max_t", as_int));
  options.population_size = option(o, "population_size", as_int).value_or(options.population_size);
  options.perturbation_interval = option(o, "perturbation_interval", as_int);
  options.quantile_fraction =
      option(o, "quantile_fraction", as_double).value_or(options.quantile_fraction);
  options.resample_probability =
      option(o, "resample_probability", as_double).value_or(options.resample_probability);
  return make_population_training(std::move(options));
}

std::vector<MethodOption> pbt_options() {
  const PopulationOptions defaults;
  std::vector<MethodOption> options = {
      {"population_size", "members that train side by side, in [2, 10000]",
       defaults.population_size},
      {"perturbation_interval",
       "steps of the resource between comparisons, in [1, max_t); unset: max_t / 10"},
      {"quantile_fraction", "of the members, how many are worst and how many best, in (0, 0.5]",
       defaults.quantile_fraction},
      {"resample_probability", "of a parameter to be drawn anew instead of moved, in [0, 1]",
       defaults.resample_probability}};
  for (MethodOption& shared : with_resource_options({}))
    if (shared.key == "resource_attr" || shared.key == "max_t" || shared.key == "max_resource_attr")
      options.push_back(std::move(shared));
  return options;
}

std::unique_ptr<Scheduler> make_moasha(const MethodOptions& o) {
  const std::vector<Metric> objectives = several_objectives("moasha", o);
  const std::vector<Metric> kept = metrics_with(MetricRole::Constraint, o.metrics);
  if (!kept.empty())
    throw Error(ErrorCode::InvalidArgument,
                "method 'moasha' can't keep a measured constraint ('" + kept.front().name + "')",
                "use mo_bayesopt, or let the trial fail where the constraint is broken");
  MethodOptions first = o;
  first.metrics = {objectives.front()};
  HalvingOptions options = halving_options("moasha", first, HalvingDefaults{},
                                           make_random_search({.space = o.space, .seed = o.seed}));
  options.metrics = objectives;
  options.make_rule = [quantiles =
                           rung_quantiles(rung_levels(options.resource), options.resource.max_t)] {
    return make_order_rule(quantiles, [](std::span<const std::vector<double>> scores) {
      return pareto_order(scores, FrontOrder::EpsilonNet);
    });
  };
  return make_halving(std::move(options));
}

std::unique_ptr<Searcher> make_nsga2(const MethodOptions& o) {
  Nsga2Options options{.space = o.space,
                       .objectives = several_objectives("nsga2", o),
                       .constraints = metrics_with(MetricRole::Constraint, o.metrics),
                       .seed = o.seed};
  options.population_size = option(o, "population_size", as_int).value_or(options.population_size);
  options.crossover_probability =
      option(o, "crossover_probability", as_double).value_or(options.crossover_probability);
  return make_nsga2_search(std::move(options));
}

std::unique_ptr<Searcher> make_mo_rea(const MethodOptions& o) {
  const std::vector<Metric> objectives = several_objectives("mo_rea", o);
  ReaOptions options{.space = o.space,
                     .metric = objectives.front(),
                     .others = {objectives.begin() + 1, objectives.end()},
                     .constraints = metrics_with(MetricRole::Constraint, o.metrics),
                     .seed = o.seed};
  options.population_size = option(o, "population_size", as_int);
  options.sample_size = option(o, "sample_size", as_int);
  return make_rea_search(std::move(options));
}

MethodOption brackets_option() {
  return {"brackets", "brackets that take turns, in [1, levels]; unset: as many as levels"};
}

}  // namespace

std::vector<Recipe> population_recipes() {
  return {
      {{.name = "sync_hyperband",
        .description = "Hyperband: rungs of trials that wait for each other, the best go on",
        .aliases = {"SyncHyperband", "SynchronousHyperband"},
        .options = with_resource_options({brackets_option()}),
        .multi_fidelity = true},
       make_random_sync_hyperband},
      {{.name = "sync_bohb",
        .description = "sync_hyperband with tpe, which learns from the highest level it can",
        .aliases = {"SyncBOHB"},
        .options = with_resource_options(
            {brackets_option(),
             num_init_random_option(),
             {"num_candidates", "draws of which the best is proposed, in [1, 10000]",
              TpeOptions().num_candidates},
             {"random_fraction", "of the proposals, how many are random, in [0, 1]",
              kRandomFraction}}),
        .multi_fidelity = true},
       make_sync_bohb},
      {{.name = "dehb",
        .description = "sync_hyperband whose trials come from differential evolution",
        .aliases = {"DEHB"},
        .options = with_resource_options(
            {brackets_option(),
             {"mutation_factor",
              "of the difference of two members that is added to a third, in (0, 2]",
              DehbOptions().mutation_factor},
             {"crossover_probability", "of a parameter to come from the mutant, in [0, 1]",
              DehbOptions().crossover_probability}}),
        .multi_fidelity = true},
       make_dehb_of},
      {{.name = "pbt",
        .description = "population-based training: the worst go on from the best's checkpoints",
        .aliases = {"PBT", "PopulationBasedTraining"},
        .options = pbt_options(),
        .multi_fidelity = true},
       make_pbt},
      {{.name = "moasha",
        .description = "several objectives: successive halving by front and spread",
        .aliases = {"MOASHA"},
        .options = with_halving_options(HalvingDefaults{}, {}),
        .objectives = Objectives::Several,
        .multi_fidelity = true},
       make_moasha},
      {{.name = "nsga2",
        .description = "several objectives: an evolving population spread over the front",
        .aliases = {"NSGA2"},
        .options = {{"population_size", "members, and random trials at the start, >= 2",
                     Nsga2Options().population_size},
                    {"crossover_probability",
                     "of a child to be crossed from two parents, in [0, 1]",
                     Nsga2Options().crossover_probability}},
        .objectives = Objectives::Several},
       in_fifo<make_nsga2>},
      {{.name = "mo_rea",
        .description = "several objectives: regularised evolution by front and spread",
        .aliases = {"MOREA", "MO-REA"},
        .options = {{"population_size",
                     "members, and random trials at the start, >= 1; unset: 20, or sample_size if "
                     "that is more"},
                    {"sample_size",
                     "draws of which the best is the parent, in [1, 10000]; unset: a quarter of "
                     "population_size, at least 1"}},
        .objectives = Objectives::Several},
       in_fifo<make_mo_rea>},
  };
}

}  // namespace skipjack
