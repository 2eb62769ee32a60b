#include "skipjack/search/warm_start.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/search/surrogate.h"

namespace skipjack {
namespace {

/// Least distance of chosen configurations, tried in this order.
constexpr double kDistances[] = {0.2, 0.1, 0.05, 0.025, 0.0};
constexpr double kBestShare = 0.1;

/// Index of the first of count increasing values that is not less than number; count if none is.
template <class ValueAt>
std::int64_t lower_bound(std::int64_t count, double number, ValueAt value_at_index) {
  std::int64_t low = 0, high = count;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (value_at_index(middle) < number)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// Of a domain with finitely many values, increasing.
Json nearest_of_increasing(const Domain& domain, double number) {
  const std::int64_t count = *cardinality(domain);
  const auto at = [&](std::int64_t index) { return value_at(domain, index).as_double(); };
  std::int64_t index = std::min(lower_bound(count, number, at), count - 1);
  if (index > 0 && number - at(index - 1) <= at(index) - number) --index;
  return value_at(domain, index);
}

Json nearest_category(const std::vector<Json>& categories, double number) {
  return *std::min_element(categories.begin(), categories.end(), [&](const Json& a, const Json& b) {
    return std::abs(a.as_double() - number) < std::abs(b.as_double() - number);
  });
}

/// The value of the domain that is nearest to one outside it; nullopt if nearness means nothing.
std::optional<Json> nearest_value(const Domain& domain, const Json& value) {
  if (!value.is_number() || !std::isfinite(value.as_double())) return std::nullopt;
  const double number = value.as_double();
  if (const auto* real = std::get_if<FloatDomain>(&domain))
    return Json(std::clamp(number, real->lower, real->upper));
  if (std::holds_alternative<CategoricalDomain>(domain)) return std::nullopt;
  if (const auto* ordinal = std::get_if<OrdinalDomain>(&domain)) {
    if (!ordinal->categories.front().is_number()) return std::nullopt;
    return nearest_category(ordinal->categories, number);
  }
  return nearest_of_increasing(domain, number);
}

/// nullopt: the space can't have it.
std::optional<CarriedObservation> carry(const SearchSpace& space,
                                        const Configuration& configuration) {
  CarriedObservation carried;
  Json partial{Json::Object{}};
  for (const auto& [name, domain] : space.searched()) {
    const Json* value = configuration.find(name);
    if (value == nullptr) {
      carried.exact = false;
    } else if (contains(domain, *value)) {
      partial.set(name, *value);
    } else if (auto nearest = nearest_value(domain, *value)) {
      partial.set(name, *std::move(nearest));
      carried.exact = false;
      carried.moved = true;
    } else {
      return std::nullopt;
    }
  }
  if (partial.as_object().empty()) return std::nullopt;
  try {
    carried.configuration = space.complete(partial);
  } catch (const Error&) {
    // All names and values are the space's own: only a constraint can be broken.
    return std::nullopt;
  }
  return carried;
}

struct Candidate {
  Configuration configuration;
  UnitPoint point;
};

/// The best of one source, best first, repeated measurements of a configuration as their mean.
std::vector<Configuration> best_of(const SearchSpace& space, const SourceExperiment& source,
                                   std::size_t number) {
  struct Group {
    Configuration configuration;
    double sum = 0;
    std::size_t count = 0, first = 0;
    double mean() const { return sum / static_cast<double>(count); }
  };
  std::map<std::string, Group> groups;
  for (CarriedObservation& carried : carry_over(space, source)) {
    const auto [at, is_new] = groups.try_emplace(space.key(carried.configuration));
    Group& group = at->second;
    if (is_new) group.configuration = std::move(carried.configuration);
    if (is_new) group.first = groups.size();
    group.sum += carried.target;
    ++group.count;
  }
  std::vector<Group> ranked;
  for (auto& [key, group] : groups) ranked.push_back(std::move(group));
  std::sort(ranked.begin(), ranked.end(), [](const Group& a, const Group& b) {
    return std::pair(a.mean(), a.first) < std::pair(b.mean(), b.first);
  });
  const double size = static_cast<double>(ranked.size());
  const auto share = static_cast<std::size_t>(std::ceil(kBestShare * size));
  ranked.resize(std::min((ranked.size() + 1) / 2, std::max(number, share)));
  std::vector<Configuration> best;
  for (Group& group : ranked) best.push_back(std::move(group.configuration));
  return best;
}

/// All sources' best, all sources' second best, ...; each configuration once.
std::vector<Candidate> candidates(const TransferPointsOptions& options) {
  std::vector<std::vector<Configuration>> best;
  std::size_t longest = 0;
  for (const SourceExperiment& source : options.sources) {
    best.push_back(best_of(options.space, source, options.number));
    longest = std::max(longest, best.back().size());
  }
  std::vector<Candidate> result;
  std::set<std::string> seen;
  for (std::size_t rank = 0; rank < longest; ++rank)
    for (const auto& configurations : best) {
      if (rank >= configurations.size()) continue;
      const Configuration& configuration = configurations[rank];
      if (seen.insert(options.space.key(configuration)).second)
        result.push_back({configuration, options.space.encode(configuration)});
    }
  return result;
}

double distance(const std::vector<DimensionKind>& kinds, const UnitPoint& a, const UnitPoint& b) {
  double sum = 0;
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    if (kinds[k] == DimensionKind::Unordered)
      sum += a[k] == b[k] ? 0 : 1;
    else
      sum += (a[k] - b[k]) * (a[k] - b[k]);
  }
  return std::sqrt(sum / static_cast<double>(kinds.size()));
}

}  // namespace

SourceExperiment source_experiment(std::string name, const History& history, const Metric& metric) {
  SourceExperiment source{.name = std::move(name), .mode = metric.mode, .observations = {}};
  for (const Trial& trial : history.trials())
    if (const auto value = measured_value(trial, metric))
      source.observations.push_back({trial.configuration, *value});
  return source;
}

Json to_json(const SourceExperiment& source) {
  std::vector<std::string> names;
  for (const auto& observation : source.observations)
    for (const auto& [name, value] : observation.configuration.as_object())
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  Json::Array configurations, values;
  for (const auto& observation : source.observations) {
    Json::Array row;
    for (const std::string& name : names) {
      const Json* value = observation.configuration.find(name);
      row.push_back(value ? *value : Json());
    }
    configurations.emplace_back(std::move(row));
    values.emplace_back(observation.value);
  }
  Json json;
  json.set("name", source.name);
  json.set("mode", source.mode == Mode::Min ? "min" : "max");
  json.set("parameters", Json::Array(names.begin(), names.end()));
  json.set("configurations", std::move(configurations));
  json.set("values", std::move(values));
  return json;
}

SourceExperiment source_experiment_from_json(const Json& json) {
  if (!json.is_object())
    invalid("a source experiment must be an object, not " + to_json_text(json));
  SourceExperiment source{.name = json.at("name").as_string(), .observations = {}};
  const std::string what = "source experiment '" + source.name + "'";
  if (const Json* mode = json.find("mode")) {
    if (*mode != Json("min") && *mode != Json("max"))
      invalid(what + ": mode = " + to_json_text(*mode) + " must be \"min\" or \"max\"");
    source.mode = *mode == Json("min") ? Mode::Min : Mode::Max;
  }
  const auto list = [&](const char* key) -> const Json::Array& {
    const Json* value = json.find(key);
    if (value == nullptr || !value->is_array()) invalid(what + ": " + key + " must be a list");
    return value->as_array();
  };
  const Json::Array &names = list("parameters"), &rows = list("configurations"),
                    &values = list("values");
  if (rows.size() != values.size())
    invalid(what + ": there are " + std::to_string(rows.size()) + " configurations and " +
            std::to_string(values.size()) + " values");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string which = what + ", observation " + std::to_string(i);
    if (!rows[i].is_array() || rows[i].as_array().size() != names.size())
      invalid(which + ": the configuration must be a list of " + std::to_string(names.size()) +
              " values, one a parameter");
    if (!values[i].is_number() || !std::isfinite(values[i].as_double()))
      invalid(which + ": value = " + to_json_text(values[i]) + " must be a finite number",
              "leave out what failed");
    Json configuration{Json::Object{}};
    for (std::size_t k = 0; k < names.size(); ++k)
      if (const Json& value = rows[i].as_array()[k]; !value.is_null())
        configuration.set(names[k].as_string(), value);
    source.observations.push_back({std::move(configuration), values[i].as_double()});
  }
  return source;
}

std::vector<CarriedObservation> carry_over(const SearchSpace& space,
                                           const SourceExperiment& source) {
  std::vector<CarriedObservation> result;
  if (source.observations.empty()) return result;
  std::vector<double> values;
  for (const auto& observation : source.observations) values.push_back(observation.value);
  const TargetTransform transform(values, {.name = source.name, .mode = source.mode});
  for (const auto& observation : source.observations) {
    auto carried = carry(space, observation.configuration);
    if (!carried) continue;
    carried->target = transform.to_target(observation.value);
    result.push_back(*std::move(carried));
  }
  return result;
}

std::vector<Configuration> choose_transfer_points(const TransferPointsOptions& options) {
  if (options.number < 1) invalid("number = 0 of transfer points must be >= 1");
  const std::vector<DimensionKind> kinds = UnitSpace(options.space).kinds();
  std::vector<Candidate> left = candidates(options), chosen;
  for (const double least : kDistances) {
    std::vector<Candidate> passed_over;
    for (Candidate& candidate : left) {
      const bool far = std::all_of(chosen.begin(), chosen.end(), [&](const Candidate& other) {
        return distance(kinds, candidate.point, other.point) >= least;
      });
      const bool take = far && chosen.size() < options.number;
      (take ? chosen : passed_over).push_back(std::move(candidate));
    }
    left = std::move(passed_over);
  }
  std::vector<Configuration> configurations;
  for (Candidate& candidate : chosen) configurations.push_back(std::move(candidate.configuration));
  return configurations;
}

}  // namespace skipjack
