#include "skipjack/search/bounding_box.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "skipjack/base/error.h"
#include "skipjack/search/source_table.h"

namespace skipjack {
namespace {

constexpr std::int64_t kMaxListed = 10'000;
/// Of positions on the unit interval.
constexpr double kRounding = 1e-9;

/// Values of one parameter that the box has to hold; at least one.
using Values = std::vector<Json>;

struct Side {
  double lower, upper;
};

/// On the unit interval, least_side wide at least.
Side side_of(const Domain& domain, const Values& values, double least_side) {
  Side side{1, 0};
  for (const Json& value : values) {
    const double u = to_unit(domain, value);
    side.lower = std::min(side.lower, u);
    side.upper = std::max(side.upper, u);
  }
  const double missing = least_side - (side.upper - side.lower);
  if (missing <= 0) return side;
  side.lower = std::clamp(side.lower - missing / 2, 0.0, 1 - least_side);
  side.upper = side.lower + least_side;
  return side;
}

struct Narrow {
  const Domain& whole;
  const Values& values;
  Side side;

  Json least() const { return from_unit(whole, side.lower); }
  Json largest() const { return from_unit(whole, side.upper); }

  Domain operator()(FloatDomain domain) const {
    // The values too, since going to the unit interval and back may round.
    domain.lower = std::max(domain.lower, least().as_double());
    domain.upper = std::min(domain.upper, largest().as_double());
    for (const Json& value : values) {
      domain.lower = std::min(domain.lower, value.as_double());
      domain.upper = std::max(domain.upper, value.as_double());
    }
    return domain;
  }
  Domain operator()(IntegerDomain domain) const {
    domain.lower = least().as_int();
    domain.upper = largest().as_int();
    return domain;
  }
  Domain operator()(const FiniteRangeDomain& domain) const {
    if (domain.size > kMaxListed) return domain;
    // Listed, so that they are the whole range's values to the last bit.
    return OrdinalDomain{.categories = listed(), .kind = OrdinalKind::Equal};
  }
  Domain operator()(const CategoricalDomain& domain) const {
    CategoricalDomain narrow;
    for (const Json& category : domain.categories)
      if (std::find(values.begin(), values.end(), category) != values.end())
        narrow.categories.push_back(category);
    return narrow;
  }
  Domain operator()(const OrdinalDomain& domain) const {
    OrdinalDomain narrow{.categories = listed(), .kind = domain.kind};
    if (narrow.categories.size() == 1) narrow.kind = OrdinalKind::Equal;
    return narrow;
  }
  Domain operator()(QuantizedDomain domain) const {
    if (auto* real = std::get_if<FloatDomain>(&domain.base)) {
      real->lower = least().as_double();
      real->upper = largest().as_double();
    } else {
      auto& integer = std::get<IntegerDomain>(domain.base);
      integer.lower = least().as_int();
      integer.upper = largest().as_int();
    }
    return domain;
  }

 private:
  std::vector<Json> listed() const {
    std::vector<Json> result;
    for (std::int64_t i = 0; i < *cardinality(whole); ++i) {
      Json value = value_at(whole, i);
      const double u = to_unit(whole, value);
      if (u >= side.lower - kRounding && u <= side.upper + kRounding)
        result.push_back(std::move(value));
    }
    return result;
  }
};

bool is_choice_of_texts(const Domain& domain) {
  const auto* choice = std::get_if<CategoricalDomain>(&domain);
  const auto* ordinal = std::get_if<OrdinalDomain>(&domain);
  const std::vector<Json>* categories = choice    ? &choice->categories
                                        : ordinal ? &ordinal->categories
                                                  : nullptr;
  return categories && categories->front().is_string();
}

bool has_parameter(const SourceExperiment& source, const std::string& name) {
  return std::any_of(
      source.observations.begin(), source.observations.end(),
      [&](const auto& observation) { return observation.configuration.find(name) != nullptr; });
}

Values values_of(const std::string& name, const BoundingBoxOptions& options,
                 const SourceTable& table) {
  Values values;
  const auto add = [&](const Configuration& configuration) {
    if (const Json* value = configuration.find(name)) values.push_back(*value);
  };
  for (std::size_t s = 0; s < options.sources.size(); ++s) {
    if (!has_parameter(options.sources[s], name)) continue;
    const auto& entries = table.sources[s];
    for (std::size_t i = 0; i < std::min(entries.size(), options.number_per_source); ++i)
      add(table.configurations[entries[i].configuration]);
  }
  if (!values.empty()) std::for_each(options.points.begin(), options.points.end(), add);
  return values;
}

}  // namespace

SearchSpace bounding_box(const BoundingBoxOptions& options) {
  if (options.number_per_source < 1)
    throw Error(ErrorCode::InvalidArgument, "number_per_source = 0 must be >= 1");
  if (!(options.least_side > 0 && options.least_side <= 1))
    throw Error(ErrorCode::InvalidArgument,
                "least_side = " + std::to_string(options.least_side) + " must be in (0, 1]");
  const SourceTable table = tabulate_sources(options.space, options.sources);
  const bool has_expressions =
      !options.space.constraints().empty() || !options.space.conditions().empty();
  std::vector<Parameter> parameters = options.space.parameters();
  for (Parameter& parameter : parameters) {
    const auto* whole = std::get_if<Domain>(&parameter.domain);
    if (!whole || (has_expressions && is_choice_of_texts(*whole))) continue;
    const Values values = values_of(parameter.name, options, table);
    if (values.empty()) continue;
    const Narrow narrow{*whole, values, side_of(*whole, values, options.least_side)};
    Domain narrowed = std::visit(narrow, *whole);
    parameter.domain = std::move(narrowed);
  }
  return SearchSpace(std::move(parameters), options.space.constraints(),
                     options.space.conditions());
}

}  // namespace skipjack
