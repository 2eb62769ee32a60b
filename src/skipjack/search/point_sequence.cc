#include "skipjack/search/point_sequence.h"

#include <utility>

#include "skipjack/search/random.h"
#include "skipjack/search/tried.h"

namespace skipjack {
namespace {

// Points looked at per trial, on average, before random search takes over.
constexpr std::uint64_t kPointsPerTrial = 200;

class PointSequenceSearch final : public Searcher {
 public:
  explicit PointSequenceSearch(PointSequenceOptions options)
      : options_(std::move(options)),
        tried_(options_.space),
        fallback_(make_random_search({.space = options_.space, .seed = options_.seed})) {}

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    if (tried_.update(history) == TriedConfigurations::Relation::Other) next_ = 0;
    const std::uint64_t end = kPointsPerTrial * (history.trials().size() + 1);
    for (; next_ < end; ++next_) {
      Configuration configuration = options_.space.decode(options_.point(next_));
      if (!tried_.contains(configuration) && options_.space.satisfies_constraints(configuration))
        return Proposal{.configuration = std::move(configuration)};
    }
    return fallback_->suggest(history, context);
  }

 private:
  PointSequenceOptions options_;
  TriedConfigurations tried_;
  std::unique_ptr<Searcher> fallback_;
  /// All points before it were tried or are infeasible.
  std::uint64_t next_ = 0;
};

}  // namespace

std::unique_ptr<Searcher> make_point_sequence_search(PointSequenceOptions options) {
  return std::make_unique<PointSequenceSearch>(std::move(options));
}

}  // namespace skipjack
