#include "skipjack/method/method.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/schedule/capping.h"
#include "skipjack/schedule/fifo.h"
#include "skipjack/search/bayesopt.h"
#include "skipjack/search/bore.h"
#include "skipjack/search/cmaes.h"
#include "skipjack/search/cost_aware.h"
#include "skipjack/search/cqr.h"
#include "skipjack/search/grid.h"
#include "skipjack/search/latin_hypercube.h"
#include "skipjack/search/local_search.h"
#include "skipjack/search/mo_bayesopt.h"
#include "skipjack/search/random.h"
#include "skipjack/search/rea.h"
#include "skipjack/search/scalarization.h"
#include "skipjack/search/sobol.h"
#include "skipjack/search/tpe.h"

namespace skipjack {
namespace {

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

bool as_bool(const Json& value) { return value.as_bool(); }
std::int64_t as_int(const Json& value) { return value.as_int(); }
double as_double(const Json& value) { return value.as_double(); }
std::map<std::string, std::int64_t> as_numbers(const Json& value) {
  std::map<std::string, std::int64_t> numbers;
  for (const auto& [name, number] : value.as_object()) numbers[name] = number.as_int();
  return numbers;
}

using MakeSearcher = std::unique_ptr<Searcher> (*)(const MethodOptions&);

Duplicates duplicates(const MethodOptions& o) {
  return option(o, "allow_duplicates", as_bool).value_or(false) ? Duplicates::Allow
                                                                : Duplicates::Avoid;
}

enum class Constraints { Refuse, Keep };

/// The objective of a method that takes one.
Metric only_objective(std::string_view method, const MethodOptions& o,
                      Constraints constraints = Constraints::Refuse) {
  const std::vector<Metric> objectives = metrics_with(MetricRole::Objective, o.metrics);
  const std::vector<Metric> kept = metrics_with(MetricRole::Constraint, o.metrics);
  if (constraints == Constraints::Refuse && !kept.empty())
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(method) + "' can't keep a measured constraint ('" +
                    kept.front().name + "')",
                "use bayesopt, or let the trial fail where the constraint is broken");
  if (objectives.size() != 1)
    throw Error(ErrorCode::InvalidArgument, "method '" + std::string(method) +
                                                "' needs exactly one objective, got " +
                                                std::to_string(objectives.size()));
  return objectives.front();
}

std::unique_ptr<Searcher> make_random(const MethodOptions& o) {
  return make_random_search({.space = o.space, .seed = o.seed, .duplicates = duplicates(o)});
}

std::unique_ptr<Searcher> make_grid(const MethodOptions& o) {
  const bool shuffle = option(o, "shuffle_config", as_bool).value_or(true);
  return make_grid_search(
      {.space = o.space,
       .seed = o.seed,
       .num_samples =
           option(o, "num_samples", as_numbers).value_or(std::map<std::string, std::int64_t>{}),
       .order = shuffle ? GridOrder::Shuffled : GridOrder::Sorted});
}

std::unique_ptr<Searcher> make_sobol(const MethodOptions& o) {
  return make_sobol_search({.space = o.space, .seed = o.seed});
}

std::unique_ptr<Searcher> make_bayesopt(const MethodOptions& o) {
  BayesOptOptions options{.space = o.space,
                          .metric = only_objective("bayesopt", o, Constraints::Keep),
                          .constraints = metrics_with(MetricRole::Constraint, o.metrics),
                          .seed = o.seed};
  options.num_initial = option(o, "num_init_random", as_int);
  options.sources = o.sources;
  return make_bayesopt_search(std::move(options));
}

std::unique_ptr<Searcher> make_tpe(const MethodOptions& o) {
  TpeOptions options{.space = o.space, .metric = only_objective("tpe", o), .seed = o.seed};
  options.num_initial = option(o, "num_init_random", as_int);
  options.num_candidates = option(o, "num_candidates", as_int).value_or(options.num_candidates);
  options.duplicates = duplicates(o);
  return make_tpe_search(std::move(options));
}

std::unique_ptr<Searcher> make_cmaes(const MethodOptions& o) {
  CmaesSearchOptions options{
      .space = o.space, .metric = only_objective("cmaes", o), .seed = o.seed};
  options.population_size = option(o, "population_size", as_int);
  options.initial_sigma = option(o, "initial_sigma", as_double).value_or(options.initial_sigma);
  options.duplicates = duplicates(o);
  return make_cmaes_search(std::move(options));
}

std::unique_ptr<Searcher> make_rea(const MethodOptions& o) {
  ReaOptions options{.space = o.space, .metric = only_objective("rea", o), .seed = o.seed};
  options.population_size = option(o, "population_size", as_int).value_or(options.population_size);
  options.sample_size = option(o, "sample_size", as_int).value_or(options.sample_size);
  options.duplicates = duplicates(o);
  return make_rea_search(std::move(options));
}

std::unique_ptr<Searcher> make_local(const MethodOptions& o) {
  LocalSearchOptions options{
      .space = o.space, .metric = only_objective("local_search", o), .seed = o.seed};
  options.num_starts = option(o, "num_init_random", as_int);
  options.patience = option(o, "patience", as_int);
  options.duplicates = duplicates(o);
  return make_local_search(std::move(options));
}

std::unique_ptr<Searcher> make_latin_hypercube(const MethodOptions& o) {
  return make_latin_hypercube_search(
      {.space = o.space, .seed = o.seed, .num_samples = option(o, "num_samples", as_int)});
}

/// By our names and Syne Tune's.
BoreClassifier as_classifier(const Json& value) {
  const std::string& name = value.as_string();
  if (name == "boosting" || name == "xgboost") return BoreClassifier::Boosting;
  if (name == "forest" || name == "rf") return BoreClassifier::Forest;
  if (name == "gp") return BoreClassifier::GaussianProcess;
  throw Error(ErrorCode::InvalidArgument, "there is no classifier '" + name + "'",
              "one of: boosting, forest, gp");
}

std::unique_ptr<Searcher> make_bore(const MethodOptions& o) {
  BoreOptions options{.space = o.space, .metric = only_objective("bore", o), .seed = o.seed};
  options.gamma = option(o, "gamma", as_double).value_or(options.gamma);
  options.classifier = option(o, "classifier", as_classifier).value_or(options.classifier);
  options.num_initial = option(o, "init_random", as_int).value_or(options.num_initial);
  options.random_fraction = option(o, "random_prob", as_double).value_or(options.random_fraction);
  options.num_candidates = option(o, "feval_acq", as_int).value_or(options.num_candidates);
  return make_bore_search(std::move(options));
}

std::unique_ptr<Searcher> make_cqr(const MethodOptions& o) {
  CqrOptions options{.space = o.space, .metric = only_objective("cqr", o), .seed = o.seed};
  options.num_initial = option(o, "num_init_random_draws", as_int).value_or(options.num_initial);
  return make_cqr_search(std::move(options));
}

/// The objectives of a method that weighs some against each other.
std::vector<Metric> several_objectives(std::string_view method, const MethodOptions& o) {
  std::vector<Metric> objectives = metrics_with(MetricRole::Objective, o.metrics);
  if (objectives.size() < 2)
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(method) + "' needs at least two objectives, got " +
                    std::to_string(objectives.size()),
                "use bayesopt for one");
  return objectives;
}

MultiObjectiveOptions multi_objective(std::string_view method, const MethodOptions& o) {
  return {.space = o.space,
          .objectives = several_objectives(method, o),
          .constraints = metrics_with(MetricRole::Constraint, o.metrics),
          .seed = o.seed,
          .num_initial = option(o, "num_init_random", as_int)};
}

std::unique_ptr<Searcher> make_mo_bayesopt(const MethodOptions& o) {
  return make_mo_bayesopt_search(multi_objective("mo_bayesopt", o));
}

std::unique_ptr<Searcher> make_random_scalarization(const MethodOptions& o) {
  return make_random_scalarization_search(multi_objective("random_scalarization", o));
}

std::unique_ptr<Searcher> make_linear_scalarization(const MethodOptions& o) {
  MultiObjectiveOptions options = multi_objective("linear_scalarization", o);
  std::vector<double> weights(options.objectives.size(), 1.0);
  option(o, "weights", [&](const Json& value) {
    std::fill(weights.begin(), weights.end(), 0.0);
    for (const auto& [name, weight] : value.as_object()) {
      const auto at = std::find_if(options.objectives.begin(), options.objectives.end(),
                                   [&](const Metric& metric) { return metric.name == name; });
      if (at == options.objectives.end())
        throw Error(ErrorCode::InvalidArgument, "there is no objective '" + name + "'");
      weights[static_cast<std::size_t>(at - options.objectives.begin())] = weight.as_double();
    }
    return true;
  });
  return make_linear_scalarization_search(std::move(options), std::move(weights));
}

std::unique_ptr<Searcher> make_cost_aware(const MethodOptions& o) {
  CostAwareOptions options{.space = o.space,
                           .metric = only_objective("cost_aware_bayesopt", o, Constraints::Keep),
                           .constraints = metrics_with(MetricRole::Constraint, o.metrics),
                           .seed = o.seed,
                           .num_initial = option(o, "num_init_random", as_int)};
  options.cost_metric = option(o, "cost_metric", [](const Json& v) { return v.as_string(); });
  const std::vector<Metric> costs = metrics_with(MetricRole::Cost, o.metrics);
  if (!options.cost_metric && !costs.empty()) options.cost_metric = costs.front().name;
  return make_cost_aware_search(std::move(options));
}

struct Recipe {
  MethodRow row;
  MakeSearcher searcher;
};

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> table = {
      {{.name = "bayesopt",
        .description = "Gaussian process and log expected improvement; the default",
        .aliases = {"BayesianOptimization", "ConstrainedBayesianOptimization"},
        .options = {"num_init_random"},
        .transfers = true},
       make_bayesopt},
      {{.name = "tpe",
        .description = "tree-structured Parzen estimator: densities of good and of bad trials",
        .aliases = {"TPE", "KDE", "kde"},
        .options = {"num_init_random", "num_candidates", "allow_duplicates"}},
       make_tpe},
      {{.name = "cmaes",
        .description = "evolution strategy with covariance adaptation; for hundreds of trials",
        .aliases = {"CMAES"},
        .options = {"population_size", "initial_sigma", "allow_duplicates"}},
       make_cmaes},
      {{.name = "rea",
        .description = "regularised evolution: children of good trials, the oldest forgotten",
        .aliases = {"REA", "RegularizedEvolution", "regularized_evolution"},
        .options = {"population_size", "sample_size", "allow_duplicates"}},
       make_rea},
      {{.name = "local_search",
        .description = "neighbours of the best so far, with restarts",
        .aliases = {"LocalSearch"},
        .options = {"num_init_random", "patience", "allow_duplicates"}},
       make_local},
      {{.name = "bore",
        .description = "classifies the best quarter and tries what is surest to be in it",
        .aliases = {"BORE"},
        .options = {"gamma", "classifier", "init_random", "random_prob", "feval_acq"}},
       make_bore},
      {{.name = "cqr",
        .description = "quantiles by boosted trees, conformally corrected, Thompson sampling",
        .aliases = {"CQR"},
        .options = {"num_init_random_draws"}},
       make_cqr},
      {{.name = "mo_bayesopt",
        .description = "several objectives: expected hypervolume improvement",
        .aliases = {"EHVI"},
        .options = {"num_init_random"},
        .objectives = Objectives::Several},
       make_mo_bayesopt},
      {{.name = "random_scalarization",
        .description = "several objectives: Chebyshev distances of random weights (ParEGO)",
        .aliases = {"MORandomScalarizationBayesOpt"},
        .options = {"num_init_random"},
        .objectives = Objectives::Several},
       make_random_scalarization},
      {{.name = "linear_scalarization",
        .description = "several objectives: their sum with weights that stay",
        .aliases = {"MOLinearScalarizationBayesOpt"},
        .options = {"num_init_random", "weights"},
        .objectives = Objectives::Several},
       make_linear_scalarization},
      {{.name = "cost_aware_bayesopt",
        .description = "bayesopt by improvement per cost, while the budget lasts",
        .aliases = {"CostAwareBayesianOptimization"},
        .options = {"num_init_random", "cost_metric"}},
       make_cost_aware},
      {{.name = "random",
        .description = "independent draws from the domains, none twice",
        .aliases = {"RandomSearch"},
        .options = {"allow_duplicates"},
        .objectives = Objectives::Whatever},
       make_random},
      {{.name = "grid",
        .description = "every combination of a few values per parameter, shuffled",
        .aliases = {"GridSearch"},
        .options = {"num_samples", "shuffle_config"},
        .objectives = Objectives::Whatever},
       make_grid},
      {{.name = "sobol",
        .description = "a scrambled Sobol sequence: evenly spread points",
        .aliases = {"SobolSearch"},
        .options = {},
        .objectives = Objectives::Whatever},
       make_sobol},
      {{.name = "latin_hypercube",
        .description = "Latin hypercubes of a declared size: evenly spread points",
        .aliases = {"LatinHypercube"},
        .options = {"num_samples"},
        .objectives = Objectives::Whatever},
       make_latin_hypercube},
  };
  return table;
}

const Recipe& find_recipe(std::string_view method) {
  std::string names;
  for (const Recipe& recipe : recipes()) {
    const auto& aliases = recipe.row.aliases;
    if (recipe.row.name == method ||
        std::find(aliases.begin(), aliases.end(), method) != aliases.end())
      return recipe;
    names += (names.empty() ? "" : ", ") + std::string(recipe.row.name);
  }
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
    if (std::find(row.options.begin(), row.options.end(), key) != row.options.end()) continue;
    std::string known(kCapOption);
    for (const std::string_view option : row.options) known += ", " + std::string(option);
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(row.name) + "' has no option '" + key + "'",
                "one of: " + known);
  }
}

void check_sources(const MethodRow& row, const MethodOptions& options) {
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
std::optional<double> cap_slack(const MethodOptions& o, const Metric& objective) {
  const Json* cap = o.options.find(kCapOption);
  if (cap && cap->is_bool() && !cap->as_bool()) return std::nullopt;
  const bool is_alone = metrics_with(MetricRole::Objective, o.metrics).size() <= 1 &&
                        metrics_with(MetricRole::Constraint, o.metrics).empty();
  if (cap && !is_alone)
    throw Error(
        ErrorCode::InvalidArgument,
        "method option 'cap': a trial that is stopped early tells nothing of constraints or "
        "of further objectives",
        "leave capping off where there are any");
  const bool is_time = objective.kind == MetricKind::Time;
  if (!cap) return is_time && is_alone ? std::optional(CappingOptions().slack) : std::nullopt;
  if (cap->is_bool()) return CappingOptions().slack;
  return option(o, kCapOption, as_double);
}

std::unique_ptr<Scheduler> with_capping(std::unique_ptr<Scheduler> scheduler,
                                        const MethodOptions& o) {
  const std::vector<Metric> objectives = metrics_with(MetricRole::Objective, o.metrics);
  const Metric objective = objectives.empty() ? Metric{} : objectives.front();
  const auto slack = cap_slack(o, objective);
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

std::unique_ptr<Scheduler> make_scheduler(std::string_view method, const MethodOptions& options) {
  const Recipe& recipe = find_recipe(method);
  check_options(recipe.row, options.options);
  check_sources(recipe.row, options);
  std::vector<Configuration> points;
  std::unordered_set<std::string> seen;
  for (const Configuration& point : options.points_to_evaluate) {
    Configuration complete = options.space.complete(point);
    if (seen.insert(options.space.key(complete)).second) points.push_back(std::move(complete));
  }
  return with_capping(
      make_fifo({.searcher = recipe.searcher(options), .points_to_evaluate = std::move(points)}),
      options);
}

}  // namespace skipjack
