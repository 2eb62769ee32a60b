// Searchers for one objective whose trials run to their end.
#include <map>
#include <utility>

#include "skipjack/method/recipe.h"
#include "skipjack/search/bayesopt.h"
#include "skipjack/search/cmaes.h"
#include "skipjack/search/cost_aware.h"
#include "skipjack/search/grid.h"
#include "skipjack/search/latin_hypercube.h"
#include "skipjack/search/local_search.h"
#include "skipjack/search/random.h"
#include "skipjack/search/rea.h"
#include "skipjack/search/sobol.h"
#include "skipjack/search/tpe.h"

namespace skipjack {
namespace {

std::map<std::string, std::int64_t> as_numbers(const Json& value) {
  std::map<std::string, std::int64_t> numbers;
  for (const auto& [name, number] : value.as_object()) numbers[name] = number.as_int();
  return numbers;
}

Duplicates duplicates(const MethodOptions& o) {
  return option(o, "allow_duplicates", as_bool).value_or(false) ? Duplicates::Allow
                                                                : Duplicates::Avoid;
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
  options.num_initial = option(o, "num_init_random", as_int).value_or(options.num_initial);
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
  options.population_size = option(o, "population_size", as_int);
  options.sample_size = option(o, "sample_size", as_int);
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
  return make_bore_search(bore_options("bore", o));
}

std::unique_ptr<Searcher> make_cqr(const MethodOptions& o) {
  return make_cqr_search(cqr_options("cqr", o));
}

std::unique_ptr<Searcher> make_cost_aware(const MethodOptions& o) {
  CostAwareOptions options{.space = o.space,
                           .metric = only_objective("cost_aware_bayesopt", o, Constraints::Keep),
                           .constraints = metrics_with(MetricRole::Constraint, o.metrics),
                           .seed = o.seed,
                           .num_initial = option(o, "num_init_random", as_int)};
  options.cost_metric = option(o, "cost_metric", as_string);
  const std::vector<Metric> costs = metrics_with(MetricRole::Cost, o.metrics);
  if (!options.cost_metric && !costs.empty()) options.cost_metric = costs.front().name;
  return make_cost_aware_search(std::move(options));
}

}  // namespace

BoreOptions bore_options(std::string_view method, const MethodOptions& o) {
  BoreOptions options{.space = o.space, .metric = only_objective(method, o), .seed = o.seed};
  options.gamma = option(o, "gamma", as_double).value_or(options.gamma);
  options.classifier = option(o, "classifier", as_classifier).value_or(options.classifier);
  options.num_initial = option(o, "init_random", as_int).value_or(options.num_initial);
  options.random_fraction = option(o, "random_prob", as_double).value_or(options.random_fraction);
  options.num_candidates = option(o, "feval_acq", as_int).value_or(options.num_candidates);
  return options;
}

CqrOptions cqr_options(std::string_view method, const MethodOptions& o) {
  CqrOptions options{.space = o.space, .metric = only_objective(method, o), .seed = o.seed};
  options.num_initial = option(o, "num_init_random_draws", as_int).value_or(options.num_initial);
  return options;
}

std::vector<MethodOption> bore_entries() {
  return {{"gamma", "part of the observations that counts as good, in (0, 1)", BoreOptions().gamma},
          {"classifier", "boosting, forest or gp", "boosting"},
          {"init_random", "trials before the first that a model proposes, >= 1",
           BoreOptions().num_initial},
          {"random_prob", "probability of a random configuration, in [0, 1]",
           BoreOptions().random_fraction},
          {"feval_acq", "random configurations that the classifier looks at, in [1, 100000]",
           BoreOptions().num_candidates}};
}

std::vector<MethodOption> cqr_entries() {
  return {{"num_init_random_draws", "trials before the first that a model proposes, >= 1",
           CqrOptions().num_initial}};
}

std::vector<Recipe> search_recipes() {
  return {
      {{.name = "bayesopt",
        .description = "Gaussian process and log expected improvement; the default",
        .aliases = {"BayesianOptimization", "ConstrainedBayesianOptimization"},
        .options = {num_init_random_option(BayesOptOptions().num_initial)},
        .transfers = true},
       in_fifo<make_bayesopt>},
      {{.name = "tpe",
        .description = "tree-structured Parzen estimator: densities of good and of bad trials",
        .aliases = {"TPE", "KDE", "kde"},
        .options = {num_init_random_option(),
                    {"num_candidates", "draws of which the best is proposed, in [1, 10000]",
                     TpeOptions().num_candidates},
                    allow_duplicates_option()}},
       in_fifo<make_tpe>},
      {{.name = "cmaes",
        .description = "evolution strategy with covariance adaptation; for hundreds of trials",
        .aliases = {"CMAES"},
        .options = {{"population_size",
                     "members of a generation, in [4, 10000]; unset: 4 + floor(3 log d)"},
                    {"initial_sigma",
                     "standard deviation at the start in units of an axis, in (0, 1]",
                     CmaesSearchOptions().initial_sigma},
                    allow_duplicates_option()}},
       in_fifo<make_cmaes>},
      {{.name = "rea",
        .description = "regularised evolution: children of good trials, the oldest forgotten",
        .aliases = {"REA", "RegularizedEvolution", "regularized_evolution"},
        .options = {{"population_size",
                     "members of the population, and random trials at the start, >= 1; unset: 20, "
                     "or sample_size if that is more"},
                    {"sample_size",
                     "draws of which the best is the parent, in [1, 10000]; unset: a quarter of "
                     "population_size, at least 1"},
                    allow_duplicates_option()}},
       in_fifo<make_rea>},
      {{.name = "local_search",
        .description = "neighbours of the best so far, with restarts",
        .aliases = {"LocalSearch"},
        .options =
            {{"num_init_random",
              "trials from which the best is where a climb starts, >= 1; unset: max(5, d + 1)"},
             {"patience",
              "trials without gain that end a climb, >= 1; unset: the number of neighbours"},
             allow_duplicates_option()}},
       in_fifo<make_local>},
      {{.name = "bore",
        .description = "classifies the best quarter and tries what is surest to be in it",
        .aliases = {"BORE"},
        .options = bore_entries()},
       in_fifo<make_bore>},
      {{.name = "cqr",
        .description = "quantiles by boosted trees, conformally corrected, Thompson sampling",
        .aliases = {"CQR"},
        .options = cqr_entries()},
       in_fifo<make_cqr>},
      {{.name = "cost_aware_bayesopt",
        .description = "bayesopt by improvement per cost, while the budget lasts",
        .aliases = {"CostAwareBayesianOptimization"},
        .options = {num_init_random_option(),
                    {"cost_metric",
                     "what a trial cost, as it reports it; unset: the seconds that it took"}}},
       in_fifo<make_cost_aware>},
      {{.name = "random",
        .description = "independent draws from the domains, none twice",
        .aliases = {"RandomSearch"},
        .options = {allow_duplicates_option()},
        .objectives = Objectives::Whatever},
       in_fifo<make_random>},
      {{.name = "grid",
        .description = "every combination of a few values per parameter, shuffled",
        .aliases = {"GridSearch"},
        .options = {{"num_samples", "values per parameter by name, >= 1; unset: at most 5 each"},
                    {"shuffle_config", "whether the combinations come in random order", true}},
        .objectives = Objectives::Whatever},
       in_fifo<make_grid>},
      {{.name = "sobol",
        .description = "a scrambled Sobol sequence: evenly spread points",
        .aliases = {"SobolSearch"},
        .options = {},
        .objectives = Objectives::Whatever},
       in_fifo<make_sobol>},
      {{.name = "latin_hypercube",
        .description = "Latin hypercubes of a declared size: evenly spread points",
        .aliases = {"LatinHypercube"},
        .options = {{"num_samples", "points of a design, in [1, 10000]; unset: 10 d"}},
        .objectives = Objectives::Whatever},
       in_fifo<make_latin_hypercube>},
  };
}

}  // namespace skipjack
