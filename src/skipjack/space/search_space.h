// The search space: named parameters, constants that are passed through to the program, and
// constraints between parameters, which no sampler may violate.
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

/// One value per parameter and constant: a JSON object in the space's order.
using Configuration = Json;

/// A parameter to be searched, or a constant.
struct Parameter {
  std::string name;
  std::variant<Domain, Json> domain;
  friend bool operator==(const Parameter&, const Parameter&) = default;
};

/// A value type; immutable after construction; safe to share between threads.
class SearchSpace {
 public:
  SearchSpace();
  /// constraints: expressions over the names, such as "queue * chunk <= 1GiB" or "act != 'relu' or
  /// lr < 0.1"; operators + - * / ^, comparisons, and/or/not (&& || !), min, max, log, log2, sqrt,
  /// ceil, floor, byte-size suffixes, quoted strings for categories. Throws InvalidArgument naming
  /// the parameter or the constraint that is wrong: bad bounds, a name twice, an unknown name, an
  /// expression that can't be read.
  explicit SearchSpace(std::vector<Parameter> parameters,
                       std::vector<std::string> constraints = {});
  SearchSpace(const SearchSpace&);
  SearchSpace(SearchSpace&&) noexcept;
  SearchSpace& operator=(SearchSpace);
  ~SearchSpace();

  const std::vector<Parameter>& parameters() const;
  const std::vector<std::string>& constraints() const;

  /// The searched parameters only, in order; dimension() of them. dimension() may be 0.
  const std::vector<std::pair<std::string, Domain>>& searched() const;
  std::size_t dimension() const { return searched().size(); }

  /// Number of configurations of the searched parameters, constraints not counted off; nullopt if
  /// infinite or above 2^53.
  std::optional<std::int64_t> cardinality() const;
  /// The index-th combination (first parameter slowest); it may violate a constraint.
  Configuration configuration_at(std::int64_t index) const;

  /// A random configuration that satisfies the constraints; nullopt if none was found in max_tries
  /// draws.
  std::optional<Configuration> sample(Rng& rng, int max_tries = 10000) const;
  /// Every parameter at its domain's midpoint; it may violate a constraint.
  Configuration midpoint() const;
  /// Fills parameters that partial lacks by midpoints, adds constants, casts values, orders them.
  /// Throws InvalidArgument naming a value that is outside its domain, an unknown name, or a
  /// violated constraint.
  Configuration complete(const Configuration& partial) const;
  bool satisfies_constraints(const Configuration& configuration) const;
  bool contains(const Configuration& configuration) const;

  /// Unit cube, one coordinate per searched parameter.
  std::vector<double> encode(const Configuration& configuration) const;
  /// unit: dimension() numbers, clamped to [0, 1]. The result may violate a constraint.
  Configuration decode(std::span<const double> unit) const;
  /// Equal for equal configurations of the searched parameters (numbers to 6 digits after the
  /// point): the identity used for "already tried".
  std::string key(const Configuration& configuration) const;

  /// {"name": domain or constant, ...} in Syne Tune's form; constraints, if any, under
  /// "constraints" beside it:
  /// {"parameters": {...}, "constraints": [...]}; without constraints just the parameters.
  Json to_json() const;
  static SearchSpace from_json(const Json& json);
  /// YAML (or JSON) as people write it:
  ///   lr: loguniform(1e-6, 1)
  ///   act: [relu, tanh]          # a list is a choice
  ///   epochs: 10                 # anything else is a constant
  ///   constraints: [queue * chunk <= 1GiB]
  /// Byte sizes may stand where numbers do (lograndint(1MiB, 1GiB)). Throws InvalidArgument with
  /// line and reason.
  static SearchSpace from_text(std::string_view yaml_or_json);

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace skipjack
