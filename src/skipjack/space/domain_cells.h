// Where the values of a domain lie. Continuous domains are mapped by their scale; everything
// discrete is an axis of cells in [0, 1], one a value, so that a value at a bound has as much room
// as one in the middle and coming back from the unit interval is exact. Domains are valid.
#pragma once

#include <cstddef>
#include <cstdint>

#include "skipjack/space/domain.h"

namespace skipjack {

double to_scale(Scale scale, double x);
double from_scale(Scale scale, double s);
/// Without overflow.
inline double middle(double a, double b) { return 0.5 * a + 0.5 * b; }

/// The integers lower..upper as cells side by side; in the logarithm from lower - 1/2 to upper +
/// 1/2.
struct IntegerAxis {
  std::int64_t lower, upper;
  Scale scale;

  double to_unit(std::int64_t value) const;
  std::int64_t from_unit(double u) const;
};

/// num_values cells of equal width, by index.
inline IntegerAxis index_axis(std::int64_t num_values) {
  return {0, num_values - 1, Scale::Linear};
}

double grid_value(const FiniteRangeDomain& domain, std::int64_t index);
/// The index whose grid value is nearest to value; the first of equal ones.
std::int64_t grid_index(const FiniteRangeDomain& domain, double value);

/// Ordinal values placed by size: the interval that they share, in their scale. The domain outlives
/// it.
struct NeighborAxis {
  const OrdinalDomain& domain;
  Scale scale;
  double start, end;

  explicit NeighborAxis(const OrdinalDomain& ordinal);
  double at(std::size_t index) const;
  double to_unit(std::size_t index) const { return (at(index) - start) / (end - start); }
  std::size_t nearest(double u) const;
};

double base_lower(const QuantizedDomain& domain);
double base_upper(const QuantizedDomain& domain);
Scale base_scale(const QuantizedDomain& domain);
/// The multiples of the quantum that lie in the bounds. A bound that misses a multiple by rounding
/// alone counts as that multiple.
IntegerAxis multiples(const QuantizedDomain& domain);
Json quantized_value(const QuantizedDomain& domain, std::int64_t multiple);
std::int64_t nearest_multiple(const QuantizedDomain& domain, double value);

}  // namespace skipjack
