// Methods whose trials are measured and compared in groups: synchronous Hyperband and its kin.
#include <utility>

#include "skipjack/method/recipe.h"
#include "skipjack/schedule/sync_hyperband.h"
#include "skipjack/search/random.h"

namespace skipjack {
namespace {

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
  };
}

}  // namespace skipjack
