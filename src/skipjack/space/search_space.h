// The search space: named parameters, constants that are passed through to the program, constraints
// between parameters, which no sampler may violate, and conditions under which a parameter is
// there.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "skipjack/space/domain.h"

namespace skipjack {

/// One value per parameter and constant that it has: a JSON object in the space's order.
using Configuration = Json;

/// A parameter to be searched, or a constant.
struct Parameter {
  std::string name;
  std::variant<Domain, Json> domain;
  friend bool operator==(const Parameter&, const Parameter&) = default;
};

/// The parameter (or constant) is active only where the expression `when` over other parameters
/// holds; elsewhere a configuration doesn't have it. An expression that speaks of an inactive
/// parameter does not hold.
struct Condition {
  std::string parameter;
  std::string when;
  friend bool operator==(const Condition&, const Condition&) = default;
};

/// A value type; immutable after construction; safe to share between threads.
class SearchSpace {
 public:
  SearchSpace();
  /// constraints: expressions over the names, such as "queue * chunk <= 1GiB" or "act != 'relu' or
  /// lr < 0.1"; operators + - * / ^, comparisons, and/or/not (&& || !), min, max, log, log2, sqrt,
  /// ceil, floor, byte-size suffixes, quoted strings for categories. A constraint that speaks of an
  /// inactive parameter is kept. conditions: in the same language, at most one a parameter.
  /// Throws InvalidArgument naming the parameter, the constraint or the condition that is wrong:
  /// bad bounds, a name twice, an unknown name, an expression that can't be read, conditions that
  /// go in a circle.
  explicit SearchSpace(std::vector<Parameter> parameters, std::vector<std::string> constraints = {},
                       std::vector<Condition> conditions = {});
  SearchSpace(const SearchSpace&);
  SearchSpace(SearchSpace&&) noexcept;
  SearchSpace& operator=(SearchSpace);
  ~SearchSpace();

  const std::vector<Parameter>& parameters() const;
  const std::vector<std::string>& constraints() const;
  const std::vector<Condition>& conditions() const;

  /// The searched parameters only, in order; dimension() of them. dimension() may be 0.
  const std::vector<std::pair<std::string, Domain>>& searched() const;
  std::size_t dimension() const { return searched().size(); }

  /// Number of configurations that differ in an active parameter, constraints not counted off;
  /// nullopt if infinite, above 2^53, or if the parameters that conditions speak of have so many
  /// combinations (times parameters and conditions more than 2^22) that counting would take long.
  /// Counted at the first call.
  std::optional<std::int64_t> cardinality() const;
  /// The index-th of them: parameters that conditions speak of slowest, then the others, the first
  /// one slowest. It may violate a constraint.
  Configuration configuration_at(std::int64_t index) const;

  /// A random configuration that satisfies the constraints; nullopt if none was found in max_tries
  /// draws.
  std::optional<Configuration> sample(Rng& rng, int max_tries = 10000) const;
  /// Every parameter at its domain's midpoint; it may violate a constraint. Like all configurations
  /// that a space makes, it holds the active parameters alone.
  Configuration midpoint() const;
  /// Fills active parameters that partial lacks by midpoints, adds constants, casts values, orders
  /// them. Throws InvalidArgument naming a value that is outside its domain, an unknown name, a
  /// value for an inactive parameter, or a violated constraint.
  Configuration complete(const Configuration& partial) const;
  bool satisfies_constraints(const Configuration& configuration) const;
  bool contains(const Configuration& configuration) const;

  /// Unit cube, one coordinate per searched parameter; kInactiveCoordinate for inactive ones,
  /// whose values, if any, are passed over. Throws InvalidArgument if an active one has no value.
  std::vector<double> encode(const Configuration& configuration) const;
  static constexpr double kInactiveCoordinate = 0.5;
  /// unit: dimension() numbers, clamped to [0, 1]. The result may violate a constraint.
  Configuration decode(std::span<const double> unit) const;
  /// By searched parameter, whether decode(unit) has it.
  std::vector<bool> active(std::span<const double> unit) const;
  /// The searched parameters, by their place among searched(), on whose values active() depends;
  /// ascending. Empty for a space without conditions.
  const std::vector<std::size_t>& deciding() const;
  /// Equal for equal configurations of the active searched parameters (numbers to 6 digits after
  /// the point): the identity used for "already tried".
  std::string key(const Configuration& configuration) const;

  /// {"name": domain or constant, ...} in Syne Tune's form; with constraints or conditions
  /// {"parameters": {...}, "constraints": [...], "conditions": {"name": "expression", ...}}, where
  /// conditions are left out if there are none.
  Json to_json() const;
  static SearchSpace from_json(const Json& json);
  /// YAML (or JSON) as people write it:
  ///   lr: loguniform(1e-6, 1)
  ///   act: [relu, tanh]          # a list is a choice
  ///   epochs: 10                 # anything else is a constant
  ///   constraints: [queue * chunk <= 1GiB]
  ///   conditions:
  ///     momentum: optimizer == 'sgd'
  /// Byte sizes may stand where numbers do (lograndint(1MiB, 1GiB)). Throws InvalidArgument with
  /// line and reason.
  static SearchSpace from_text(std::string_view yaml_or_json);

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace skipjack
