#include "skipjack/search/local_search.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/search/experience.h"
#include "skipjack/search/sobol.h"

namespace skipjack {
namespace {

constexpr int kMaxDraws = 200;
// Of an axis: the standard deviation of a move of two parameters at once.
constexpr double kSpread = 0.1;

class LocalSearch final : public Searcher {
 public:
  explicit LocalSearch(LocalSearchOptions options)
      : options_(std::move(options)),
        experience_({.space = options_.space,
                     .metric = options_.metric,
                     .seed = options_.seed,
                     .duplicates = options_.duplicates}),
        starts_(make_sobol_search({.space = options_.space, .seed = options_.seed})) {
    for (const auto& [name, value] :
         {std::pair{"num_starts", options_.num_starts}, std::pair{"patience", options_.patience}})
      if (value && *value < 1)
        throw Error(ErrorCode::InvalidArgument,
                    std::string(name) + " = " + std::to_string(*value) + " must be >= 1");
  }

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    experience_.update(history);
    const std::optional<TrialId> top = climb();
    if (!top) return starts_->suggest(history, context);
    const UnitSpace& unit_space = experience_.unit_space();
    const UnitPoint& from = experience_.point(*top);
    const std::vector<UnitPoint> neighbors = unit_space.neighbors(from);
    const auto last = static_cast<std::int64_t>(neighbors.size()) - 1;
    Rng rng(options_.seed, "suggest", history.trials().size());
    return experience_.propose(history, context, kMaxDraws, [&] {
      return neighbors.empty() || rng.bernoulli(0.5)
                 ? unit_space.perturb(from, kSpread, rng)
                 : neighbors[static_cast<std::size_t>(rng.uniform_int(0, last))];
    });
  }

 private:
  /// The best trial of the present climb; unset while starts are collected for one.
  std::optional<TrialId> climb() const {
    const auto dimension = static_cast<std::int64_t>(experience_.unit_space().dimension());
    const std::int64_t num_starts =
        options_.num_starts.value_or(std::max<std::int64_t>(5, dimension + 1));
    const FinishedTrial* best = nullptr;
    std::int64_t collected = 0, misses = 0, patience = 0;
    for (const FinishedTrial& finished : experience_.finished()) {
      const bool starting = collected < num_starts || best == nullptr;
      ++collected;
      if (finished.loss && (best == nullptr || *finished.loss < *best->loss)) {
        best = &finished;
        misses = 0;
        patience = patience_at(finished.trial);
      } else if (!starting && ++misses >= patience) {
        best = nullptr;
        collected = misses = 0;
      }
    }
    if (best == nullptr || collected < num_starts) return std::nullopt;
    return best->trial;
  }

  std::int64_t patience_at(TrialId trial) const {
    if (options_.patience) return *options_.patience;
    const auto number = experience_.unit_space().neighbors(experience_.point(trial)).size();
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(number));
  }

  LocalSearchOptions options_;
  Experience experience_;
  std::unique_ptr<Searcher> starts_;
};

}  // namespace

std::unique_ptr<Searcher> make_local_search(LocalSearchOptions options) {
  return std::make_unique<LocalSearch>(std::move(options));
}

}  // namespace skipjack
