// Methods for several objectives.
#include <algorithm>
#include <utility>

#include "skipjack/method/recipe.h"
#include "skipjack/search/mo_bayesopt.h"
#include "skipjack/search/scalarization.h"

namespace skipjack {
namespace {

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

}  // namespace

std::vector<Recipe> multi_objective_recipes() {
  return {
      {{.name = "mo_bayesopt",
        .description = "several objectives: expected hypervolume improvement",
        .aliases = {"EHVI"},
        .options = {num_init_random_option()},
        .objectives = Objectives::Several},
       in_fifo<make_mo_bayesopt>},
      {{.name = "random_scalarization",
        .description = "several objectives: Chebyshev distances of random weights (ParEGO)",
        .aliases = {"MORandomScalarizationBayesOpt"},
        .options = {num_init_random_option()},
        .objectives = Objectives::Several,
        .page = "scalarization"},
       in_fifo<make_random_scalarization>},
      {{.name = "linear_scalarization",
        .description = "several objectives: their sum with weights that stay",
        .aliases = {"MOLinearScalarizationBayesOpt"},
        .options = {num_init_random_option(),
                    {"weights",
                     "weight of each objective by name, >= 0, not all 0; unset: 1 each"}},
        .objectives = Objectives::Several,
        .page = "scalarization"},
       in_fifo<make_linear_scalarization>},
  };
}

}  // namespace skipjack
