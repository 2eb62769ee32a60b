// The search space as an immutable value: what is common to all copies is shared. Reading text is
// in space_text.cc, constraints in constraint.cc, conditions in conditions.cc, listing in
// enumeration.cc.
#include "skipjack/space/search_space.h"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <set>

#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/space/conditions.h"
#include "skipjack/space/constraint.h"
#include "skipjack/space/enumeration.h"

namespace skipjack {
namespace {

constexpr std::size_t kMaxNameLength = 200;

/// Runs action; an Error that it throws comes out with what in front of the message.
template <class Action>
auto naming(const std::string& what, Action action) {
  try {
    return action();
  } catch (const Error& error) {
    throw Error(error.code(), what + ": " + error.what(), error.try_this());
  }
}

std::string parameter_called(const std::string& name) { return "parameter '" + name + "'"; }

void validate_name(const std::string& name) {
  if (name.empty()) invalid("a parameter has an empty name");
  if (name.size() > kMaxNameLength)
    invalid("parameter '" + name.substr(0, 40) + "...' has a name of more than 200 bytes");
  for (const char c : name)
    if (static_cast<unsigned char>(c) <= ' ' || c == '`' || c == 0x7f)
      invalid(
          "parameter '" + name + "' has a space, a backquote or a control character in its name",
          "use letters, digits, _ and -");
}

void require_dimension(std::size_t size, std::size_t dimension) {
  if (size != dimension)
    invalid("a point of " + std::to_string(size) + " coordinates must have " +
            std::to_string(dimension));
}

bool same_constant(const Json& constant, const Json& value) {
  if (constant == value) return true;
  if (constant.is_number() && value.is_number() && constant.as_double() == value.as_double())
    return true;
  return to_json_text(constant) ==
         to_json_text(value);  // a NaN, itself or within, is only so equal
}

/// Whether the members are those of a space's JSON form with its expressions.
bool only_wrapping(const Json& json) {
  return std::all_of(json.as_object().begin(), json.as_object().end(), [](const auto& member) {
    return member.first == "parameters" || member.first == "constraints" ||
           member.first == "conditions";
  });
}

}  // namespace

struct SearchSpace::State {
  std::vector<Parameter> parameters;
  std::vector<std::string> constraints;
  std::vector<Condition> conditions;
  std::vector<std::pair<std::string, Domain>> searched;
  /// Of each searched parameter, its place among parameters.
  std::vector<std::size_t> searched_at;
  std::vector<Constraint> compiled;
  Conditions when;
  std::vector<std::size_t> deciding;

  const Enumeration& enumeration() const {
    std::call_once(enumerated_once_, [&] { enumeration_.emplace(parameters, when); });
    return *enumeration_;
  }

  std::optional<std::size_t> find(std::string_view name) const {
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].name == name) return i;
    return std::nullopt;
  }

  /// The configuration whose searched values come from value_for(index, domain), index counting
  /// them; without the inactive ones.
  template <class ValueFor>
  Configuration make(ValueFor value_for) const {
    Json::Object values;
    values.reserve(parameters.size());
    std::size_t index = 0;
    for (const Parameter& parameter : parameters) {
      if (const auto* domain = std::get_if<Domain>(&parameter.domain))
        values.emplace_back(parameter.name, value_for(index++, *domain));
      else
        values.emplace_back(parameter.name, std::get<Json>(parameter.domain));
    }
    if (when.empty()) return Json(std::move(values));
    std::vector<const Json*> pointers;
    for (const auto& [name, value] : values) pointers.push_back(&value);
    const std::vector<bool> active = when.active(pointers);
    Json::Object present;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (active[i]) present.push_back(std::move(values[i]));
    return Json(std::move(present));
  }

  /// By parameter, whether a configuration with these values has it. A value that is missing counts
  /// as that of an inactive parameter.
  std::vector<bool> active(const Configuration& configuration) const {
    if (when.empty()) return std::vector<bool>(parameters.size(), true);
    std::vector<const Json*> values(parameters.size(), nullptr);
    for (const std::size_t i : when.deciding()) values[i] = configuration.find(parameters[i].name);
    return when.active(values);
  }

  const Json& value_of(const Configuration& configuration, std::size_t parameter) const {
    const std::string& name = parameters[parameter].name;
    const Json* value = configuration.find(name);
    if (value == nullptr) invalid("the configuration has no value for " + parameter_called(name));
    return *value;
  }

  bool keeps(const Constraint& constraint, const Configuration& configuration,
             const std::vector<bool>& active) const {
    std::vector<const Json*> values;
    for (const std::size_t i : constraint.mentions()) {
      if (!active[i]) return true;
      values.push_back(&value_of(configuration, i));
    }
    return constraint.holds(values);
  }

 private:
  mutable std::once_flag enumerated_once_;
  mutable std::optional<Enumeration> enumeration_;
};

SearchSpace::SearchSpace() : SearchSpace(std::vector<Parameter>{}) {}

SearchSpace::SearchSpace(std::vector<Parameter> parameters, std::vector<std::string> constraints,
                         std::vector<Condition> conditions) {
  auto state = std::make_shared<State>();
  std::set<std::string> names;
  for (const Parameter& parameter : parameters) {
    validate_name(parameter.name);
    if (!names.insert(parameter.name).second)
      invalid(parameter_called(parameter.name) + " is given twice", "rename or remove one of them");
    if (const auto* domain = std::get_if<Domain>(&parameter.domain)) {
      naming(parameter_called(parameter.name), [&] { validate(*domain); });
      state->searched.emplace_back(parameter.name, *domain);
      state->searched_at.push_back(static_cast<std::size_t>(&parameter - parameters.data()));
    }
  }
  state->parameters = std::move(parameters);
  state->constraints = std::move(constraints);
  state->conditions = std::move(conditions);
  for (const std::string& text : state->constraints) {
    state->compiled.push_back(naming("constraint \"" + shown_expression(text) + "\"",
                                     [&] { return Constraint(state->parameters, text); }));
  }
  state->when = Conditions(state->parameters, state->conditions);
  const auto& deciding = state->when.deciding();
  for (std::size_t k = 0; k < state->searched_at.size(); ++k)
    if (std::binary_search(deciding.begin(), deciding.end(), state->searched_at[k]))
      state->deciding.push_back(k);
  state_ = std::move(state);
}

SearchSpace::SearchSpace(const SearchSpace&) = default;
// A moved-from space stays a valid value, so moving shares as copying does.
SearchSpace::SearchSpace(SearchSpace&& other) noexcept : state_(other.state_) {}
SearchSpace& SearchSpace::operator=(SearchSpace other) {
  state_ = std::move(other.state_);
  return *this;
}
SearchSpace::~SearchSpace() = default;

const std::vector<Parameter>& SearchSpace::parameters() const { return state_->parameters; }
const std::vector<std::string>& SearchSpace::constraints() const { return state_->constraints; }
const std::vector<Condition>& SearchSpace::conditions() const { return state_->conditions; }
const std::vector<std::size_t>& SearchSpace::deciding() const { return state_->deciding; }
const std::vector<std::pair<std::string, Domain>>& SearchSpace::searched() const {
  return state_->searched;
}

std::optional<std::int64_t> SearchSpace::cardinality() const {
  return state_->enumeration().size();
}

Configuration SearchSpace::configuration_at(std::int64_t index) const {
  const auto count = cardinality();
  if (!count)
    invalid(
        "a space with more than 2^53 configurations, or conditions over too many "
        "combinations, can't be listed");
  if (index < 0 || index >= *count)
    invalid("index = " + std::to_string(index) + " must be in [0, " + std::to_string(*count) + ")");
  const std::vector<std::int64_t> digits = state_->enumeration().digits(index);
  return state_->make(
      [&](std::size_t i, const Domain& domain) { return value_at(domain, digits[i]); });
}

std::optional<Configuration> SearchSpace::sample(Rng& rng, int max_tries) const {
  for (int attempt = 0; attempt < max_tries; ++attempt) {
    Configuration configuration = state_->make(
        [&](std::size_t, const Domain& domain) { return skipjack::sample(domain, rng); });
    if (satisfies_constraints(configuration)) return configuration;
  }
  return std::nullopt;
}

Configuration SearchSpace::midpoint() const {
  return state_->make([](std::size_t, const Domain& domain) { return skipjack::midpoint(domain); });
}

Configuration SearchSpace::complete(const Configuration& partial) const {
  if (!partial.is_object()) invalid("a configuration must be an object of names and values");
  for (const auto& [name, value] : partial.as_object()) {
    const auto index = state_->find(name);
    if (!index) invalid(parameter_called(name) + " is not in the search space");
    const auto* constant = std::get_if<Json>(&parameters()[*index].domain);
    if (constant != nullptr && !same_constant(*constant, value))
      invalid(parameter_called(name) + ": value " + to_json_text(value) + " must be the constant " +
              to_json_text(*constant));
  }
  Configuration configuration = state_->make([&](std::size_t i, const Domain& domain) {
    const std::string& name = searched()[i].first;
    const Json* value = partial.find(name);
    if (value == nullptr) return skipjack::midpoint(domain);
    return naming(parameter_called(name), [&] { return cast(domain, *value); });
  });
  for (const Condition& condition : conditions())
    if (partial.find(condition.parameter) != nullptr &&
        configuration.find(condition.parameter) == nullptr)
      invalid(parameter_called(condition.parameter) + " has a value in " + to_json_text(partial) +
                  ", but is there only where " + shown_expression(condition.when),
              "leave it out, or give the parameters that it depends on");
  const std::vector<bool> active = state_->active(configuration);
  for (std::size_t i = 0; i < state_->compiled.size(); ++i)
    if (!state_->keeps(state_->compiled[i], configuration, active))
      invalid("the configuration " + to_json_text(configuration) + " violates the constraint \"" +
              constraints()[i] + "\"");
  return configuration;
}

bool SearchSpace::satisfies_constraints(const Configuration& configuration) const {
  if (state_->compiled.empty()) return true;
  const std::vector<bool> active = state_->active(configuration);
  for (const Constraint& constraint : state_->compiled)
    if (!state_->keeps(constraint, configuration, active)) return false;
  return true;
}

bool SearchSpace::contains(const Configuration& configuration) const {
  if (!configuration.is_object()) return false;
  std::vector<const Json*> values;
  for (const Parameter& parameter : parameters()) {
    const Json* value = values.emplace_back(configuration.find(parameter.name));
    if (value == nullptr) continue;
    const auto* domain = std::get_if<Domain>(&parameter.domain);
    if (domain != nullptr ? !skipjack::contains(*domain, *value)
                          : !same_constant(std::get<Json>(parameter.domain), *value))
      return false;
  }
  const std::vector<bool> active = state_->when.active(values);
  std::size_t num_active = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (active[i] != (values[i] != nullptr)) return false;
    num_active += active[i] ? 1 : 0;
  }
  return configuration.as_object().size() == num_active && satisfies_constraints(configuration);
}

std::vector<double> SearchSpace::encode(const Configuration& configuration) const {
  const std::vector<bool> active = state_->active(configuration);
  std::vector<double> unit;
  unit.reserve(dimension());
  for (std::size_t k = 0; k < dimension(); ++k) {
    const auto& [name, domain] = searched()[k];
    if (!active[state_->searched_at[k]]) {
      unit.push_back(kInactiveCoordinate);
      continue;
    }
    const Json& value = state_->value_of(configuration, state_->searched_at[k]);
    unit.push_back(naming(parameter_called(name), [&] { return to_unit(domain, value); }));
  }
  return unit;
}

std::vector<bool> SearchSpace::active(std::span<const double> unit) const {
  require_dimension(unit.size(), dimension());
  if (state_->when.empty()) return std::vector<bool>(dimension(), true);
  std::vector<const Json*> values(parameters().size(), nullptr);
  for (const std::size_t i : state_->when.deciding())
    if (const auto* constant = std::get_if<Json>(&parameters()[i].domain)) values[i] = constant;
  std::vector<Json> decoded(deciding().size());
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    const std::size_t k = deciding()[i];
    decoded[i] = from_unit(searched()[k].second, unit[k]);
    values[state_->searched_at[k]] = &decoded[i];
  }
  const std::vector<bool> by_parameter = state_->when.active(values);
  std::vector<bool> result;
  for (const std::size_t i : state_->searched_at) result.push_back(by_parameter[i]);
  return result;
}

Configuration SearchSpace::decode(std::span<const double> unit) const {
  require_dimension(unit.size(), dimension());
  return state_->make(
      [&](std::size_t i, const Domain& domain) { return from_unit(domain, unit[i]); });
}

std::string SearchSpace::key(const Configuration& configuration) const {
  const std::vector<bool> active = state_->active(configuration);
  std::string key;
  for (std::size_t k = 0; k < dimension(); ++k) {
    const auto& [name, domain] = searched()[k];
    const std::size_t at = state_->searched_at[k];
    if (!active[at]) continue;
    const Json value = naming(parameter_called(name), [&, &domain = domain] {
      return cast(domain, state_->value_of(configuration, at));
    });
    key += name;
    key += ':';
    if (value.is_double() && std::holds_alternative<FloatDomain>(domain)) {
      char text[40];
      const double number = value.as_double() + 0.0;  // makes 0.0 of -0.0
      const auto end =
          std::to_chars(text, text + sizeof text, number, std::chars_format::scientific, 6);
      key.append(text, end.ptr);
    } else {
      key += to_json_text(value);
    }
    key += ',';
  }
  return key;
}

Json SearchSpace::to_json() const {
  Json plain{Json::Object{}};
  for (const Parameter& parameter : parameters()) {
    const auto* domain = std::get_if<Domain>(&parameter.domain);
    plain.set(parameter.name,
              domain != nullptr ? skipjack::to_json(*domain) : std::get<Json>(parameter.domain));
  }
  const bool ambiguous = state_->find("parameters").has_value();
  if (constraints().empty() && conditions().empty() && !ambiguous) return plain;
  Json::Array texts;
  for (const std::string& text : constraints()) texts.emplace_back(text);
  Json wrapped;
  wrapped.set("parameters", std::move(plain));
  wrapped.set("constraints", Json(std::move(texts)));
  if (conditions().empty()) return wrapped;
  Json whens;
  for (const Condition& condition : conditions()) whens.set(condition.parameter, condition.when);
  wrapped.set("conditions", std::move(whens));
  return wrapped;
}

SearchSpace SearchSpace::from_json(const Json& json) {
  if (!json.is_object()) invalid("a search space must be an object of names and domains");
  const Json* inner = json.find("parameters");
  const bool wrapped = inner != nullptr && inner->is_object() &&
                       inner->find("domain_cls") == nullptr && only_wrapping(json);
  std::vector<std::string> constraints;
  std::vector<Condition> conditions;
  if (const Json* texts = wrapped ? json.find("constraints") : nullptr)
    for (const Json& text : texts->as_array()) constraints.push_back(text.as_string());
  if (const Json* whens = wrapped ? json.find("conditions") : nullptr)
    for (const auto& [name, when] : naming("conditions", [&] { return whens->as_object(); }))
      conditions.push_back({name, naming("condition of '" + name + "'",
                                         [&, &text = when] { return text.as_string(); })});
  std::vector<Parameter> parameters;
  for (const auto& [name, value] : (wrapped ? *inner : json).as_object()) {
    if (value.find("domain_cls") != nullptr)
      parameters.push_back(
          {name, naming(parameter_called(name), [&] { return domain_from_json(value); })});
    else
      parameters.push_back({name, value});
  }
  return SearchSpace(std::move(parameters), std::move(constraints), std::move(conditions));
}

}  // namespace skipjack
