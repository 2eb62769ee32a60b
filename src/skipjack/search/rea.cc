#include "skipjack/search/rea.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/search/experience.h"
#include "skipjack/search/pareto_order.h"

namespace skipjack {
namespace {

constexpr int kMaxDraws = 100;
constexpr std::int64_t kPopulation = 20;
constexpr std::int64_t kMaxSample = 10'000;

class RegularizedEvolution final : public Searcher {
 public:
  explicit RegularizedEvolution(ReaOptions options)
      : options_(std::move(options)),
        experience_({.space = options_.space,
                     .metric = options_.metric,
                     .others = options_.others,
                     .constraints = options_.constraints,
                     .seed = options_.seed,
                     .duplicates = options_.duplicates}) {
    const auto& [population, sample] = std::pair(options_.population_size, options_.sample_size);
    if (sample && (*sample < 1 || *sample > kMaxSample))
      throw Error(ErrorCode::InvalidArgument, "sample_size = " + std::to_string(*sample) +
                                                  " must be in [1, " + std::to_string(kMaxSample) +
                                                  "]");
    population_size_ = population.value_or(std::max(kPopulation, sample.value_or(1)));
    if (population_size_ < 1)
      throw Error(ErrorCode::InvalidArgument,
                  "population_size = " + std::to_string(population_size_) + " must be >= 1");
    sample_size_ = sample.value_or(std::clamp<std::int64_t>(population_size_ / 4, 1, kMaxSample));
    for (std::size_t k = 0; k < options_.space.dimension(); ++k)
      if (cardinality(options_.space.searched()[k].second) != 1) mutable_.push_back(k);
  }

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    experience_.update(history);
    const std::vector<FinishedTrial> population = latest();
    const auto started = static_cast<std::int64_t>(history.trials().size());
    if (started < population_size_ || population.empty() || mutable_.empty())
      return experience_.propose(history, context, 0, {});
    Rng rng(options_.seed, "suggest", history.trials().size());
    return experience_.propose(history, context, kMaxDraws,
                               [&] { return child_of(parent(population, rng), rng); });
  }

 private:
  /// The last population_size trials that have a value.
  std::vector<FinishedTrial> latest() const {
    std::vector<FinishedTrial> members;
    const auto& finished = experience_.finished();
    for (auto f = finished.rbegin(); f != finished.rend(); ++f) {
      if (static_cast<std::int64_t>(members.size()) == population_size_) break;
      if (f->loss) members.push_back(*f);
    }
    return members;
  }

  const UnitPoint& parent(const std::vector<FinishedTrial>& population, Rng& rng) const {
    std::vector<FinishedTrial> sample;
    const auto last = static_cast<std::int64_t>(population.size()) - 1;
    for (std::int64_t i = 0; i < sample_size_; ++i)
      sample.push_back(population[static_cast<std::size_t>(rng.uniform_int(0, last))]);
    return experience_.point(best_of(sample).trial);
  }

  /// The first of the best ones. sample: not empty.
  const FinishedTrial& best_of(const std::vector<FinishedTrial>& sample) const {
    if (options_.others.empty())
      return *std::min_element(sample.begin(), sample.end(),
                               [](const auto& a, const auto& b) { return *a.loss < *b.loss; });
    return sample[pareto_order(sample, FrontOrder::EpsilonNet).front()];
  }

  UnitPoint child_of(const UnitPoint& parent, Rng& rng) const {
    UnitPoint child = parent;
    const auto last = static_cast<std::int64_t>(mutable_.size()) - 1;
    const std::size_t k = mutable_[static_cast<std::size_t>(rng.uniform_int(0, last))];
    const Domain& domain = options_.space.searched()[k].second;
    child[k] = to_unit(domain, sample(domain, rng));
    return child;
  }

  ReaOptions options_;
  Experience experience_;
  std::int64_t population_size_ = 0;
  std::int64_t sample_size_ = 0;
  /// Parameters of more than one value.
  std::vector<std::size_t> mutable_;
};

}  // namespace

std::unique_ptr<Searcher> make_rea_search(ReaOptions options) {
  return std::make_unique<RegularizedEvolution>(std::move(options));
}

}  // namespace skipjack
