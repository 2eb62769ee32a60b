#include "skipjack/trial/levels.h"

#include <algorithm>
#include <cmath>

namespace skipjack {

std::optional<std::int64_t> resource_of(const Json& metrics, std::string_view resource_attr) {
  // 2^53: up to there a double holds every whole number.
  constexpr double kLargest = 9007199254740992.0;
  const Json* value = metrics.find(resource_attr);
  if (!value || !value->is_number()) return std::nullopt;
  const double number = value->as_double();
  if (!(number >= 1 && number <= kLargest) || number != std::floor(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::vector<LevelValue> level_values(const Trial& trial, std::string_view metric,
                                     const LevelOptions& options) {
  const auto wanted = [&](std::int64_t resource) {
    return options.data == SearcherData::All || resource == options.max_resource ||
           std::binary_search(options.rung_levels.begin(), options.rung_levels.end(), resource);
  };
  std::vector<LevelValue> values;
  std::optional<LevelValue> last;
  std::int64_t reached = 0;
  for (const Report& report : trial.reports) {
    const auto resource = resource_of(report.metrics, options.resource_attr);
    if (!resource || *resource <= reached || *resource > options.max_resource) continue;
    reached = *resource;
    const Json* value = report.metrics.find(metric);
    if (!value || !value->is_number() || !std::isfinite(value->as_double())) continue;
    last = {*resource, value->as_double()};
    if (wanted(*resource)) values.push_back(*last);
  }
  if (options.data == SearcherData::RungsAndLast && last &&
      (values.empty() || values.back().resource < last->resource))
    values.push_back(*last);
  return values;
}

}  // namespace skipjack
