#include "skipjack/search/scalarization.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/search/improvement.h"

namespace skipjack {
namespace {

// Of the sum in the augmented Chebyshev distance [Knowles2006].
constexpr double kAugmentation = 0.05;

/// By trial, then by objective; as reported.
using Outcomes = std::vector<std::vector<double>>;
/// One number a trial, smaller is better.
using Scalarize = std::function<std::vector<double>(const Outcomes&, std::uint64_t number)>;

/// Uniform on the simplex.
std::vector<double> random_weights(std::size_t number, Rng rng) {
  std::vector<double> weights;
  double sum = 0;
  for (std::size_t k = 0; k < number; ++k) sum += weights.emplace_back(rng.exponential());
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// Each objective by its TargetTransform, from 0 at its best to 1 at its worst.
Outcomes normalised(Outcomes outcomes, const std::vector<Metric>& objectives) {
  for (std::size_t k = 0; k < objectives.size(); ++k) {
    std::vector<double> values;
    for (const auto& outcome : outcomes) values.push_back(outcome[k]);
    const TargetTransform transform(values, objectives[k], TargetScale::ByKind);
    for (double& value : values) value = transform.to_target(value);
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const double range = *high > *low ? *high - *low : 1;
    for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i][k] = (values[i] - *low) / range;
  }
  return outcomes;
}

std::vector<double> chebyshev(const Outcomes& outcomes, const std::vector<double>& weights) {
  std::vector<double> result;
  for (const auto& outcome : outcomes) {
    double largest = 0, sum = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      largest = std::max(largest, weights[k] * outcome[k]);
      sum += weights[k] * outcome[k];
    }
    // 1 more, so that the ratio of two is too small for logarithms.
    result.push_back(1 + largest + kAugmentation * sum);
  }
  return result;
}

/// The same observations with the scalar for a value and the constraints alone beside it.
Observations scalarized(const Observations& seen, std::size_t num_objectives,
                        const Scalarize& scalarize, std::uint64_t number) {
  Observations result = seen;
  // What was stopped early has no outcome.
  std::erase_if(result.values, [](const auto& value) { return value.bounded; });
  Outcomes outcomes;
  for (auto& value : result.values) {
    std::vector<double>& outcome = outcomes.emplace_back(1, value.value);
    const auto further = value.beside.begin() + static_cast<std::ptrdiff_t>(num_objectives - 1);
    outcome.insert(outcome.end(), value.beside.begin(), further);
    value.beside.erase(value.beside.begin(), further);
  }
  const std::vector<double> scalars = scalarize(outcomes, number);
  for (std::size_t i = 0; i < scalars.size(); ++i) result.values[i].value = scalars[i];
  return result;
}

std::unique_ptr<Searcher> make_search(const MultiObjectiveOptions& options, Scalarize scalarize) {
  return make_multi_objective_search(
      options, [number = options.objectives.size(), constraints = options.constraints,
                scalarize = std::move(scalarize)](const AcquisitionQuestion& question) {
        const Observations seen =
            scalarized(question.seen, number, scalarize, question.history.trials().size());
        return improvement_acquisition({.space = question.space,
                                        .seen = seen,
                                        .metric = {.name = "scalar"},
                                        .constraints = constraints,
                                        .previous = question.previous});
      });
}

}  // namespace

std::unique_ptr<Searcher> make_random_scalarization_search(MultiObjectiveOptions options) {
  Scalarize scalarize = [objectives = options.objectives, seed = options.seed](
                            const Outcomes& outcomes, std::uint64_t number) {
    return chebyshev(normalised(outcomes, objectives),
                     random_weights(objectives.size(), Rng(seed, "weights", number)));
  };
  return make_search(options, std::move(scalarize));
}

std::unique_ptr<Searcher> make_linear_scalarization_search(MultiObjectiveOptions options,
                                                           std::vector<double> weights) {
  double sum = 0;
  for (const double weight : weights) {
    if (!(weight >= 0) || !std::isfinite(weight))
      throw Error(ErrorCode::InvalidArgument,
                  "weights: " + std::to_string(weight) + " must be finite and >= 0");
    sum += weight;
  }
  if (weights.size() != options.objectives.size() || !(sum > 0))
    throw Error(ErrorCode::InvalidArgument, "weights: " + std::to_string(weights.size()) + " for " +
                                                std::to_string(options.objectives.size()) +
                                                " objectives must be as many, and not all 0");
  for (std::size_t k = 0; k < weights.size(); ++k)
    if (options.objectives[k].mode == Mode::Max) weights[k] = -weights[k];
  Scalarize scalarize = [weights = std::move(weights)](const Outcomes& outcomes, std::uint64_t) {
    std::vector<double> result;
    for (const auto& outcome : outcomes) {
      double scalar = 0;
      for (std::size_t k = 0; k < weights.size(); ++k) scalar += weights[k] * outcome[k];
      result.push_back(scalar);
    }
    return result;
  };
  return make_search(options, std::move(scalarize));
}

}  // namespace skipjack
