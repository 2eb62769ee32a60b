#include "skipjack/search/random.h"

#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/search/tried.h"

namespace skipjack {
namespace {

constexpr int kRetries = 100;

class RandomSearch final : public Searcher {
 public:
  explicit RandomSearch(RandomSearchOptions options)
      : options_(std::move(options)), tried_(options_.space) {}

  Suggestion suggest(const History& history, const SuggestContext&) override {
    tried_.update(history);
    Rng rng(options_.seed, "suggest", history.trials().size());
    for (int retry = 0; retry < kRetries; ++retry) {
      std::optional<Configuration> drawn = options_.space.sample(rng);
      if (!drawn) {
        if (tried_.enumerable()) break;
        throw Error(ErrorCode::InvalidArgument,
                    "no configuration in 10000 random draws satisfies the constraints",
                    "loosen the constraints or narrow the domains");
      }
      if (options_.duplicates == Duplicates::Allow || !tried_.contains(*drawn))
        return Proposal{.configuration = std::move(*drawn)};
    }
    if (!tried_.enumerable()) return Exhausted{};
    std::optional<Configuration> left = tried_.pick_untried(rng);
    if (!left) return Exhausted{};
    return Proposal{.configuration = std::move(*left)};
  }

 private:
  RandomSearchOptions options_;
  TriedConfigurations tried_;
};

}  // namespace

std::unique_ptr<Searcher> make_random_search(RandomSearchOptions options) {
  return std::make_unique<RandomSearch>(std::move(options));
}

}  // namespace skipjack
