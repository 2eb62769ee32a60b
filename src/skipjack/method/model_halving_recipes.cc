// Successive halving around searchers that learn from all trials at all levels.
#include <algorithm>
#include <utility>

#include "skipjack/method/recipe.h"
#include "skipjack/schedule/halving.h"
#include "skipjack/schedule/sync_hyperband.h"
#include "skipjack/schedule/sync_scheduler.h"
#include "skipjack/search/hypertune.h"
#include "skipjack/search/mobster.h"
#include "skipjack/search/tpe.h"

namespace skipjack {
namespace {

constexpr HalvingDefaults kAsha{};
constexpr HalvingDefaults kHyperTune{.num_brackets = std::nullopt};
constexpr HalvingDefaults kBohb{.num_brackets = std::nullopt,
                                .bracket_rungs = BracketRungs::PerBracket};
/// [Falkner2018]
constexpr double kBohbRandomFraction = 1.0 / 3;
constexpr double kDyhpoRuleProbability = 0.25;
constexpr std::int64_t kDyhpoIncrement = 2;

ResourceKernel as_kernel(const Json& value) {
  return resource_kernel_from_string(value.as_string());
}
ResourceAcquisition as_resource_acquisition(const Json& value) {
  return resource_acquisition_from_string(value.as_string());
}

MethodOption kernel_option(ResourceKernel standard) {
  return {"gp_resource_kernel",
          "how levels hang together: matern52, matern52-res-warp, exp-decay-sum, "
          "exp-decay-combined, exp-decay-delta1, freeze-thaw, cross-validation, noisy-repeats",
          std::string(to_string(standard))};
}

MobsterOptions mobster_options(std::string_view method, const MethodOptions& o) {
  MobsterOptions options{.space = o.space,
                         .metric = only_objective(method, o),
                         .seed = o.seed,
                         .levels = level_options(o)};
  options.num_initial = option(o, "num_init_random", as_int);
  options.kernel = option(o, "gp_resource_kernel", as_kernel).value_or(options.kernel);
  return options;
}

std::unique_ptr<Scheduler> make_mobster(const MethodOptions& o) {
  MobsterOptions options = mobster_options("mobster", o);
  options.resource_acq =
      option(o, "resource_acq", as_resource_acquisition).value_or(options.resource_acq);
  options.bohb_threshold =
      option(o, "resource_acq_bohb_threshold", as_int).value_or(options.bohb_threshold);
  return make_halving(
      halving_options("mobster", o, kAsha, make_mobster_search(std::move(options))));
}

int num_levels(const ResourceOptions& resource) {
  return static_cast<int>(rung_levels(resource).size()) + 1;
}

/// Hyperband's, while the model has nothing to rank levels by.
BracketWeights bracket_weights(LevelWeights weights, const HalvingOptions& options) {
  std::vector<std::int64_t> levels = rung_levels(options.resource);
  levels.push_back(options.resource.max_t);
  std::vector<double> standard = hyperband_weights(levels, options.num_brackets);
  return [weights = std::move(weights), levels = std::move(levels),
          standard = std::move(standard)](const History& history) {
    const auto theta = weights(history);
    return theta ? bracket_shares(*theta, levels, standard) : standard;
  };
}

std::unique_ptr<Scheduler> make_hypertune(const MethodOptions& o) {
  HyperTuneOptions search{.space = o.space,
                          .metric = only_objective("hypertune", o),
                          .seed = o.seed,
                          .levels = level_options(o)};
  search.num_initial = option(o, "num_init_random", as_int);
  search.num_samples =
      option(o, "hypertune_distribution_num_samples", as_int).value_or(search.num_samples);
  HyperTuneSearch made = make_hypertune_search(std::move(search));
  HalvingOptions options = halving_options("hypertune", o, kHyperTune, std::move(made.searcher));
  if (options.num_brackets >= 1 && options.num_brackets <= num_levels(options.resource))
    options.bracket_weights = bracket_weights(std::move(made.weights), options);
  return make_halving(std::move(options));
}

std::unique_ptr<Scheduler> make_dyhpo(const MethodOptions& o) {
  ResourceOptions resource = resource_options(o);
  if (!resource.rung_increment) resource.rung_increment = kDyhpoIncrement;
  MobsterOptions search = mobster_options("dyhpo", o);
  search.levels = level_options(resource, SearcherData::Rungs);
  search.resource_acq = ResourceAcquisition::First;
  const double probability = option(o, "probability_sh", as_double).value_or(kDyhpoRuleProbability);
  HalvingOptions options{.searcher = make_mobster_search(std::move(search)),
                         .points_to_evaluate = o.points_to_evaluate,
                         .metrics = {only_objective("dyhpo", o)},
                         .resource = std::move(resource),
                         .type = HalvingType::Promotion,
                         .rule_probability = probability,
                         .seed = o.seed};
  return make_halving(std::move(options));
}

std::unique_ptr<Scheduler> make_sync_mobster(const MethodOptions& o) {
  MobsterOptions search = mobster_options("sync_mobster", o);
  const ResourceOptions resource = resource_options(o);
  // The levels that the brackets have.
  search.levels.rung_levels = sync_levels(resource);
  search.levels.rung_levels.pop_back();
  Metric metric = search.metric;
  return make_sync_hyperband({.searcher = make_mobster_search(std::move(search)),
                              .points_to_evaluate = o.points_to_evaluate,
                              .metric = std::move(metric),
                              .resource = resource,
                              .brackets = option(o, "brackets", as_int)});
}

std::unique_ptr<Scheduler> make_bohb(const MethodOptions& o) {
  TpeOptions tpe{.space = o.space, .metric = only_objective("bohb", o), .seed = o.seed};
  tpe.num_initial = option(o, "num_init_random", as_int);
  tpe.num_candidates = option(o, "num_candidates", as_int).value_or(tpe.num_candidates);
  tpe.random_fraction = option(o, "random_fraction", as_double).value_or(kBohbRandomFraction);
  tpe.levels = level_options(resource_options(o), SearcherData::Rungs);
  return make_halving(halving_options("bohb", o, kBohb, make_tpe_search(std::move(tpe))));
}

std::vector<MethodOption> dyhpo_entries() {
  std::vector<MethodOption> entries = with_resource_options(
      {{"probability_sh", "probability of a promotion by rank instead, in [0, 1]",
        kDyhpoRuleProbability},
       num_init_random_option(),
       kernel_option(MobsterOptions().kernel)});
  // Rungs are close, so that the model has something to choose.
  for (MethodOption& entry : entries)
    if (entry.key == "rung_increment") entry.default_value = kDyhpoIncrement;
  return entries;
}

std::unique_ptr<Scheduler> make_asha_bore(const MethodOptions& o) {
  BoreOptions options = bore_options("ashabore", o);
  options.levels = level_options(o);
  return make_halving(halving_options("ashabore", o, kAsha, make_bore_search(std::move(options))));
}

std::unique_ptr<Scheduler> make_asha_cqr(const MethodOptions& o) {
  CqrOptions options = cqr_options("ashacqr", o);
  options.levels = level_options(resource_options(o), SearcherData::All);
  return make_halving(halving_options("ashacqr", o, kAsha, make_cqr_search(std::move(options))));
}

}  // namespace

std::vector<Recipe> model_halving_recipes() {
  return {
      {{.name = "mobster",
        .description = "successive halving with a Gaussian process over configuration and resource",
        .aliases = {"MOBSTER"},
        .options = with_halving_options(
            kAsha,
            {searcher_data_option(),
             num_init_random_option(),
             kernel_option(MobsterOptions().kernel),
             {"resource_acq",
              "level at which improvement is looked for: bohb (the highest with enough data), "
              "first, final",
              "bohb"},
             {"resource_acq_bohb_threshold", "values that are enough for bohb, >= 1",
              MobsterOptions().bohb_threshold}}),
        .multi_fidelity = true},
       make_mobster},
      {{.name = "hypertune",
        .description = "a Gaussian process a level; how well each ranks decides proposals and "
                       "where trials begin",
        .aliases = {"HyperTune"},
        .options = with_halving_options(
            kHyperTune, {num_init_random_option(),
                         {"hypertune_distribution_num_samples",
                          "draws from each level's posterior that rank the trials, in [1, 10000]",
                          HyperTuneOptions().num_samples}}),
        .multi_fidelity = true},
       make_hypertune},
      {{.name = "dyhpo",
        .description = "a Gaussian process chooses between paused trials and new ones",
        .aliases = {"DyHPO"},
        .options = dyhpo_entries(),
        .multi_fidelity = true},
       make_dyhpo},
      {{.name = "ashabore",
        .description =
            "successive halving with a classifier of the best at the highest level known",
        .aliases = {"ASHABORE"},
        .options = with_halving_options(kAsha, bore_entries()),
        .multi_fidelity = true},
       make_asha_bore},
      {{.name = "ashacqr",
        .description = "successive halving with conformal quantiles of each trial's last value",
        .aliases = {"ASHACQR"},
        .options = with_halving_options(kAsha, cqr_entries()),
        .multi_fidelity = true},
       make_asha_cqr},
      {{.name = "bohb",
        .description = "hyperband with tpe, which learns from the highest level it can",
        .aliases = {"BOHB"},
        .options = with_halving_options(
            kBohb, {num_init_random_option(),
                    {"num_candidates", "draws of which the best is proposed, in [1, 10000]",
                     TpeOptions().num_candidates},
                    {"random_fraction", "of the proposals, how many are random, in [0, 1]",
                     kBohbRandomFraction}}),
        .multi_fidelity = true},
       make_bohb},
      {{.name = "sync_mobster",
        .description = "sync_hyperband with a Gaussian process over configuration and resource",
        .aliases = {"SyncMOBSTER"},
        .options = with_resource_options(
            {{"brackets", "brackets that take turns, in [1, levels]; unset: as many as levels"},
             num_init_random_option(),
             kernel_option(MobsterOptions().kernel)}),
        .multi_fidelity = true},
       make_sync_mobster},
  };
}

}  // namespace skipjack
