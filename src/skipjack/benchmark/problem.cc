#include "skipjack/benchmark/problem.h"

#include <utility>

namespace skipjack::benchmark {
namespace {

DisguiseOptions by_seed(DisguiseOptions options, std::uint64_t seed) {
  options.seed = seed;
  return options;
}

}  // namespace

Problem disguised_problem(std::shared_ptr<const World> world, const DisguiseOptions& options) {
  std::string name = world->name();
  return {.name = std::move(name),
          .has_levels = !world->resource().name.empty(),
          .make_world = [world = std::move(world), options](std::uint64_t seed) {
            return disguise(world, by_seed(options, seed));
          }};
}

Problem bbob_problem(const BbobWorldOptions& options, const DisguiseOptions& disguise_options) {
  return {.name = make_bbob_world(options)->name(),
          .make_world = [options, disguise_options](std::uint64_t seed) {
            BbobWorldOptions instance = options;
            instance.function.instance = seed;
            return disguise(make_bbob_world(instance), by_seed(disguise_options, seed));
          }};
}

}  // namespace skipjack::benchmark
