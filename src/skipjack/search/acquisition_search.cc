#include "skipjack/search/acquisition_search.h"

#include <algorithm>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/search/random.h"
#include "skipjack/search/sobol.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

// Multiplications allowed for scoring a whole space at once; some 10 ms.
constexpr double kEnumerationCost = 1.5e7;
// Standard deviations of the steps in which continuous parameters settle, fractions of an axis, and
// how many steps are tried at each.
constexpr double kSteps[] = {0.03, 0.01, 0.003};
constexpr int kTries = 30;
constexpr std::ptrdiff_t kMinMeasured = 3;
// Of more observations the processes keep so many.
constexpr double kMaxRows = 400;

class AcquisitionSearch final : public Searcher {
 public:
  explicit AcquisitionSearch(AcquisitionSearchOptions options)
      : options_(std::move(options)),
        unit_space_(options_.space),
        log_(options_.space, options_.metric, options_.beside),
        initial_(make_sobol_search({.space = options_.space, .seed = options_.seed})),
        random_(make_random_search({.space = options_.space, .seed = options_.seed})),
        num_initial_(num_initial_points(options_.num_initial, unit_space_.dimension())) {}

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    log_.update(history);
    const Observations seen = all_observations(log_.records());
    if (static_cast<std::int64_t>(log_.records().size()) < num_initial_ || !is_enough(seen))
      return without_model(history, context);
    std::optional<Acquisition> acquisition = options_.make({.space = unit_space_,
                                                            .history = history,
                                                            .seen = seen,
                                                            .context = context,
                                                            .previous = previous_});
    if (!acquisition) return without_model(history, context);
    const auto chosen = maximum(*acquisition, seen);
    if (!chosen) return random_->suggest(history, context);
    Proposal proposal{.configuration = options_.space.decode(*chosen)};
    if (!acquisition->fitted.is_null()) proposal.fitted = std::move(acquisition->fitted);
    return proposal;
  }

  void restore(const Json& fitted) override { previous_ = fitted; }

  std::vector<double> score(const History& history, std::span<const Configuration> configurations,
                            std::optional<std::int64_t> resource) override {
    log_.update(history);
    const Observations seen = all_observations(log_.records());
    if (!is_enough(seen) || configurations.empty()) return {};
    std::vector<UnitPoint> points;
    for (const Configuration& c : configurations) points.push_back(options_.space.encode(c));
    const std::optional<Acquisition> acquisition = options_.make({.space = unit_space_,
                                                                  .history = history,
                                                                  .seen = seen,
                                                                  .context = {.resource = resource},
                                                                  .previous = previous_,
                                                                  .use = ScoreUse::Compare});
    if (!acquisition) return {};
    const VectorXd scores = acquisition->score(points);
    return {scores.begin(), scores.end()};
  }

 private:
  Suggestion without_model(const History& history, const SuggestContext& context) {
    Suggestion first = initial_->suggest(history, context);
    return std::holds_alternative<Exhausted>(first) ? random_->suggest(history, context) : first;
  }

  static bool is_enough(const Observations& seen) {
    return std::count_if(seen.values.begin(), seen.values.end(),
                         [](const auto& value) { return !value.bounded; }) >= kMinMeasured;
  }

  /// nullopt if nothing that may be proposed was found.
  std::optional<UnitPoint> maximum(const Acquisition& acquisition, const Observations& seen) const {
    PointSet tabu(seen.invalid.begin(), seen.invalid.end());
    tabu.insert(seen.pending.begin(), seen.pending.end());
    for (const auto& value : seen.values) tabu.insert(value.point);
    const auto n = static_cast<double>(acquisition.num_rows.value_or(seen.values.size()));
    const std::vector<UnitPoint>* all = unit_space_.enumerate();
    Rng rng(options_.seed, "acquisition", log_.records().size());
    if (all && static_cast<double>(all->size()) * n * n <= kEnumerationCost) {
      const auto order = best_first(*all, acquisition.score(*all), tabu);
      return order.empty() ? std::nullopt : std::optional((*all)[order.front()]);
    }
    const std::size_t affordable = affordable_points(
        std::min(n, kMaxRows), static_cast<double>(unit_space_.model_kinds().size()),
        1 + options_.beside.size());
    const auto points = make_candidates(unit_space_, acquisition.good, rng, affordable);
    if (points.empty()) return std::nullopt;
    auto top = climb(unit_space_, acquisition.score, points, acquisition.score(points), tabu,
                     {.max_scored = affordable});
    if (!top) return std::nullopt;
    return settled(acquisition, std::move(*top), tabu, rng);
  }

  /// By random steps of falling size, to wherever is better.
  UnitPoint settled(const Acquisition& acquisition, ClimbResult top, const PointSet& tabu,
                    Rng& rng) const {
    if (unit_space_.continuous().empty()) return top.best;
    for (const double step : kSteps) {
      std::vector<UnitPoint> tries;
      for (int i = 0; i < kTries; ++i) {
        UnitPoint point = unit_space_.perturb(top.best, step, rng);
        if (!tabu.contains(point) && unit_space_.satisfies_constraints(point))
          tries.push_back(std::move(point));
      }
      if (tries.empty()) continue;
      Index best = 0;
      const double value = acquisition.score(tries).maxCoeff(&best);
      if (value > top.score)
        top.score = value, top.best = std::move(tries[static_cast<std::size_t>(best)]);
    }
    return top.best;
  }

  AcquisitionSearchOptions options_;
  UnitSpace unit_space_;
  TrialLog log_;
  std::unique_ptr<Searcher> initial_, random_;
  std::int64_t num_initial_;
  Json previous_;
};

}  // namespace

std::unique_ptr<Searcher> make_acquisition_search(AcquisitionSearchOptions options) {
  return std::make_unique<AcquisitionSearch>(std::move(options));
}

}  // namespace skipjack
