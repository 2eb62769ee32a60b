#include "skipjack/search/cmaes.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/model/cmaes.h"
#include "skipjack/search/axes.h"
#include "skipjack/search/experience.h"

namespace skipjack {
namespace {

constexpr int kMaxDraws = 100;
constexpr std::size_t kMaxPopulation = 10'000;

class CmaesSearch final : public Searcher {
 public:
  explicit CmaesSearch(CmaesSearchOptions options)
      : options_(check(std::move(options))),
        axes_(make_axes(options_.space)),
        experience_({.space = options_.space,
                     .metric = options_.metric,
                     .seed = options_.seed,
                     .duplicates = options_.duplicates}),
        distribution_(first_run()) {}

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    if (experience_.update(history) == TriedConfigurations::Relation::Other) start_over();
    catch_up();
    Rng rng(options_.seed, "suggest", history.trials().size());
    return experience_.propose(history, context, kMaxDraws,
                               [&] { return distribution_.sample(rng); });
  }

 private:
  static CmaesSearchOptions check(CmaesSearchOptions options) {
    const auto most = static_cast<std::int64_t>(kMaxPopulation);
    if (options.population_size &&
        (*options.population_size < 4 || *options.population_size > most))
      throw Error(ErrorCode::InvalidArgument,
                  "population_size = " + std::to_string(*options.population_size) +
                      " must be in [4, " + std::to_string(most) + "]");
    if (!(options.initial_sigma > 0 && options.initial_sigma <= 1))
      throw Error(
          ErrorCode::InvalidArgument,
          "initial_sigma = " + std::to_string(options.initial_sigma) + " must be in (0, 1]");
    return options;
  }

  Cmaes first_run() const {
    const auto given = static_cast<std::size_t>(options_.population_size.value_or(0));
    return Cmaes({.axes = axes_,
                  .population = given > 0 ? given : cmaes_population(axes_.size()),
                  .mean = std::vector<double>(axes_.size(), 0.5),
                  .sigma = options_.initial_sigma});
  }

  /// From anywhere, with twice the members [Auger2005].
  Cmaes next_run() {
    ++num_restarts_;
    Rng rng(options_.seed, "restart", num_restarts_);
    std::vector<double> mean(axes_.size());
    for (double& coordinate : mean) coordinate = rng.uniform();
    return Cmaes({.axes = axes_,
                  .population = std::min(kMaxPopulation, 2 * distribution_.population()),
                  .mean = std::move(mean),
                  .sigma = options_.initial_sigma});
  }

  void start_over() {
    taken_.clear();
    num_restarts_ = 0;
    start_of_run_ = last_progress_ = 0;
    best_ = std::nullopt;
    distribution_ = first_run();
  }

  /// Brings the distribution to the last full generation of what has finished. A cache: the same
  /// trials finished in the same order give the same distribution.
  void catch_up() {
    const std::vector<FinishedTrial>& finished = experience_.finished();
    const bool continues = taken_.size() <= finished.size() &&
                           std::equal(taken_.begin(), taken_.end(), finished.begin());
    if (!continues) start_over();
    while (finished.size() - taken_.size() >= distribution_.population()) take_generation();
  }

  void take_generation() {
    std::vector<CmaesMember> generation;
    for (std::size_t i = 0; i < distribution_.population(); ++i) {
      const FinishedTrial& next = experience_.finished()[taken_.size()];
      generation.push_back({.point = experience_.point(next.trial), .loss = next.loss});
      taken_.push_back(next);
      if (next.loss && (!best_ || *next.loss < *best_)) {
        best_ = next.loss;
        last_progress_ = taken_.size();
      }
    }
    Rng rng(options_.seed, "generation", taken_.size());
    distribution_.update(generation, rng);
    // [Auger2005]: 10 + 30 d / lambda generations without progress.
    const std::size_t waited = taken_.size() - std::max(last_progress_, start_of_run_);
    if (!distribution_.converged() && waited <= 10 * distribution_.population() + 30 * axes_.size())
      return;
    distribution_ = next_run();
    best_ = std::nullopt;
    start_of_run_ = taken_.size();
  }

  CmaesSearchOptions options_;
  std::vector<Axis> axes_;
  Experience experience_;

  /// What distribution_ has seen, in order.
  std::vector<FinishedTrial> taken_;
  Cmaes distribution_;
  std::uint64_t num_restarts_ = 0;
  /// Of the present run: where it started in taken_, its best loss, and behind which trial that
  /// came.
  std::size_t start_of_run_ = 0, last_progress_ = 0;
  std::optional<double> best_;
};

}  // namespace

std::unique_ptr<Searcher> make_cmaes_search(CmaesSearchOptions options) {
  return std::make_unique<CmaesSearch>(std::move(options));
}

}  // namespace skipjack
