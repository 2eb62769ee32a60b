#include "skipjack/search/tpe.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/model/density.h"
#include "skipjack/search/axes.h"
#include "skipjack/search/experience.h"
#include "skipjack/search/sobol.h"

namespace skipjack {
namespace {

constexpr std::size_t kMinValues = 2;
// The best share of the trials with a value is good [Falkner2018], 25 at most [Optuna2025].
constexpr double kGoodFraction = 0.15;
constexpr std::size_t kMaxGood = 25;
// Kernels of a density; beyond, they are taken evenly.
constexpr std::size_t kMaxKernels = 1000;
// Where none of the candidates may be proposed.
constexpr int kMoreDraws = 100;

class Tpe final : public Searcher {
 public:
  explicit Tpe(TpeOptions options)
      : options_(std::move(options)),
        axes_(make_axes(options_.space)),
        experience_({.space = options_.space,
                     .metric = options_.metric,
                     .levels = options_.levels,
                     .enough_values = axes_.size() + 3,
                     .seed = options_.seed,
                     .duplicates = options_.duplicates}),
        initial_(make_sobol_search({.space = options_.space, .seed = options_.seed})),
        num_initial_(num_initial_points(options_.num_initial, axes_.size())) {
    if (options_.num_candidates < 1 || options_.num_candidates > 10'000)
      throw Error(
          ErrorCode::InvalidArgument,
          "num_candidates = " + std::to_string(options_.num_candidates) + " must be in [1, 10000]");
    if (!(options_.random_fraction >= 0 && options_.random_fraction <= 1))
      throw Error(
          ErrorCode::InvalidArgument,
          "random_fraction = " + shortest_decimal(options_.random_fraction) + " must be in [0, 1]");
  }

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    experience_.update(history);
    const auto num_values =
        std::count_if(experience_.finished().begin(), experience_.finished().end(),
                      [](const FinishedTrial& f) { return f.loss; });
    if (static_cast<std::int64_t>(history.trials().size()) < num_initial_ ||
        static_cast<std::size_t>(num_values) < kMinValues)
      return initial_->suggest(history, context);

    const Split split = split_trials();
    const ParzenDensity good = density(split.good);
    Rng rng(options_.seed, "suggest", history.trials().size());
    if (options_.random_fraction > 0 && rng.bernoulli(options_.random_fraction))
      return experience_.propose(history, context, 0, {});
    std::vector<UnitPoint> candidates;
    for (std::int64_t i = 0; i < options_.num_candidates; ++i) {
      UnitPoint point = experience_.unit_space().snap(good.sample(rng));
      if (experience_.may_propose(point)) candidates.push_back(std::move(point));
    }
    if (candidates.empty())
      return experience_.propose(history, context, kMoreDraws, [&] { return good.sample(rng); });
    const std::vector<double> scores = acquisition(split, good, candidates);
    const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
    return Proposal{.configuration =
                        options_.space.decode(candidates[static_cast<std::size_t>(best)])};
  }

 private:
  /// Trials by what they teach. bad: the rest, what failed, and what still runs (constant liar).
  struct Split {
    std::vector<TrialId> good, bad;
    std::vector<TrialId> worked, failed;
  };

  Split split_trials() const {
    Split split;
    std::vector<FinishedTrial> ranked;
    for (const FinishedTrial& finished : experience_.finished()) {
      (finished.loss ? split.worked : split.failed).push_back(finished.trial);
      if (finished.loss) ranked.push_back(finished);
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return *a.loss < *b.loss; });
    const auto share =
        static_cast<std::size_t>(std::ceil(kGoodFraction * static_cast<double>(ranked.size())));
    const std::size_t num_good = std::min(kMaxGood, share);
    for (std::size_t i = 0; i < ranked.size(); ++i)
      (i < num_good ? split.good : split.bad).push_back(ranked[i].trial);
    const std::vector<TrialId>& running = experience_.pending();
    split.bad.insert(split.bad.end(), split.failed.begin(), split.failed.end());
    split.bad.insert(split.bad.end(), running.begin(), running.end());
    return split;
  }

  /// log of the ratio good / bad, and, once something has failed, log P(works), from densities of
  /// what worked and what failed [Watanabe2023b].
  std::vector<double> acquisition(const Split& split, const ParzenDensity& good,
                                  const std::vector<UnitPoint>& candidates) const {
    std::vector<double> scores = good.log_density(candidates);
    const std::vector<double> bad = density(split.bad).log_density(candidates);
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] -= bad[i];
    if (split.failed.empty()) return scores;
    const std::vector<double> worked = density(split.worked).log_density(candidates);
    const std::vector<double> failed = density(split.failed).log_density(candidates);
    // Each density has one kernel more than points: its prior.
    const double odds =
        static_cast<double>(split.failed.size() + 1) / static_cast<double>(split.worked.size() + 1);
    for (std::size_t i = 0; i < scores.size(); ++i)
      scores[i] -= std::log1p(odds * std::exp(failed[i] - worked[i]));
    return scores;
  }

  ParzenDensity density(const std::vector<TrialId>& trials) const {
    const std::size_t number = std::min(kMaxKernels, trials.size());
    std::vector<UnitPoint> points;
    for (std::size_t i = 0; i < number; ++i)
      points.push_back(experience_.point(trials[i * trials.size() / number]));
    const double bandwidth = parzen_bandwidth(number, axes_.size());
    return ParzenDensity({.axes = axes_,
                          .points = std::move(points),
                          .bandwidths = std::vector<double>(axes_.size(), bandwidth)});
  }

  TpeOptions options_;
  std::vector<Axis> axes_;
  Experience experience_;
  std::unique_ptr<Searcher> initial_;
  std::int64_t num_initial_;
};

}  // namespace

std::unique_ptr<Searcher> make_tpe_search(TpeOptions options) {
  return std::make_unique<Tpe>(std::move(options));
}

}  // namespace skipjack
