#include "skipjack/space/domain_cells.h"

#include <algorithm>
#include <cmath>

namespace skipjack {

double to_scale(Scale scale, double x) {
  if (scale == Scale::Log) return std::log(x);
  if (scale == Scale::ReverseLog) return -std::log1p(-x);
  return x;
}

double from_scale(Scale scale, double s) {
  if (scale == Scale::Log) return std::exp(s);
  if (scale == Scale::ReverseLog) return -std::expm1(-s);
  return s;
}

double IntegerAxis::to_unit(std::int64_t value) const {
  const double offset = static_cast<double>(value - lower);
  if (scale != Scale::Log) return (offset + 0.5) / static_cast<double>(upper - lower + 1);
  const double start = std::log(static_cast<double>(lower) - 0.5);
  const double end = std::log(static_cast<double>(upper) + 0.5);
  return (std::log(static_cast<double>(value)) - start) / (end - start);
}

std::int64_t IntegerAxis::from_unit(double u) const {
  if (scale != Scale::Log) {
    const std::int64_t size = upper - lower + 1;
    return lower + std::min(size - 1, static_cast<std::int64_t>(u * static_cast<double>(size)));
  }
  const double start = std::log(static_cast<double>(lower) - 0.5);
  const double end = std::log(static_cast<double>(upper) + 0.5);
  const double value = std::nearbyint(std::exp(start + u * (end - start)));
  return std::clamp(static_cast<std::int64_t>(value), lower, upper);
}

double grid_value(const FiniteRangeDomain& domain, std::int64_t index) {
  const double start = to_scale(domain.scale, domain.lower);
  const double end = to_scale(domain.scale, domain.upper);
  const double fraction = static_cast<double>(index) / static_cast<double>(domain.size - 1);
  const double value = std::clamp(from_scale(domain.scale, start + fraction * (end - start)),
                                  domain.lower, domain.upper);
  return domain.type == ValueType::Integer ? std::nearbyint(value) : value;
}

std::int64_t grid_index(const FiniteRangeDomain& domain, double value) {
  std::int64_t low = 0, high = domain.size - 1;
  while (low < high) {
    const std::int64_t index = low + (high - low) / 2;
    if (grid_value(domain, index) < value)
      low = index + 1;
    else
      high = index;
  }
  if (low > 0) {
    const double below = grid_value(domain, low - 1);
    if (value - below <= std::abs(grid_value(domain, low) - value))
      return grid_index(domain, below);
  }
  return low;
}

NeighborAxis::NeighborAxis(const OrdinalDomain& ordinal)
    : domain(ordinal),
      scale(ordinal.kind == OrdinalKind::NearestNeighborLog ? Scale::Log : Scale::Linear) {
  const double first = at(0), last = at(domain.categories.size() - 1);
  const double half_gap = 0.5 * (last - first) / static_cast<double>(domain.categories.size() - 1);
  start = first - half_gap;
  end = last + half_gap;
}

double NeighborAxis::at(std::size_t index) const {
  return to_scale(scale, domain.categories[index].as_double());
}

std::size_t NeighborAxis::nearest(double u) const {
  const double position = start + u * (end - start);
  std::size_t low = 0, high = domain.categories.size();
  while (low < high) {
    const std::size_t index = low + (high - low) / 2;
    if (at(index) < position)
      low = index + 1;
    else
      high = index;
  }
  if (low == domain.categories.size()) return low - 1;
  if (low > 0 && position - at(low - 1) <= at(low) - position) return low - 1;
  return low;
}

double base_lower(const QuantizedDomain& domain) {
  return std::visit([](const auto& base) { return static_cast<double>(base.lower); }, domain.base);
}
double base_upper(const QuantizedDomain& domain) {
  return std::visit([](const auto& base) { return static_cast<double>(base.upper); }, domain.base);
}
Scale base_scale(const QuantizedDomain& domain) {
  return std::visit([](const auto& base) { return base.scale; }, domain.base);
}

IntegerAxis multiples(const QuantizedDomain& domain) {
  const double lower = base_lower(domain) / domain.quantum;
  const double upper = base_upper(domain) / domain.quantum;
  const auto rounding = [](double x) { return std::min(0.25, 1e-12 * std::max(1.0, std::abs(x))); };
  const double first = std::ceil(lower - rounding(lower));
  const double last = std::floor(upper + rounding(upper));
  return {static_cast<std::int64_t>(first), static_cast<std::int64_t>(last), base_scale(domain)};
}

Json quantized_value(const QuantizedDomain& domain, std::int64_t multiple) {
  const double value = std::clamp(static_cast<double>(multiple) * domain.quantum,
                                  base_lower(domain), base_upper(domain));
  if (std::holds_alternative<IntegerDomain>(domain.base))
    return Json(static_cast<std::int64_t>(std::nearbyint(value)));
  return Json(value);
}

std::int64_t nearest_multiple(const QuantizedDomain& domain, double value) {
  const IntegerAxis axis = multiples(domain);
  const double multiple = std::nearbyint(value / domain.quantum);
  return static_cast<std::int64_t>(
      std::clamp(multiple, static_cast<double>(axis.lower), static_cast<double>(axis.upper)));
}

}  // namespace skipjack
