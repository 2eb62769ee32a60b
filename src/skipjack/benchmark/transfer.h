// Transfer between worlds: does a tuning that begins from earlier experiments find as much in fewer
// evaluations as one that begins cold, and what does it lose where the earlier ones mislead?
// Sources are real tunings of the source worlds by the same method, cold, with seeds of their own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/benchmark/world.h"
#include "skipjack/search/warm_start.h"

namespace skipjack::benchmark {

/// A world and those whose experiments it may learn from; all have the same metric.
struct TransferCase {
  /// Names the case in tables of results, without spaces.
  std::string name;
  std::shared_ptr<const World> target;
  std::vector<std::shared_ptr<const World>> sources;
};

/// The world with every value of its metric negated, and the same mode: what was best is worst. Of
/// use as a source that misleads; its truth is known as far as the other's, its reference is not.
std::shared_ptr<const World> negated(std::shared_ptr<const World> world);

struct TransferPairsOptions {
  /// What to pair; at least num_sources + 1.
  std::vector<std::shared_ptr<const World>> worlds;
  /// Cases to make. Range [1, worlds * (worlds - 1)].
  int num_cases = 20;
  /// Of each case. Range [1, worlds - 1].
  int num_sources = 1;
  /// Whether sources mislead.
  enum class Sources { AsTheyAre, Negated } sources = Sources::AsTheyAre;
};
/// Every world is a target equally often, up to one; its sources are the worlds that follow it in
/// the list, and for its next case those that follow these. No chance in it. Throws InvalidArgument
/// for options out of range.
std::vector<TransferCase> transfer_cases(const TransferPairsOptions& options);

struct TransferOptions {
  /// See method/method.h; must be able to learn from sources.
  std::string method = "bayesopt";
  Json method_options = {};
  /// Trials of the target, cold and warm. Range [20, inf); default 50.
  int evaluations = 50;
  /// Trials of each source's experiment. Range [1, inf); default 50.
  int source_evaluations = 50;
  std::uint64_t first_seed = 0;
  /// Cold and warm tunings of each case, with seeds first_seed, first_seed + 1, ... Range [1, inf).
  int num_seeds = 5;
  /// Threads. Results don't depend on it. Range [1, 1024].
  int jobs = 1;
};

/// Normalised regret of the recommended configuration after 1, 2, ... evaluations.
using RegretCurve = std::vector<double>;

struct TransferResult {
  std::string name;
  /// One a seed.
  std::vector<RegretCurve> cold, warm;
  /// Cold as well, with other seeds: how much of a difference is chance.
  std::vector<RegretCurve> control;
};
/// Runs cases, and keeps what others can use: a world's cold tunings are the same in all of them.
/// Not thread-safe; uses threads of its own.
class TransferRuns {
 public:
  /// Throws InvalidArgument for options out of range.
  explicit TransferRuns(TransferOptions options);
  /// Worlds are told apart by their names. Throws what replay() throws.
  TransferResult run(const TransferCase& transfer);

 private:
  using World = std::shared_ptr<const benchmark::World>;
  const std::vector<SourceExperiment>& sources_of(const World& world);
  const std::vector<RegretCurve>& cold_of(const World& world, std::uint64_t first_seed);

  TransferOptions options_;
  /// One a seed.
  std::map<std::string, std::vector<SourceExperiment>> sources_;
  std::map<std::pair<std::string, std::uint64_t>, std::vector<RegretCurve>> cold_;
};

/// Curves of equal length, number by number.
RegretCurve mean_curve(const std::vector<RegretCurve>& curves);
/// The first number of evaluations after which the curve is at most goal, and unset if it never is.
std::optional<int> evaluations_to(const RegretCurve& curve, double goal);

}  // namespace skipjack::benchmark
