// Domains: what values a parameter may take, how they are drawn, and where they lie on the unit
// interval. The kinds, their sampling semantics and their JSON form are those that Syne Tune users
// know (docs/search-space.md lists them); quantised domains have a JSON form here too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skipjack/base/json.h"
#include "skipjack/base/rng.h"

namespace skipjack {

enum class Scale { Linear, Log, ReverseLog };

/// Real numbers in [lower, upper]; Log needs lower > 0, ReverseLog 0 <= lower and upper < 1.
struct FloatDomain {
  double lower = 0, upper = 1;
  Scale scale = Scale::Linear;
  friend bool operator==(const FloatDomain&, const FloatDomain&) = default;
};
/// Integers in {lower, ..., upper}; Log needs lower >= 1. ReverseLog is not allowed.
struct IntegerDomain {
  std::int64_t lower = 0, upper = 1;
  Scale scale = Scale::Linear;
  friend bool operator==(const IntegerDomain&, const IntegerDomain&) = default;
};
/// size values from lower to upper, equally spaced (in the logarithm for Log); size >= 2.
enum class ValueType { Float, Integer };
struct FiniteRangeDomain {
  double lower = 0, upper = 1;
  std::int64_t size = 2;
  Scale scale = Scale::Linear;
  ValueType type = ValueType::Float;
  friend bool operator==(const FiniteRangeDomain&, const FiniteRangeDomain&) = default;
};
/// One of a set without order; all of one type (bool, integer, double or string), none twice.
struct CategoricalDomain {
  std::vector<Json> categories;
  friend bool operator==(const CategoricalDomain&, const CategoricalDomain&) = default;
};
/// One of an ordered list. NearestNeighbor and NearestNeighborLog (strictly increasing numbers)
/// place the values by size, Equal places them at equal distances.
enum class OrdinalKind { Equal, NearestNeighbor, NearestNeighborLog };
struct OrdinalDomain {
  std::vector<Json> categories;
  OrdinalKind kind = OrdinalKind::Equal;
  friend bool operator==(const OrdinalDomain&, const OrdinalDomain&) = default;
};
/// base, rounded to multiples of quantum; quantum > 0.
struct QuantizedDomain {
  std::variant<FloatDomain, IntegerDomain> base;
  double quantum = 1;
  friend bool operator==(const QuantizedDomain&, const QuantizedDomain&) = default;
};

using Domain = std::variant<FloatDomain, IntegerDomain, FiniteRangeDomain, CategoricalDomain,
                            OrdinalDomain, QuantizedDomain>;

// The constructors that users write; each validates and throws InvalidArgument. The name is not
// known here: SearchSpace adds it to the message.
Domain uniform(double lower, double upper);
Domain log_uniform(double lower, double upper);
Domain reverse_log_uniform(double lower, double upper);
Domain rand_int(std::int64_t lower, std::int64_t upper);
Domain log_rand_int(std::int64_t lower, std::int64_t upper);
Domain choice(std::vector<Json> categories);
/// kind unset: NearestNeighbor for more than one strictly increasing number, else Equal.
Domain ordinal(std::vector<Json> categories, std::optional<OrdinalKind> kind = std::nullopt);
Domain log_ordinal(std::vector<Json> categories);
Domain fin_range(double lower, double upper, std::int64_t size, ValueType type = ValueType::Float);
Domain log_fin_range(double lower, double upper, std::int64_t size,
                     ValueType type = ValueType::Float);
Domain quantized(Domain base, double quantum);

/// Throws InvalidArgument naming the bound that is broken.
void validate(const Domain& domain);

/// A random value, by the domain's own distribution (see docs/search-space.md).
Json sample(const Domain& domain, Rng& rng);
/// The default value: arithmetic or geometric middle, first category, middle ordinal.
Json midpoint(const Domain& domain);
bool contains(const Domain& domain, const Json& value);
/// value as the domain's own type (1 -> 1.0 for a float, 2.0 -> 2 for an integer, the nearest
/// number of a category within 1 %); throws InvalidArgument if it is not in the domain.
Json cast(const Domain& domain, const Json& value);

/// Number of values; nullopt if infinite.
std::optional<std::int64_t> cardinality(const Domain& domain);
/// The index-th of cardinality() values, in order.
Json value_at(const Domain& domain, std::int64_t index);

/// Position in [0, 1]. Integers, finite ranges, ordinals and categories sit in the middle of cells
/// of their (scaled) width, so that bounds are not special; from_unit(to_unit(v)) == v.
double to_unit(const Domain& domain, const Json& value);
/// The value whose cell holds u; u is clamped to [0, 1].
Json from_unit(const Domain& domain, double u);

/// Syne Tune's JSON form: {"domain_cls": ..., "domain_kwargs": ..., ...}.
Json to_json(const Domain& domain);
Domain domain_from_json(const Json& json);
/// As people write it: "loguniform(1e-06, 1.0)".
std::string to_text(const Domain& domain);
/// Reads what to_text writes and what docs/search-space.md describes. Throws InvalidArgument.
Domain domain_from_text(std::string_view text);
/// True for text of the form name(...) where name is a domain's.
bool looks_like_domain(std::string_view text);

}  // namespace skipjack
