#include "skipjack/search/bayesopt.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/model/acquisition.h"
#include "skipjack/model/sobol.h"
#include "skipjack/search/random.h"
#include "skipjack/search/sobol.h"
#include "skipjack/search/surrogate.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Below this ratio of noise to signal variance a configuration isn't measured twice.
constexpr double kNegligibleNoise = 1e-3;
// Before that many repetitions of configurations nothing is concluded from them.
constexpr int kMinRepetitions = 3;
constexpr std::size_t kSobolCandidates = 512;
constexpr std::size_t kBestMeans = 5;
constexpr int kPerturbations = 20;
constexpr std::size_t kClimbs = 6;
constexpr int kClimbRounds = 8;
// Multiplications allowed for scoring a whole space at once; about 10 ms.
constexpr double kEnumerationCost = 1.5e7;

bool same_point(const UnitPoint& a, const UnitPoint& b) {
  for (std::size_t k = 0; k < a.size(); ++k)
    if (std::abs(a[k] - b[k]) > 1e-9) return false;
  return true;
}

bool contains_point(const std::vector<UnitPoint>& points, const UnitPoint& point) {
  return std::any_of(points.begin(), points.end(), [&](auto& p) { return same_point(p, point); });
}

class BayesOpt final : public Searcher {
 public:
  explicit BayesOpt(BayesOptOptions options)
      : options_(std::move(options)),
        unit_space_(options_.space),
        initial_(make_sobol_search({.space = options_.space, .seed = options_.seed})),
        random_(make_random_search({.space = options_.space, .seed = options_.seed})) {
    if (options_.num_initial && *options_.num_initial < 1)
      throw Error(ErrorCode::InvalidArgument,
                  "num_initial = " + std::to_string(*options_.num_initial) + " must be >= 1");
    if (options_.max_repeats < 1)
      throw Error(ErrorCode::InvalidArgument,
                  "max_repeats = " + std::to_string(options_.max_repeats) + " must be >= 1");
  }

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    const Observations seen = collect_observations(options_.space, history, options_.metric);
    const std::int64_t dimension = static_cast<std::int64_t>(unit_space_.dimension());
    const std::int64_t num_initial =
        options_.num_initial.value_or(std::max<std::int64_t>(5, dimension + 1));
    if (static_cast<std::int64_t>(history.trials().size()) < num_initial ||
        seen.values.size() < 3) {
      Suggestion first = initial_->suggest(history, context);
      if (!std::holds_alternative<Exhausted>(first)) return first;
      if (seen.values.empty())
        return seen.pending.empty() ? Suggestion(Exhausted{}) : Suggestion(WaitForResults{});
    }
    return suggest_by_model(seen, history, context);
  }

  void restore(const Json& fitted) override {
    if (auto fit = surrogate_fit_from_json(fitted, unit_space_.dimension())) fit_ = std::move(fit);
  }

  std::vector<double> score(const History& history, std::span<const Configuration> configurations,
                            std::optional<std::int64_t>) override {
    const Observations seen = collect_observations(options_.space, history, options_.metric);
    if (seen.values.empty()) return {};
    std::vector<UnitPoint> points;
    for (const Configuration& c : configurations) points.push_back(options_.space.encode(c));
    if (points.empty()) return {};
    const SurrogateModel model(unit_space_.kinds(), seen, options_.metric, FailureUse::Learn, fit_);
    const VectorXd scores = log_acquisition(model, points);
    return {scores.begin(), scores.end()};
  }

 private:
  struct Measurements {
    UnitPoint point;
    /// Targets.
    std::vector<double> values;
  };

  static std::vector<Measurements> group_by_point(const Observations& seen,
                                                  const TargetTransform& transform) {
    std::vector<Measurements> groups;
    for (const auto& value : seen.values) {
      auto group = std::find_if(groups.begin(), groups.end(),
                                [&](auto& g) { return same_point(g.point, value.point); });
      if (group == groups.end()) group = groups.insert(groups.end(), {value.point, {}});
      group->values.push_back(transform.to_target(value.value));
    }
    return groups;
  }

  /// How often a configuration may be measured. The process takes for noise what it can't follow, a
  /// rough function included, and would then measure the same again to no avail; repetitions tell
  /// real noise from roughness.
  int repeat_limit(const std::vector<Measurements>& groups, const GpHyperparameters& h) const {
    if (h.noise_variance < kNegligibleNoise * h.outputscale) return 1;
    double squares = 0;
    int degrees_of_freedom = 0;
    for (const auto& [point, values] : groups) {
      double mean = 0;
      for (const double value : values) mean += value / static_cast<double>(values.size());
      for (const double value : values) squares += (value - mean) * (value - mean);
      degrees_of_freedom += static_cast<int>(values.size()) - 1;
    }
    if (degrees_of_freedom < kMinRepetitions) return std::min(2, options_.max_repeats);
    const double variance = squares / degrees_of_freedom;
    if (variance < kNegligibleNoise) return 1;
    const double share = std::min(1.0, variance / h.noise_variance);
    return std::max(1, static_cast<int>(std::lround(share * share * options_.max_repeats)));
  }

  /// Points that must not be proposed.
  std::vector<UnitPoint> tabu_points(const Observations& seen, const SurrogateModel& model) const {
    std::vector<UnitPoint> tabu = seen.invalid;
    tabu.insert(tabu.end(), seen.pending.begin(), seen.pending.end());
    const std::vector<Measurements> groups = group_by_point(seen, model.transform());
    const auto limit = static_cast<std::size_t>(repeat_limit(groups, model.fit().objective));
    for (const auto& [point, values] : groups)
      if (values.size() >= limit) tabu.push_back(point);
    return tabu;
  }

  Suggestion suggest_by_model(const Observations& seen, const History& history,
                              const SuggestContext& context) {
    SurrogateModel model(unit_space_.kinds(), seen, options_.metric, FailureUse::Learn, fit_);
    fit_ = model.fit();
    for (const UnitPoint& pending : seen.pending) model.believe(pending);
    const std::vector<UnitPoint> tabu = tabu_points(seen, model);
    const auto allowed = [&](const UnitPoint& point) {
      return !contains_point(tabu, point) && unit_space_.satisfies_constraints(point);
    };
    Rng rng(options_.seed, "suggest", history.trials().size());
    Candidates candidates = make_candidates(model, rng);
    std::erase_if(candidates.points, [&](const UnitPoint& point) { return !allowed(point); });
    if (candidates.points.empty())
      return suggest_without_candidates(seen, allowed, history, context);

    const UnitPoint best = climb(model, candidates, allowed);
    Proposal proposal{.configuration = options_.space.decode(best)};
    if (model.refitted()) proposal.fitted = to_json(*fit_);
    return proposal;
  }

  static VectorXd log_acquisition(const SurrogateModel& model, std::span<const UnitPoint> points) {
    const GpPrediction p = model.predict(points);
    VectorXd score = model.log_feasibility(points);
    for (Index i = 0; i < score.size(); ++i)
      score[i] += log_expected_improvement(p.mean[i], std::sqrt(p.variance[i]), model.best_mean());
    return score;
  }

  /// Whether the candidates are all there are.
  enum class Coverage { Part, Whole };
  struct Candidates {
    std::vector<UnitPoint> points;
    Coverage coverage;
  };

  Candidates make_candidates(const SurrogateModel& model, Rng& rng) const {
    const std::size_t d = unit_space_.dimension();
    const auto n = static_cast<double>(model.num_rows());
    const std::vector<UnitPoint>* all = unit_space_.enumerate();
    if (all && static_cast<double>(all->size()) * n * n <= kEnumerationCost)
      return {*all, Coverage::Whole};
    std::vector<UnitPoint> candidates;
    const SobolSequence sobol({.dimension = d, .seed = rng.next()});
    for (std::size_t i = 0; i < kSobolCandidates; ++i)
      candidates.push_back(unit_space_.snap(sobol.point(i)));
    for (const UnitPoint& good : model.best_points(kBestMeans)) {
      candidates.push_back(good);
      for (UnitPoint& neighbor : unit_space_.neighbors(good))
        candidates.push_back(std::move(neighbor));
      for (int i = 0; i < kPerturbations; ++i)
        candidates.push_back(unit_space_.perturb(good, i % 2 == 0 ? 0.1 : 0.03, rng));
    }
    return {std::move(candidates), Coverage::Part};
  }

  /// Steepest ascent over neighbours from the best candidates.
  template <class Allowed>
  UnitPoint climb(const SurrogateModel& model, const Candidates& from,
                  const Allowed& allowed) const {
    const auto& [candidates, coverage] = from;
    const VectorXd scores = log_acquisition(model, candidates);
    std::vector<std::size_t> order(candidates.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return scores[static_cast<Index>(a)] > scores[static_cast<Index>(b)];
    });
    std::vector<UnitPoint> starts;
    UnitPoint best = candidates[order.front()];
    double best_score = scores[static_cast<Index>(order.front())];
    if (coverage == Coverage::Whole) return best;
    for (const std::size_t i : order) {
      if (contains_point(starts, candidates[i])) continue;
      starts.push_back(candidates[i]);
      if (starts.size() == kClimbs) break;
    }
    for (UnitPoint& at : starts) {
      double here = log_acquisition(model, std::span(&at, 1))[0];
      for (int round = 0; round < kClimbRounds; ++round) {
        std::vector<UnitPoint> neighbors = unit_space_.neighbors(at);
        std::erase_if(neighbors, [&](const UnitPoint& point) { return !allowed(point); });
        if (neighbors.empty()) break;
        Index top = 0;
        const double value = log_acquisition(model, neighbors).maxCoeff(&top);
        if (!(value > here + 1e-9)) break;
        at = neighbors[static_cast<std::size_t>(top)];
        here = value;
      }
      if (here > best_score) best_score = here, best = at;
    }
    return best;
  }

  template <class Allowed>
  Suggestion suggest_without_candidates(const Observations& seen, const Allowed& allowed,
                                        const History& history, const SuggestContext& context) {
    if (const auto* all = unit_space_.enumerate()) {
      // Some candidate that was not looked at may be left.
      for (const UnitPoint& point : *all)
        if (allowed(point)) return Proposal{.configuration = options_.space.decode(point)};
      return seen.pending.empty() ? Suggestion(Exhausted{}) : Suggestion(WaitForResults{});
    }
    return random_->suggest(history, context);
  }

  BayesOptOptions options_;
  UnitSpace unit_space_;
  std::unique_ptr<Searcher> initial_, random_;
  std::optional<SurrogateFit> fit_;
};

}  // namespace

std::unique_ptr<Searcher> make_bayesopt_search(BayesOptOptions options) {
  return std::make_unique<BayesOpt>(std::move(options));
}

}  // namespace skipjack
