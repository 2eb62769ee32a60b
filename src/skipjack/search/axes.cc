#include "skipjack/search/axes.h"

#include <cstdint>

namespace skipjack {
namespace {

constexpr std::int64_t kMaxCells = 4096;
constexpr double kPrecision = 1e-9;

// The border between two neighbouring values: the middle of their positions on a linear axis,
// elsewhere found by halving.
double find_border(const Domain& domain, const Json& below, const Json& above) {
  double low = to_unit(domain, below), high = to_unit(domain, above);
  const double middle = 0.5 * (low + high), slack = kPrecision * (high - low);
  if (from_unit(domain, middle - slack) == below && from_unit(domain, middle + slack) == above)
    return middle;
  while (high - low > kPrecision) {
    const double at = 0.5 * (low + high);
    (from_unit(domain, at) == below ? low : high) = at;
  }
  return 0.5 * (low + high);
}

Axis make_axis(const Domain& domain) {
  const auto number = cardinality(domain);
  if (!number || *number > kMaxCells) return {};
  Axis axis{.kind = std::holds_alternative<CategoricalDomain>(domain) ? AxisKind::Categories
                                                                      : AxisKind::Cells,
            .edges = {0.0}};
  for (std::int64_t i = 0; i + 1 < *number; ++i)
    axis.edges.push_back(find_border(domain, value_at(domain, i), value_at(domain, i + 1)));
  axis.edges.push_back(1.0);
  return axis;
}

}  // namespace

std::vector<Axis> make_axes(const SearchSpace& space) {
  std::vector<Axis> axes;
  for (const auto& [name, domain] : space.searched()) axes.push_back(make_axis(domain));
  return axes;
}

}  // namespace skipjack
