// Domains as functions of values: drawing, casting, and the place of a value on the unit interval.
// Sampling keeps the rules that Syne Tune users know, which for lograndint differ from the cells of
// domain_cells.h: round(exp(U)) gives the end values half their share.
#include "skipjack/space/domain.h"

#include <algorithm>
#include <cmath>

#include "skipjack/base/invalid.h"
#include "skipjack/base/overloaded.h"
#include "skipjack/space/domain_cells.h"
#include "skipjack/space/text_of.h"

namespace skipjack {
namespace {

/// How far a hand-written number may be from the value it means, as a fraction of it.
constexpr double kCastTolerance = 0.01;

std::size_t equal_category(const std::vector<Json>& categories, const Json& value) {
  for (std::size_t i = 0; i < categories.size(); ++i) {
    if (categories[i] == value) return i;
    if (value.is_number() && categories[i].is_number() &&
        categories[i].as_double() == value.as_double())
      return i;
  }
  return categories.size();
}

/// categories.size() if there is none. Real categories take the nearest number within 1 %.
std::size_t find_category(const std::vector<Json>& categories, const Json& value) {
  const std::size_t exact = equal_category(categories, value);
  if (exact < categories.size() || !value.is_number() || !categories[0].is_double()) return exact;
  std::size_t best = 0;
  const double number = value.as_double();
  const auto distance = [&](std::size_t i) { return std::abs(categories[i].as_double() - number); };
  for (std::size_t i = 1; i < categories.size(); ++i)
    if (distance(i) < distance(best)) best = i;
  const bool near = distance(best) <= kCastTolerance * std::abs(categories[best].as_double());
  return near ? best : categories.size();
}

std::string list_of(const std::vector<Json>& categories) {
  std::string text;
  for (const Json& category : categories) {
    if (text.size() > 200) return text + ", ...";
    text += (text.empty() ? "" : ", ") + text_of(category);
  }
  return text;
}

std::size_t require_category(const std::vector<Json>& categories, const Json& value) {
  const std::size_t index = find_category(categories, value);
  if (index == categories.size())
    invalid("value " + text_of(value) + " is none of " + list_of(categories));
  return index;
}

double require_number(const Json& value) {
  if (!value.is_number()) invalid("value " + text_of(value) + " must be a number");
  return value.as_double();
}

template <class Bound>
void require_within(const Json& value, Bound number, Bound lower, Bound upper) {
  if (!(number >= lower && number <= upper))
    invalid("value " + text_of(value) + " must be in [" + text_of(lower) + ", " + text_of(upper) +
            "]");
}

/// nullopt if value is nowhere near a value of the grid.
std::optional<std::int64_t> find_on_grid(const FiniteRangeDomain& domain, double value,
                                         double tolerance) {
  if (!std::isfinite(value)) return std::nullopt;
  const std::int64_t index = grid_index(domain, value);
  const double nearest = grid_value(domain, index);
  const double gap = (domain.upper - domain.lower) / static_cast<double>(domain.size - 1);
  const double room = nearest == 0 ? tolerance * gap : tolerance * std::abs(nearest);
  if (std::abs(nearest - value) > room) return std::nullopt;
  return index;
}

std::optional<std::int64_t> find_multiple(const QuantizedDomain& domain, double value,
                                          double tolerance) {
  if (!std::isfinite(value)) return std::nullopt;
  const std::int64_t multiple = nearest_multiple(domain, value);
  const double nearest = quantized_value(domain, multiple).as_double();
  if (std::abs(nearest - value) > tolerance * domain.quantum) return std::nullopt;
  return multiple;
}

/// Lists such as [1, 2.5] mean real numbers throughout.
std::vector<Json> one_number_type(std::vector<Json> categories) {
  const bool numbers = std::all_of(categories.begin(), categories.end(),
                                   [](const Json& value) { return value.is_number(); });
  const bool any_real = std::any_of(categories.begin(), categories.end(),
                                    [](const Json& value) { return value.is_double(); });
  if (numbers && any_real)
    for (Json& value : categories) value = Json(value.as_double());
  return categories;
}

Domain checked(Domain domain) {
  validate(domain);
  return domain;
}

Json sample_kind(const FloatDomain& domain, Rng& rng) {
  const double s =
      rng.uniform(to_scale(domain.scale, domain.lower), to_scale(domain.scale, domain.upper));
  return Json(std::clamp(from_scale(domain.scale, s), domain.lower, domain.upper));
}

Json sample_kind(const IntegerDomain& domain, Rng& rng) {
  if (domain.scale != Scale::Log) return Json(rng.uniform_int(domain.lower, domain.upper));
  const double value = std::exp(rng.uniform(std::log(static_cast<double>(domain.lower)),
                                            std::log(static_cast<double>(domain.upper))));
  return Json(
      std::clamp(static_cast<std::int64_t>(std::nearbyint(value)), domain.lower, domain.upper));
}

Json sample_kind(const FiniteRangeDomain& domain, Rng& rng) {
  return value_at(domain, rng.uniform_int(0, domain.size - 1));
}

Json pick(const std::vector<Json>& categories, Rng& rng) {
  return categories[static_cast<std::size_t>(
      rng.uniform_int(0, static_cast<std::int64_t>(categories.size()) - 1))];
}

Json sample_kind(const CategoricalDomain& domain, Rng& rng) { return pick(domain.categories, rng); }

Json sample_kind(const OrdinalDomain& domain, Rng& rng) {
  if (domain.kind == OrdinalKind::Equal) return pick(domain.categories, rng);
  return domain.categories[NeighborAxis(domain).nearest(rng.uniform())];
}

Json sample_kind(const QuantizedDomain& domain, Rng& rng) {
  const Json value =
      std::visit([&](const auto& base) { return sample_kind(base, rng); }, domain.base);
  return quantized_value(domain, nearest_multiple(domain, value.as_double()));
}

Json midpoint_kind(const FloatDomain& domain) {
  const double value = from_scale(domain.scale, middle(to_scale(domain.scale, domain.lower),
                                                       to_scale(domain.scale, domain.upper)));
  return Json(std::clamp(value, domain.lower, domain.upper));
}

Json midpoint_kind(const IntegerDomain& domain) {
  const double lower = static_cast<double>(domain.lower), upper = static_cast<double>(domain.upper);
  const double value = from_scale(
      domain.scale, middle(to_scale(domain.scale, lower), to_scale(domain.scale, upper)));
  return Json(
      std::clamp(static_cast<std::int64_t>(std::nearbyint(value)), domain.lower, domain.upper));
}

Json midpoint_kind(const FiniteRangeDomain& domain) {
  return value_at(domain, static_cast<std::int64_t>(
                              std::nearbyint(0.5 * static_cast<double>(domain.size - 1))));
}

Json midpoint_kind(const CategoricalDomain& domain) { return domain.categories.front(); }

Json midpoint_kind(const OrdinalDomain& domain) {
  return domain.categories[domain.categories.size() / 2];
}

Json midpoint_kind(const QuantizedDomain& domain) {
  const Json value = std::visit([](const auto& base) { return midpoint_kind(base); }, domain.base);
  return quantized_value(domain, nearest_multiple(domain, value.as_double()));
}

}  // namespace

Domain uniform(double lower, double upper) {
  return checked(FloatDomain{lower, upper, Scale::Linear});
}
Domain log_uniform(double lower, double upper) {
  return checked(FloatDomain{lower, upper, Scale::Log});
}
Domain reverse_log_uniform(double lower, double upper) {
  return checked(FloatDomain{lower, upper, Scale::ReverseLog});
}
Domain rand_int(std::int64_t lower, std::int64_t upper) {
  return checked(IntegerDomain{lower, upper, Scale::Linear});
}
Domain log_rand_int(std::int64_t lower, std::int64_t upper) {
  return checked(IntegerDomain{lower, upper, Scale::Log});
}

Domain choice(std::vector<Json> categories) {
  return checked(CategoricalDomain{one_number_type(std::move(categories))});
}

Domain ordinal(std::vector<Json> categories, std::optional<OrdinalKind> kind) {
  OrdinalDomain domain{one_number_type(std::move(categories)), OrdinalKind::Equal};
  if (!kind) {
    validate(domain);
    bool increasing = domain.categories.size() > 1;
    for (std::size_t i = 0; i < domain.categories.size() && increasing; ++i)
      increasing =
          domain.categories[i].is_number() &&
          (i == 0 || domain.categories[i - 1].as_double() < domain.categories[i].as_double());
    kind = increasing ? OrdinalKind::NearestNeighbor : OrdinalKind::Equal;
  }
  domain.kind = *kind;
  return checked(std::move(domain));
}

Domain log_ordinal(std::vector<Json> categories) {
  return ordinal(std::move(categories), OrdinalKind::NearestNeighborLog);
}
Domain fin_range(double lower, double upper, std::int64_t size, ValueType type) {
  return checked(FiniteRangeDomain{lower, upper, size, Scale::Linear, type});
}
Domain log_fin_range(double lower, double upper, std::int64_t size, ValueType type) {
  return checked(FiniteRangeDomain{lower, upper, size, Scale::Log, type});
}

Domain quantized(Domain base, double quantum) {
  if (const auto* real = std::get_if<FloatDomain>(&base))
    return checked(QuantizedDomain{*real, quantum});
  if (const auto* integer = std::get_if<IntegerDomain>(&base))
    return checked(QuantizedDomain{*integer, quantum});
  invalid("only real and integer intervals can be quantised");
}

Json sample(const Domain& domain, Rng& rng) {
  return std::visit([&](const auto& kind) { return sample_kind(kind, rng); }, domain);
}

Json midpoint(const Domain& domain) {
  return std::visit([](const auto& kind) { return midpoint_kind(kind); }, domain);
}

bool contains(const Domain& domain, const Json& value) {
  constexpr double kRounding = 1e-9;
  return std::visit(
      Overloaded{
          [&](const FloatDomain& d) {
            return value.is_number() && value.as_double() >= d.lower &&
                   value.as_double() <= d.upper;
          },
          [&](const IntegerDomain& d) {
            if (!value.is_number()) return false;
            const double number = value.as_double();
            return number == std::floor(number) && number >= static_cast<double>(d.lower) &&
                   number <= static_cast<double>(d.upper);
          },
          [&](const FiniteRangeDomain& d) {
            return value.is_number() && find_on_grid(d, value.as_double(), kRounding).has_value();
          },
          [&](const CategoricalDomain& d) {
            return equal_category(d.categories, value) < d.categories.size();
          },
          [&](const OrdinalDomain& d) {
            return equal_category(d.categories, value) < d.categories.size();
          },
          [&](const QuantizedDomain& d) {
            return value.is_number() && find_multiple(d, value.as_double(), kRounding).has_value();
          },
      },
      domain);
}

Json cast(const Domain& domain, const Json& value) {
  return std::visit(
      Overloaded{
          [&](const FloatDomain& d) {
            const double number = require_number(value);
            require_within(value, number, d.lower, d.upper);
            return Json(number);
          },
          [&](const IntegerDomain& d) {
            const double number = require_number(value);
            require_within(value, number, static_cast<double>(d.lower),
                           static_cast<double>(d.upper));
            if (number != std::floor(number))
              invalid("value " + text_of(value) + " must be a whole number");
            return Json(value.as_int());
          },
          [&](const FiniteRangeDomain& d) {
            const auto index = find_on_grid(d, require_number(value), kCastTolerance);
            if (!index)
              invalid("value " + text_of(value) + " is none of the " + text_of(d.size) +
                      " values from " + text_of(d.lower) + " to " + text_of(d.upper));
            return value_at(d, *index);
          },
          [&](const CategoricalDomain& d) {
            return d.categories[require_category(d.categories, value)];
          },
          [&](const OrdinalDomain& d) {
            return d.categories[require_category(d.categories, value)];
          },
          [&](const QuantizedDomain& d) {
            const auto multiple = find_multiple(d, require_number(value), kCastTolerance);
            if (!multiple)
              invalid("value " + text_of(value) + " is no multiple of " + text_of(d.quantum) +
                      " in [" + text_of(base_lower(d)) + ", " + text_of(base_upper(d)) + "]");
            return quantized_value(d, *multiple);
          },
      },
      domain);
}

std::optional<std::int64_t> cardinality(const Domain& domain) {
  using Count = std::optional<std::int64_t>;
  return std::visit(
      Overloaded{
          [](const FloatDomain& d) { return d.lower == d.upper ? Count(1) : std::nullopt; },
          [](const IntegerDomain& d) { return Count(d.upper - d.lower + 1); },
          [](const FiniteRangeDomain& d) { return Count(d.size); },
          [](const CategoricalDomain& d) {
            return Count(static_cast<std::int64_t>(d.categories.size()));
          },
          [](const OrdinalDomain& d) {
            return Count(static_cast<std::int64_t>(d.categories.size()));
          },
          [](const QuantizedDomain& d) {
            const IntegerAxis axis = multiples(d);
            return Count(axis.upper - axis.lower + 1);
          },
      },
      domain);
}

Json value_at(const Domain& domain, std::int64_t index) {
  const auto count = cardinality(domain);
  if (!count) invalid("a real interval has no list of values", "use a finite range");
  if (index < 0 || index >= *count)
    invalid("index = " + text_of(index) + " must be in [0, " + text_of(*count) + ")");
  return std::visit(
      Overloaded{
          [&](const FloatDomain& d) { return Json(d.lower); },
          [&](const IntegerDomain& d) { return Json(d.lower + index); },
          [&](const FiniteRangeDomain& d) {
            const double value = grid_value(d, index);
            return d.type == ValueType::Integer ? Json(static_cast<std::int64_t>(value))
                                                : Json(value);
          },
          [&](const CategoricalDomain& d) { return d.categories[static_cast<std::size_t>(index)]; },
          [&](const OrdinalDomain& d) { return d.categories[static_cast<std::size_t>(index)]; },
          [&](const QuantizedDomain& d) { return quantized_value(d, multiples(d).lower + index); },
      },
      domain);
}

double to_unit(const Domain& domain, const Json& value) {
  const auto category_unit = [&](const std::vector<Json>& categories) {
    const auto index = static_cast<std::int64_t>(require_category(categories, value));
    return index_axis(static_cast<std::int64_t>(categories.size())).to_unit(index);
  };
  return std::visit(
      Overloaded{
          [&](const FloatDomain& d) {
            const double number = cast(d, value).as_double();
            if (d.lower == d.upper) return 0.5;
            const double start = to_scale(d.scale, d.lower), end = to_scale(d.scale, d.upper);
            if (!(end > start)) return 0.5;
            return std::clamp((to_scale(d.scale, number) - start) / (end - start), 0.0, 1.0);
          },
          [&](const IntegerDomain& d) {
            return IntegerAxis{d.lower, d.upper, d.scale}.to_unit(cast(d, value).as_int());
          },
          [&](const FiniteRangeDomain& d) {
            const auto index = find_on_grid(d, require_number(value), kCastTolerance);
            if (!index) cast(d, value);  // throws with the reason
            return index_axis(d.size).to_unit(*index);
          },
          [&](const CategoricalDomain& d) { return category_unit(d.categories); },
          [&](const OrdinalDomain& d) {
            if (d.kind == OrdinalKind::Equal) return category_unit(d.categories);
            return NeighborAxis(d).to_unit(require_category(d.categories, value));
          },
          [&](const QuantizedDomain& d) {
            const double number = cast(d, value).as_double();
            return multiples(d).to_unit(nearest_multiple(d, number));
          },
      },
      domain);
}

Json from_unit(const Domain& domain, double u) {
  u = u > 0 ? std::min(u, 1.0) : 0.0;  // NaN goes to 0
  const auto category_at = [&](const std::vector<Json>& categories) {
    const auto size = static_cast<std::int64_t>(categories.size());
    return categories[static_cast<std::size_t>(index_axis(size).from_unit(u))];
  };
  return std::visit(
      Overloaded{
          [&](const FloatDomain& d) {
            if (u == 0) return Json(d.lower);
            if (u == 1) return Json(d.upper);
            const double start = to_scale(d.scale, d.lower), end = to_scale(d.scale, d.upper);
            return Json(
                std::clamp(from_scale(d.scale, start + u * (end - start)), d.lower, d.upper));
          },
          [&](const IntegerDomain& d) {
            return Json(IntegerAxis{d.lower, d.upper, d.scale}.from_unit(u));
          },
          [&](const FiniteRangeDomain& d) { return value_at(d, index_axis(d.size).from_unit(u)); },
          [&](const CategoricalDomain& d) { return category_at(d.categories); },
          [&](const OrdinalDomain& d) {
            if (d.kind == OrdinalKind::Equal) return category_at(d.categories);
            return d.categories[NeighborAxis(d).nearest(u)];
          },
          [&](const QuantizedDomain& d) { return quantized_value(d, multiples(d).from_unit(u)); },
      },
      domain);
}

}  // namespace skipjack
