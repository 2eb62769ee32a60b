// Problems: a world for every seed, so that twenty tunings of one problem are twenty different
// ones.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "skipjack/benchmark/bbob_world.h"
#include "skipjack/benchmark/disguise.h"
#include "skipjack/benchmark/table.h"
#include "skipjack/benchmark/world.h"

namespace skipjack::benchmark {

struct Problem {
  /// That of its worlds.
  std::string name;
  /// Its worlds have a resource axis.
  bool has_levels = false;
  /// Called from several threads at once.
  std::function<std::unique_ptr<World>(std::uint64_t seed)> make_world;
};

/// The same world under a disguise by seed; options.seed is not used.
Problem disguised_problem(std::shared_ptr<const World> world, const DisguiseOptions& options);
/// An instance by seed, disguised by seed; options.function.instance and disguise.seed are not
/// used. Throws InvalidArgument for options out of range.
Problem bbob_problem(const BbobWorldOptions& options, const DisguiseOptions& disguise);

}  // namespace skipjack::benchmark
