#include "skipjack/schedule/explore.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>
#include <vector>

namespace skipjack {
namespace {

constexpr double kUp = 1.2, kDown = 0.8;
constexpr int kMaxDraws = 100;

/// Index of the first value that is at least this number; the last one if none is. domain: of
/// finitely many numbers.
std::int64_t first_from(const Domain& domain, double number) {
  std::int64_t low = 0, high = *cardinality(domain) - 1;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (value_at(domain, middle).as_double() < number)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

std::int64_t nearest(const Domain& domain, double number) {
  const std::int64_t above = first_from(domain, number);
  if (above == 0) return above;
  const double up = value_at(domain, above).as_double() - number;
  const double down = number - value_at(domain, above - 1).as_double();
  return down < up ? above - 1 : above;
}

/// A neighbour of the index-th of n values.
std::int64_t neighbor(std::int64_t index, std::int64_t n, bool is_up) {
  return std::clamp<std::int64_t>(is_up ? index + 1 : index - 1, 0, n - 1);
}

Json perturbed(const Domain& domain, const Json& value, Rng& rng) {
  const bool is_up = rng.bernoulli(0.5);
  if (std::holds_alternative<CategoricalDomain>(domain)) return value;
  if (const auto* ordinal = std::get_if<OrdinalDomain>(&domain)) {
    const auto& values = ordinal->categories;
    const auto at = std::find(values.begin(), values.end(), value) - values.begin();
    return values[static_cast<std::size_t>(
        neighbor(at, static_cast<std::int64_t>(values.size()), is_up))];
  }
  const double now = value.as_double(), wanted = now * (is_up ? kUp : kDown);
  if (const auto* real = std::get_if<FloatDomain>(&domain))
    return std::clamp(wanted, real->lower, real->upper);
  const std::int64_t at = first_from(domain, now), to = nearest(domain, wanted);
  const bool grows = wanted == now ? is_up : wanted > now;
  return value_at(domain, to != at ? to : neighbor(at, *cardinality(domain), grows));
}

/// In the unit cube, where inactive parameters have a random place for the case that they wake.
std::vector<double> draw(const SearchSpace& space, const Configuration& configuration,
                         double resample_probability, Rng& rng) {
  std::vector<double> unit;
  for (const auto& [name, domain] : space.searched()) {
    const Json* value = configuration.find(name);
    if (!value || rng.bernoulli(resample_probability))
      unit.push_back(to_unit(domain, sample(domain, rng)));
    else
      unit.push_back(to_unit(domain, perturbed(domain, *value, rng)));
  }
  return unit;
}

}  // namespace

Configuration explore(const SearchSpace& space, const Configuration& configuration,
                      double resample_probability, Rng& rng) {
  for (int i = 0; i < kMaxDraws; ++i) {
    Configuration explored = space.decode(draw(space, configuration, resample_probability, rng));
    if (space.satisfies_constraints(explored)) return explored;
  }
  return configuration;
}

}  // namespace skipjack
