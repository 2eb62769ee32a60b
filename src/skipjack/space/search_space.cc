// The search space as an immutable value: what is common to all copies is shared. Reading text is
// in space_text.cc, constraints in constraint.cc.
#include "skipjack/space/search_space.h"

#include <charconv>
#include <set>

#include "skipjack/base/error.h"
#include "skipjack/space/constraint.h"

namespace skipjack {
namespace {

constexpr std::int64_t kMaxCardinality = std::int64_t{1} << 53;
constexpr std::size_t kMaxNameLength = 200;

[[noreturn]] void invalid(const std::string& message, const std::string& try_this = {}) {
  throw Error(ErrorCode::InvalidArgument, message, try_this);
}

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

bool same_constant(const Json& constant, const Json& value) {
  if (constant == value) return true;
  return constant.is_number() && value.is_number() && constant.as_double() == value.as_double();
}

const Json& value_of(const Configuration& configuration, const std::string& name) {
  const Json* value = configuration.find(name);
  if (value == nullptr) invalid("the configuration has no value for " + parameter_called(name));
  return *value;
}

}  // namespace

struct SearchSpace::State {
  std::vector<Parameter> parameters;
  std::vector<std::string> constraints;
  std::vector<std::pair<std::string, Domain>> searched;
  std::vector<Constraint> compiled;

  const Parameter* find(std::string_view name) const {
    for (const Parameter& parameter : parameters)
      if (parameter.name == name) return &parameter;
    return nullptr;
  }

  /// The configuration whose searched values come from value_for(index, domain), index counting
  /// them.
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
    return Json(std::move(values));
  }
};

SearchSpace::SearchSpace() : SearchSpace(std::vector<Parameter>{}) {}

SearchSpace::SearchSpace(std::vector<Parameter> parameters, std::vector<std::string> constraints) {
  auto state = std::make_shared<State>();
  std::set<std::string> names;
  for (const Parameter& parameter : parameters) {
    validate_name(parameter.name);
    if (!names.insert(parameter.name).second)
      invalid(parameter_called(parameter.name) + " is given twice", "rename or remove one of them");
    if (const auto* domain = std::get_if<Domain>(&parameter.domain)) {
      naming(parameter_called(parameter.name), [&] { validate(*domain); });
      state->searched.emplace_back(parameter.name, *domain);
    }
  }
  state->parameters = std::move(parameters);
  state->constraints = std::move(constraints);
  for (const std::string& text : state->constraints) {
    const std::string shown = text.size() > 100 ? text.substr(0, 97) + "..." : text;
    state->compiled.push_back(naming("constraint \"" + shown + "\"",
                                     [&] { return Constraint(state->parameters, text); }));
  }
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
const std::vector<std::pair<std::string, Domain>>& SearchSpace::searched() const {
  return state_->searched;
}

std::optional<std::int64_t> SearchSpace::cardinality() const {
  std::int64_t product = 1;
  for (const auto& [name, domain] : searched()) {
    const auto count = skipjack::cardinality(domain);
    if (!count || *count > kMaxCardinality / product) return std::nullopt;
    product *= *count;
  }
  return product;
}

Configuration SearchSpace::configuration_at(std::int64_t index) const {
  const auto count = cardinality();
  if (!count) invalid("a space with more than 2^53 configurations can't be listed");
  if (index < 0 || index >= *count)
    invalid("index = " + std::to_string(index) + " must be in [0, " + std::to_string(*count) + ")");
  std::vector<std::int64_t> digits(dimension());
  for (std::size_t i = dimension(); i-- > 0;) {
    const std::int64_t base = *skipjack::cardinality(searched()[i].second);
    digits[i] = index % base;
    index /= base;
  }
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
    const Parameter* parameter = state_->find(name);
    if (parameter == nullptr) invalid(parameter_called(name) + " is not in the search space");
    const auto* constant = std::get_if<Json>(&parameter->domain);
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
  for (std::size_t i = 0; i < state_->compiled.size(); ++i)
    if (!state_->compiled[i].holds(configuration))
      invalid("the configuration " + to_json_text(configuration) + " violates the constraint \"" +
              constraints()[i] + "\"");
  return configuration;
}

bool SearchSpace::satisfies_constraints(const Configuration& configuration) const {
  for (const Constraint& constraint : state_->compiled)
    if (!constraint.holds(configuration)) return false;
  return true;
}

bool SearchSpace::contains(const Configuration& configuration) const {
  if (!configuration.is_object()) return false;
  if (configuration.as_object().size() != parameters().size()) return false;
  for (const Parameter& parameter : parameters()) {
    const Json* value = configuration.find(parameter.name);
    if (value == nullptr) return false;
    const auto* domain = std::get_if<Domain>(&parameter.domain);
    if (domain != nullptr ? !skipjack::contains(*domain, *value)
                          : !same_constant(std::get<Json>(parameter.domain), *value))
      return false;
  }
  return satisfies_constraints(configuration);
}

std::vector<double> SearchSpace::encode(const Configuration& configuration) const {
  std::vector<double> unit;
  unit.reserve(dimension());
  for (const auto& [name, domain] : searched()) {
    const Json& value = value_of(configuration, name);
    unit.push_back(naming(parameter_called(name), [&] { return to_unit(domain, value); }));
  }
  return unit;
}

Configuration SearchSpace::decode(std::span<const double> unit) const {
  if (unit.size() != dimension())
    invalid("a point of " + std::to_string(unit.size()) + " coordinates must have " +
            std::to_string(dimension()));
  return state_->make(
      [&](std::size_t i, const Domain& domain) { return from_unit(domain, unit[i]); });
}

std::string SearchSpace::key(const Configuration& configuration) const {
  std::string key;
  for (const auto& [name, domain] : searched()) {
    const Json value =
        naming(parameter_called(name), [&] { return cast(domain, value_of(configuration, name)); });
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
  const bool ambiguous = state_->find("parameters") != nullptr;
  if (constraints().empty() && !ambiguous) return plain;
  Json::Array texts;
  for (const std::string& text : constraints()) texts.emplace_back(text);
  Json wrapped;
  wrapped.set("parameters", std::move(plain));
  wrapped.set("constraints", Json(std::move(texts)));
  return wrapped;
}

SearchSpace SearchSpace::from_json(const Json& json) {
  if (!json.is_object()) invalid("a search space must be an object of names and domains");
  const Json* inner = json.find("parameters");
  const bool wrapped = inner != nullptr && inner->is_object() &&
                       inner->find("domain_cls") == nullptr &&
                       json.as_object().size() == (json.find("constraints") != nullptr ? 2u : 1u);
  std::vector<std::string> constraints;
  if (const Json* texts = wrapped ? json.find("constraints") : nullptr)
    for (const Json& text : texts->as_array()) constraints.push_back(text.as_string());
  std::vector<Parameter> parameters;
  for (const auto& [name, value] : (wrapped ? *inner : json).as_object()) {
    if (value.find("domain_cls") != nullptr)
      parameters.push_back(
          {name, naming(parameter_called(name), [&] { return domain_from_json(value); })});
    else
      parameters.push_back({name, value});
  }
  return SearchSpace(std::move(parameters), std::move(constraints));
}

}  // namespace skipjack
