// Deviation: steady-state. The population is chosen anew from all trials that have ended each time
// that a worker is free, not generation by generation, so that nobody waits for a generation.
#include "skipjack/search/nsga2.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/search/experience.h"
#include "skipjack/search/pareto_order.h"

namespace skipjack {
namespace {

constexpr int kMaxDraws = 100;
/// Distribution indices of crossover and mutation [Deb2002, sec. V].
constexpr double kCrossoverIndex = 20, kMutationIndex = 20;
/// Coordinates nearer than that are not crossed.
constexpr double kSame = 1e-12;

/// One of the two children of a < b on [0, 1]: simulated binary crossover within bounds.
double crossed(double a, double b, Rng& rng) {
  const double u = rng.uniform(), exponent = kCrossoverIndex + 1;
  const bool is_lower = rng.bernoulli(0.5);
  const double beta = 1 + 2 * (is_lower ? a : 1 - b) / (b - a);
  const double alpha = 2 - std::pow(beta, -exponent);
  const double spread = u * alpha <= 1 ? std::pow(u * alpha, 1 / exponent)
                                       : std::pow(1 / (2 - u * alpha), 1 / exponent);
  return std::clamp(0.5 * (a + b + (is_lower ? -1 : 1) * spread * (b - a)), 0.0, 1.0);
}

/// Polynomial mutation within [0, 1].
double mutated(double x, Rng& rng) {
  const double u = rng.uniform(), exponent = kMutationIndex + 1;
  if (u < 0.5)
    return std::clamp(
        x + std::pow(2 * u + (1 - 2 * u) * std::pow(1 - x, exponent), 1 / exponent) - 1, 0.0, 1.0);
  return std::clamp(
      x + 1 - std::pow(2 * (1 - u) + (2 * u - 1) * std::pow(x, exponent), 1 / exponent), 0.0, 1.0);
}

class Nsga2 final : public Searcher {
 public:
  explicit Nsga2(Nsga2Options options)
      : options_(std::move(options)), experience_(experience_of(options_)) {
    if (options_.population_size < 2)
      throw Error(
          ErrorCode::InvalidArgument,
          "population_size = " + std::to_string(options_.population_size) + " must be >= 2");
    if (!(options_.crossover_probability >= 0 && options_.crossover_probability <= 1))
      throw Error(ErrorCode::InvalidArgument,
                  "crossover_probability = " + shortest_decimal(options_.crossover_probability) +
                      " must be in [0, 1]");
  }

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    experience_.update(history);
    const std::vector<TrialId> population = select();
    const auto started = static_cast<std::int64_t>(history.trials().size());
    if (started < options_.population_size || population.size() < 2 ||
        options_.space.dimension() == 0)
      return experience_.propose(history, context, 0, {});
    Rng rng(options_.seed, "suggest", history.trials().size());
    return experience_.propose(history, context, kMaxDraws,
                               [&] { return child_of(population, rng); });
  }

 private:
  static ExperienceOptions experience_of(const Nsga2Options& options) {
    if (options.objectives.size() < 2)
      throw Error(ErrorCode::InvalidArgument, "NSGA-II needs at least two objectives, got " +
                                                  std::to_string(options.objectives.size()));
    return {.space = options.space,
            .metric = options.objectives.front(),
            .others = {options.objectives.begin() + 1, options.objectives.end()},
            .constraints = options.constraints,
            .seed = options.seed};
  }

  /// The population, best first.
  std::vector<TrialId> select() const {
    std::vector<FinishedTrial> measured;
    for (const FinishedTrial& finished : experience_.finished())
      if (finished.loss) measured.push_back(finished);
    std::vector<TrialId> population;
    for (const std::size_t i : pareto_order(measured, FrontOrder::Crowding)) {
      if (static_cast<std::int64_t>(population.size()) == options_.population_size) break;
      population.push_back(measured[i].trial);
    }
    return population;
  }

  /// The better of two.
  const UnitPoint& parent(const std::vector<TrialId>& population, Rng& rng) const {
    const auto last = static_cast<std::int64_t>(population.size()) - 1;
    const std::int64_t one = rng.uniform_int(0, last), other = rng.uniform_int(0, last);
    return experience_.point(population[static_cast<std::size_t>(std::min(one, other))]);
  }

  UnitPoint child_of(const std::vector<TrialId>& population, Rng& rng) const {
    UnitPoint child = parent(population, rng);
    const UnitPoint& other = parent(population, rng);
    const auto& kinds = experience_.unit_space().kinds();
    if (rng.bernoulli(options_.crossover_probability))
      for (std::size_t k = 0; k < child.size(); ++k) {
        if (!rng.bernoulli(0.5)) continue;
        if (kinds[k] == DimensionKind::Unordered)
          child[k] = other[k];
        else if (std::abs(child[k] - other[k]) > kSame)
          child[k] = crossed(std::min(child[k], other[k]), std::max(child[k], other[k]), rng);
      }
    const double probability = 1.0 / static_cast<double>(child.size());
    for (std::size_t k = 0; k < child.size(); ++k)
      if (rng.bernoulli(probability))
        child[k] = kinds[k] == DimensionKind::Unordered ? rng.uniform() : mutated(child[k], rng);
    return child;
  }

  Nsga2Options options_;
  Experience experience_;
};

}  // namespace

std::unique_ptr<Searcher> make_nsga2_search(Nsga2Options options) {
  return std::make_unique<Nsga2>(std::move(options));
}

}  // namespace skipjack
