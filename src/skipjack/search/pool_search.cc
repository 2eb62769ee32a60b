#include "skipjack/search/pool_search.h"

#include <algorithm>
#include <string>
#include <utility>

#include "skipjack/base/invalid.h"
#include "skipjack/search/admission.h"
#include "skipjack/search/random.h"
#include "skipjack/search/sobol.h"

namespace skipjack {
namespace {

constexpr std::size_t kBestPoints = 5;
// Fewer values teach a model nothing.
constexpr std::size_t kMinValues = 2;

class PoolSearch final : public Searcher {
 public:
  explicit PoolSearch(PoolSearchOptions options)
      : options_(std::move(options)),
        unit_space_(options_.space),
        initial_(make_sobol_search({.space = options_.space, .seed = options_.seed})),
        random_(make_random_search({.space = options_.space, .seed = options_.seed})) {
    if (options_.num_initial < 1)
      invalid("num_initial = " + std::to_string(options_.num_initial) + " must be >= 1");
    if (!(options_.random_fraction >= 0 && options_.random_fraction <= 1))
      invalid("random_fraction = " + std::to_string(options_.random_fraction) +
              " must be in [0, 1]");
    if (options_.num_candidates < 1 || options_.num_candidates > 100'000)
      invalid("num_candidates = " + std::to_string(options_.num_candidates) +
              " must be in [1, 100000]");
    if (!options_.observe)
      options_.observe = [space = options_.space,
                          metric = options_.metric](const History& history) {
        return collect_observations(space, history, metric);
      };
  }

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    const Observations seen = options_.observe(history);
    const std::size_t num_trials = history.trials().size();
    if (static_cast<std::int64_t>(num_trials) < options_.num_initial ||
        seen.values.size() < kMinValues)
      return initial_->suggest(history, context);
    Rng rng(options_.seed, "suggest", num_trials);
    if (options_.random_fraction > 0 && rng.bernoulli(options_.random_fraction))
      return random_->suggest(history, context);

    const TrainingRows rows = training_rows(seen, options_.metric, options_.max_rows);
    const std::vector<UnitPoint> candidates =
        draw_candidates(unit_space_, Admission(unit_space_, seen, Duplicates::Avoid),
                        {.num_random = static_cast<std::size_t>(options_.num_candidates),
                         .good = best_points(rows, kBestPoints)},
                        rng);
    // What is left, if anything, is rare.
    if (candidates.empty()) return random_->suggest(history, context);
    const std::vector<double> scores = options_.model(
        {.rows = rows, .pending = seen.pending, .points = candidates, .use = ScoreUse::Propose},
        rng);
    const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
    return Proposal{.configuration =
                        options_.space.decode(candidates[static_cast<std::size_t>(best)])};
  }

  std::vector<double> score(const History& history, std::span<const Configuration> configurations,
                            std::optional<std::int64_t>) override {
    const Observations seen = options_.observe(history);
    if (seen.values.size() < kMinValues || configurations.empty()) return {};
    std::vector<UnitPoint> points;
    for (const Configuration& c : configurations) points.push_back(options_.space.encode(c));
    const TrainingRows rows = training_rows(seen, options_.metric, options_.max_rows);
    Rng rng(options_.seed, "score", history.trials().size());
    return options_.model(
        {.rows = rows, .pending = seen.pending, .points = points, .use = ScoreUse::Compare}, rng);
  }

 private:
  PoolSearchOptions options_;
  UnitSpace unit_space_;
  std::unique_ptr<Searcher> initial_, random_;
};

}  // namespace

std::unique_ptr<Searcher> make_pool_search(PoolSearchOptions options) {
  return std::make_unique<PoolSearch>(std::move(options));
}

}  // namespace skipjack
