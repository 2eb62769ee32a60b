// Domains as functions of values: validation, drawing, casting, and the place of a value on the
// unit interval. Continuous domains are mapped by their scale; everything discrete is an axis of
// cells, one a value, so that a value at a bound has as much room as one in the middle and coming
// back from the unit interval is exact. Sampling keeps the rules that Syne Tune users know, which
// for lograndint differ from the cells: round(exp(U)) gives the end values half their share.
#include "skipjack/space/domain.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <type_traits>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

/// Largest magnitude of an integer bound: up to here doubles, and most JSON readers, are exact.
constexpr std::int64_t kMaxInteger = std::int64_t{1} << 53;
constexpr std::int64_t kMaxRangeSize = std::int64_t{1} << 31;
/// How far a hand-written number may be from the value it means, as a fraction of it.
constexpr double kCastTolerance = 0.01;

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

[[noreturn]] void invalid(const std::string& message, const std::string& try_this = {}) {
  throw Error(ErrorCode::InvalidArgument, message, try_this);
}

std::string text_of(double number) { return to_python_text(Json(number)); }
std::string text_of(std::int64_t number) { return std::to_string(number); }
std::string text_of(const Json& value) {
  std::string text = to_json_text(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

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

double middle(double a, double b) { return 0.5 * a + 0.5 * b; }

/// The integers lower..upper as cells side by side; in the logarithm from lower - 1/2 to upper +
/// 1/2.
struct IntegerAxis {
  std::int64_t lower, upper;
  Scale scale;

  double to_unit(std::int64_t value) const {
    const double offset = static_cast<double>(value - lower);
    if (scale != Scale::Log) return (offset + 0.5) / static_cast<double>(upper - lower + 1);
    const double start = std::log(static_cast<double>(lower) - 0.5);
    const double end = std::log(static_cast<double>(upper) + 0.5);
    return (std::log(static_cast<double>(value)) - start) / (end - start);
  }
  std::int64_t from_unit(double u) const {
    if (scale != Scale::Log) {
      const std::int64_t size = upper - lower + 1;
      return lower + std::min(size - 1, static_cast<std::int64_t>(u * static_cast<double>(size)));
    }
    const double start = std::log(static_cast<double>(lower) - 0.5);
    const double end = std::log(static_cast<double>(upper) + 0.5);
    const double value = std::nearbyint(std::exp(start + u * (end - start)));
    return std::clamp(static_cast<std::int64_t>(value), lower, upper);
  }
};

/// num_values cells of equal width, by index.
IntegerAxis index_axis(std::int64_t num_values) { return {0, num_values - 1, Scale::Linear}; }

double grid_value(const FiniteRangeDomain& domain, std::int64_t index) {
  const double start = to_scale(domain.scale, domain.lower);
  const double end = to_scale(domain.scale, domain.upper);
  const double fraction = static_cast<double>(index) / static_cast<double>(domain.size - 1);
  const double value = std::clamp(from_scale(domain.scale, start + fraction * (end - start)),
                                  domain.lower, domain.upper);
  return domain.type == ValueType::Integer ? std::nearbyint(value) : value;
}

/// The index whose grid value is nearest to value; the first of equal ones.
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

/// Ordinal values placed by size: the interval that they share, in their scale.
struct NeighborAxis {
  const OrdinalDomain& domain;
  Scale scale;
  double start, end;

  explicit NeighborAxis(const OrdinalDomain& ordinal)
      : domain(ordinal),
        scale(ordinal.kind == OrdinalKind::NearestNeighborLog ? Scale::Log : Scale::Linear) {
    const double first = at(0), last = at(domain.categories.size() - 1);
    const double half_gap =
        0.5 * (last - first) / static_cast<double>(domain.categories.size() - 1);
    start = first - half_gap;
    end = last + half_gap;
  }
  double at(std::size_t index) const {
    return to_scale(scale, domain.categories[index].as_double());
  }
  double to_unit(std::size_t index) const { return (at(index) - start) / (end - start); }
  std::size_t nearest(double u) const {
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
};

double base_lower(const QuantizedDomain& domain) {
  return std::visit([](const auto& base) { return static_cast<double>(base.lower); }, domain.base);
}
double base_upper(const QuantizedDomain& domain) {
  return std::visit([](const auto& base) { return static_cast<double>(base.upper); }, domain.base);
}
Scale base_scale(const QuantizedDomain& domain) {
  return std::visit([](const auto& base) { return base.scale; }, domain.base);
}

/// The multiples of the quantum that lie in the bounds. A bound that misses a multiple by rounding
/// alone counts as that multiple.
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

void validate(const Domain& domain) {
  std::visit([](const auto& kind) { validate_kind(kind); }, domain);
}

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
    validate_categories(domain.categories);
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

bool is_unordered(const Domain& domain) {
  const auto* categorical = std::get_if<CategoricalDomain>(&domain);
  return categorical != nullptr && categorical->categories.size() > 2;
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
