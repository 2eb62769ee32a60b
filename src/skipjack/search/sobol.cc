#include "skipjack/search/sobol.h"

#include <utility>

#include "skipjack/model/sobol.h"
#include "skipjack/search/random.h"
#include "skipjack/search/tried.h"

namespace skipjack {
namespace {

// Points looked at per trial, on average, before random search takes over.
constexpr std::uint64_t kPointsPerTrial = 200;

class SobolSearch final : public Searcher {
 public:
  explicit SobolSearch(SobolSearchOptions options)
      : space_(options.space),
        tried_(options.space),
        sequence_({.dimension = options.space.dimension(), .seed = options.seed}),
        fallback_(make_random_search({.space = options.space, .seed = options.seed})) {}

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    if (tried_.update(history) == TriedConfigurations::Relation::Other) next_ = 0;
    const std::uint64_t end = kPointsPerTrial * (history.trials().size() + 1);
    for (; next_ < end; ++next_) {
      Configuration configuration = space_.decode(sequence_.point(next_));
      if (!tried_.contains(configuration) && space_.satisfies_constraints(configuration))
        return Proposal{.configuration = std::move(configuration)};
    }
    return fallback_->suggest(history, context);
  }

 private:
  SearchSpace space_;
  TriedConfigurations tried_;
  SobolSequence sequence_;
  std::unique_ptr<Searcher> fallback_;
  /// All points before it were tried or are infeasible.
  std::uint64_t next_ = 0;
};

}  // namespace

std::unique_ptr<Searcher> make_sobol_search(SobolSearchOptions options) {
  return std::make_unique<SobolSearch>(std::move(options));
}

}  // namespace skipjack
