// What a domain must be so that its functions of values can be relied on.
#include <algorithm>
#include <cmath>
#include <set>

#include "skipjack/base/invalid.h"
#include "skipjack/space/domain.h"
#include "skipjack/space/domain_cells.h"
#include "skipjack/space/text_of.h"

namespace skipjack {
namespace {

/// Largest magnitude of an integer bound: up to here doubles, and most JSON readers, are exact.
constexpr std::int64_t kMaxInteger = std::int64_t{1} << 53;
constexpr std::int64_t kMaxRangeSize = std::int64_t{1} << 31;

void validate_bounds(double lower, double upper) {
  if (!std::isfinite(lower)) invalid("lower = " + text_of(lower) + " must be a finite number");
  if (!std::isfinite(upper)) invalid("upper = " + text_of(upper) + " must be a finite number");
  if (lower > upper)
    invalid("lower = " + text_of(lower) + " must be <= upper = " + text_of(upper),
            "swap the bounds");
  if (!std::isfinite(upper - lower))
    invalid("upper - lower must be a finite number, not " + text_of(upper) + " - " +
            text_of(lower));
}

void validate_scale(Scale scale, double lower, double upper) {
  if (scale == Scale::Log && !(lower > 0))
    invalid("lower = " + text_of(lower) + " must be > 0 on a logarithmic scale",
            "raise lower above 0 or use a linear scale");
  if (scale == Scale::ReverseLog && !(lower >= 0 && upper < 1))
    invalid("the bounds [" + text_of(lower) + ", " + text_of(upper) +
                "] must lie in [0, 1) on a reverse logarithmic scale",
            "lower upper below 1 or use another scale");
}

void validate_categories(const std::vector<Json>& categories) {
  if (categories.empty()) invalid("the list of categories is empty", "give at least one value");
  const auto kind = [](const Json& value) {
    return value.is_bool()     ? 1
           : value.is_int()    ? 2
           : value.is_double() ? 3
           : value.is_string() ? 4
                               : 0;
  };
  std::set<std::string> seen;
  for (const Json& category : categories) {
    if (kind(category) == 0)
      invalid("category " + text_of(category) + " must be a bool, a number or a string");
    if (kind(category) != kind(categories[0]))
      invalid("categories " + text_of(categories[0]) + " and " + text_of(category) +
                  " must be of one type",
              "quote numbers that are meant as text");
    if (category.is_double() && !std::isfinite(category.as_double()))
      invalid("category " + text_of(category) + " must be a finite number");
    if (!seen.insert(to_json_text(category)).second)
      invalid("category " + text_of(category) + " is given twice", "remove one of them");
  }
}

void validate_neighbors(const OrdinalDomain& domain) {
  const auto& categories = domain.categories;
  if (categories.size() < 2 || !categories[0].is_number())
    invalid("an ordinal placed by size needs at least two numbers", "use kind equal");
  for (std::size_t i = 1; i < categories.size(); ++i)
    if (!(categories[i - 1].as_double() < categories[i].as_double()))
      invalid("categories " + text_of(categories[i - 1]) + ", " + text_of(categories[i]) +
                  " must increase strictly in an ordinal placed by size",
              "sort them, or use kind equal");
  validate_bounds(categories.front().as_double(), categories.back().as_double());
  if (domain.kind == OrdinalKind::NearestNeighborLog)
    validate_scale(Scale::Log, categories.front().as_double(), categories.back().as_double());
  const NeighborAxis axis(domain);
  for (std::size_t i = 0; i < categories.size(); ++i)
    if (axis.nearest(axis.to_unit(i)) != i)
      invalid("category " + text_of(categories[i]) +
                  " is too near to its neighbour to be told apart by size",
              "use kind equal, or a logarithmic ordinal");
}

void validate_kind(const FloatDomain& domain) {
  validate_bounds(domain.lower, domain.upper);
  validate_scale(domain.scale, domain.lower, domain.upper);
}

void validate_kind(const IntegerDomain& domain) {
  if (domain.lower > domain.upper)
    invalid("lower = " + text_of(domain.lower) + " must be <= upper = " + text_of(domain.upper),
            "swap the bounds");
  if (domain.lower < -kMaxInteger || domain.upper > kMaxInteger)
    invalid("the bounds [" + text_of(domain.lower) + ", " + text_of(domain.upper) +
                "] of an integer must lie in [-2^53, 2^53]",
            "use a real parameter and round in the program");
  if (domain.scale == Scale::ReverseLog)
    invalid("an integer can't be on a reverse logarithmic scale",
            "use a linear or a logarithmic one");
  if (domain.scale == Scale::Log && domain.lower < 1)
    invalid("lower = " + text_of(domain.lower) + " must be >= 1 on a logarithmic scale",
            "raise lower to 1 or use a linear scale");
}

void validate_kind(const FiniteRangeDomain& domain) {
  if (domain.size < 2 || domain.size > kMaxRangeSize)
    invalid("size = " + text_of(domain.size) + " of a finite range must be in [2, 2^31]",
            "use a constant for one value");
  validate_bounds(domain.lower, domain.upper);
  if (domain.scale == Scale::ReverseLog)
    invalid("a finite range can't be on a reverse logarithmic scale",
            "use a linear or a logarithmic one");
  validate_scale(domain.scale, domain.lower, domain.upper);
  if (domain.lower == domain.upper)
    invalid("lower = " + text_of(domain.lower) + " must be < upper in a finite range",
            "use a constant for one value");
  const double limit = static_cast<double>(kMaxInteger);
  if (domain.type == ValueType::Integer && (domain.lower < -limit || domain.upper > limit))
    invalid("the bounds [" + text_of(domain.lower) + ", " + text_of(domain.upper) +
            "] of a finite range of integers must lie in [-2^53, 2^53]");
}

void validate_kind(const CategoricalDomain& domain) { validate_categories(domain.categories); }

void validate_kind(const OrdinalDomain& domain) {
  validate_categories(domain.categories);
  if (domain.kind != OrdinalKind::Equal) validate_neighbors(domain);
}

void validate_kind(const QuantizedDomain& domain) {
  std::visit([](const auto& base) { validate_kind(base); }, domain.base);
  if (!(domain.quantum > 0) || !std::isfinite(domain.quantum))
    invalid("quantum = " + text_of(domain.quantum) + " must be > 0");
  if (base_scale(domain) == Scale::ReverseLog)
    invalid("a reverse logarithmic domain can't be quantised", "use a linear or a logarithmic one");
  if (std::holds_alternative<IntegerDomain>(domain.base) &&
      domain.quantum != std::floor(domain.quantum))
    invalid("quantum = " + text_of(domain.quantum) + " of an integer must be a whole number");
  const double limit = static_cast<double>(kMaxInteger);
  if (std::max(std::abs(base_lower(domain)), std::abs(base_upper(domain))) / domain.quantum > limit)
    invalid("quantum = " + text_of(domain.quantum) + " is too small for the bounds [" +
                text_of(base_lower(domain)) + ", " + text_of(base_upper(domain)) + "]",
            "use the domain without a quantum");
  const IntegerAxis axis = multiples(domain);
  if (axis.lower > axis.upper)
    invalid("no multiple of quantum = " + text_of(domain.quantum) + " lies in [" +
                text_of(base_lower(domain)) + ", " + text_of(base_upper(domain)) + "]",
            "make the quantum smaller or the bounds wider");
}

}  // namespace

void validate(const Domain& domain) {
  std::visit([](const auto& kind) { validate_kind(kind); }, domain);
}

}  // namespace skipjack
