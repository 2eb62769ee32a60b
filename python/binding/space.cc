// Domains and search spaces.
#include <nanobind/operators.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "bind.h"
#include "convert.h"
#include "skipjack/base/error.h"

namespace skipjack::python {
namespace {

using namespace nb::literals;

std::vector<Json> values_from(nb::handle values) {
  const Json json = json_from(values);
  if (!json.is_array())
    throw Error(ErrorCode::InvalidArgument, "values must be a list", "such as ['relu', 'tanh']");
  return json.as_array();
}

/// Bounds of integers may be whole or broken numbers, as 1e2 is.
std::int64_t bound_from(const char* name, double value) {
  if (!(std::abs(value) <= 9007199254740992.0))
    throw Error(ErrorCode::InvalidArgument,
                std::string(name) + " = " + shortest_decimal(value) + " must be in [-2^53, 2^53]");
  return std::llrint(value);
}

Domain integers(double lower, double upper, Scale scale) {
  const std::int64_t low = bound_from("lower", lower), high = bound_from("upper", upper);
  return scale == Scale::Log ? log_rand_int(low, high) : rand_int(low, high);
}

std::optional<OrdinalKind> kind_from(const std::optional<std::string>& kind) {
  if (!kind) return std::nullopt;
  if (*kind == "equal") return OrdinalKind::Equal;
  if (*kind == "nn") return OrdinalKind::NearestNeighbor;
  if (*kind == "nn-log") return OrdinalKind::NearestNeighborLog;
  throw Error(ErrorCode::InvalidArgument, "kind = '" + *kind + "' is not known",
              "one of: equal, nn, nn-log");
}

ValueType value_type(bool cast_int) { return cast_int ? ValueType::Integer : ValueType::Float; }

void bind_constructors(nb::module_& module) {
  module.def("uniform", &uniform, "lower"_a, "upper"_a, "Real numbers in [lower, upper].");
  module.def("loguniform", &log_uniform, "lower"_a, "upper"_a,
             "Real numbers in [lower, upper], evenly in their logarithm; lower > 0.");
  module.def("reverseloguniform", &reverse_log_uniform, "lower"_a, "upper"_a,
             "Real numbers in [lower, upper], evenly in -ln(1 - x); 0 <= lower, upper < 1.");
  module.def(
      "randint", [](double lower, double upper) { return integers(lower, upper, Scale::Linear); },
      "lower"_a, "upper"_a, "Integers from lower to upper, both included.");
  module.def(
      "lograndint", [](double lower, double upper) { return integers(lower, upper, Scale::Log); },
      "lower"_a, "upper"_a,
      "Integers from lower to upper, both included, evenly in their logarithm; lower >= 1.");
  module.def(
      "choice", [](nb::handle categories) { return choice(values_from(categories)); },
      "categories"_a, "One of a list without order.");
  module.def(
      "ordinal",
      [](nb::handle categories, const std::optional<std::string>& kind) {
        return ordinal(values_from(categories), kind_from(kind));
      },
      "categories"_a, "kind"_a = nb::none(),
      "One of an ordered list. kind: equal, nn or nn-log; None: nn for increasing numbers.");
  module.def(
      "logordinal", [](nb::handle categories) { return log_ordinal(values_from(categories)); },
      "categories"_a, "One of a list of increasing numbers, placed by their logarithm.");
  module.def(
      "finrange",
      [](double lower, double upper, std::int64_t size, bool cast_int) {
        return fin_range(lower, upper, size, value_type(cast_int));
      },
      "lower"_a, "upper"_a, "size"_a, "cast_int"_a = false,
      "size equally spaced numbers, both ends included.");
  module.def(
      "logfinrange",
      [](double lower, double upper, std::int64_t size, bool cast_int) {
        return log_fin_range(lower, upper, size, value_type(cast_int));
      },
      "lower"_a, "upper"_a, "size"_a, "cast_int"_a = false,
      "size numbers equally spaced in their logarithm, both ends included.");
  module.def(
      "quniform",
      [](double lower, double upper, double q) { return quantized(uniform(lower, upper), q); },
      "lower"_a, "upper"_a, "q"_a, "uniform, rounded to multiples of q.");
  module.def(
      "qloguniform",
      [](double lower, double upper, double q) { return quantized(log_uniform(lower, upper), q); },
      "lower"_a, "upper"_a, "q"_a, "loguniform, rounded to multiples of q.");
  module.def(
      "qrandint",
      [](double lower, double upper, double q) {
        return quantized(integers(lower, upper, Scale::Linear), q);
      },
      "lower"_a, "upper"_a, "q"_a = 1.0, "randint, rounded to multiples of q.");
  module.def(
      "qlograndint",
      [](double lower, double upper, double q) {
        return quantized(integers(lower, upper, Scale::Log), q);
      },
      "lower"_a, "upper"_a, "q"_a = 1.0, "lograndint, rounded to multiples of q.");
}

void bind_domain(nb::module_& module) {
  nb::class_<Domain>(module, "Domain", "The values that a parameter may take.")
      .def_static("from_text", &domain_from_text, "text"_a, "Reads \"loguniform(1e-6, 1)\".")
      .def_static(
          "from_dict", [](nb::handle dict) { return domain_from_json(json_from(dict)); }, "dict"_a,
          "Reads what to_dict() gives, Syne Tune's JSON form.")
      .def("to_dict", [](const Domain& self) { return python_from(to_json(self)); })
      .def(
          "sample",
          [](const Domain& self, std::uint64_t seed, std::uint64_t number) {
            Rng rng(seed, "sample", number);
            return python_from(sample(self, rng));
          },
          "seed"_a, "number"_a = 0, "A random value; the same seed and number give the same.")
      .def("midpoint", [](const Domain& self) { return python_from(midpoint(self)); })
      .def(
          "contains",
          [](const Domain& self, nb::handle value) { return contains(self, json_from(value)); },
          "value"_a)
      .def(
          "cast",
          [](const Domain& self, nb::handle value) {
            return python_from(cast(self, json_from(value)));
          },
          "value"_a, "value as the domain's own type; InvalidArgument if it is not in it.")
      .def("cardinality", &cardinality, "Number of values; None if infinite.")
      .def(
          "value_at",
          [](const Domain& self, std::int64_t index) { return python_from(value_at(self, index)); },
          "index"_a)
      .def(
          "to_unit",
          [](const Domain& self, nb::handle value) {
            return to_unit(self, cast(self, json_from(value)));
          },
          "value"_a, "Position in [0, 1].")
      .def(
          "from_unit",
          [](const Domain& self, double unit) { return python_from(from_unit(self, unit)); },
          "unit"_a)
      .def("__repr__", [](const Domain& self) { return to_text(self); })
      .def("__eq__",
           [](const Domain& self, nb::handle other) {
             return nb::isinstance<Domain>(other) && self == nb::cast<const Domain&>(other);
           })
      .def("__hash__", [](const Domain& self) { return std::hash<std::string>()(to_text(self)); });
}

nb::dict parameters_of(const SearchSpace& space) {
  nb::dict dict;
  for (const Parameter& parameter : space.parameters()) {
    const nb::object name = python_from(Json(parameter.name));
    if (const auto* domain = std::get_if<Domain>(&parameter.domain))
      dict[name] = nb::cast(*domain);
    else
      dict[name] = python_from(std::get<Json>(parameter.domain));
  }
  return dict;
}

SearchSpace make_space(nb::handle parameters, std::vector<std::string> constraints,
                       nb::handle conditions) {
  std::vector<Condition> list;
  const Json given = conditions.is_none() ? Json(Json::Object{}) : json_from(conditions);
  for (const auto& [name, when] : given.as_object()) list.push_back({name, when.as_string()});
  return SearchSpace(space_from(parameters).parameters(), std::move(constraints), std::move(list));
}

}  // namespace

void bind_space(nb::module_& module) {
  bind_domain(module);
  bind_constructors(module);
  nb::class_<SearchSpace>(module, "SearchSpace",
                          "Named parameters, constants, constraints between them, and conditions "
                          "under which one is there.")
      .def(
          "__init__",
          [](SearchSpace* self, nb::handle parameters, std::vector<std::string> constraints,
             nb::handle conditions) {
            new (self) SearchSpace(make_space(parameters, std::move(constraints), conditions));
          },
          "parameters"_a.none(), "constraints"_a = std::vector<std::string>(),
          "conditions"_a = nb::none(),
          "parameters: {'lr': loguniform(1e-6, 1), 'epochs': 10}. constraints: ['queue * chunk <= "
          "1GiB']. conditions: {'momentum': \"optimizer == 'sgd'\"}.")
      .def_static("from_text", &SearchSpace::from_text, "yaml_or_json"_a)
      .def_static(
          "from_dict", [](nb::handle dict) { return SearchSpace::from_json(json_from(dict)); },
          "dict"_a, "Reads what to_dict() gives.")
      .def("to_dict", [](const SearchSpace& self) { return python_from(self.to_json()); })
      .def_prop_ro("parameters", &parameters_of)
      .def_prop_ro("constraints", &SearchSpace::constraints)
      .def_prop_ro("conditions",
                   [](const SearchSpace& self) {
                     nb::dict dict;
                     for (const Condition& condition : self.conditions())
                       dict[python_from(Json(condition.parameter))] = condition.when;
                     return dict;
                   })
      .def("cardinality", &SearchSpace::cardinality, "Number of configurations; None if infinite.")
      .def("midpoint", [](const SearchSpace& self) { return python_from(self.midpoint()); })
      .def(
          "sample",
          [](const SearchSpace& self, std::uint64_t seed, std::uint64_t number) {
            Rng rng(seed, "sample", number);
            const auto found = self.sample(rng);
            if (!found)
              throw Error(ErrorCode::Exhausted,
                          "no configuration that satisfies the constraints was found",
                          "make the constraints wider");
            return python_from(*found);
          },
          "seed"_a, "number"_a = 0,
          "A random configuration; the same seed and number give the same.")
      .def(
          "complete",
          [](const SearchSpace& self, nb::handle partial) {
            return python_from(self.complete(json_from(partial)));
          },
          "partial"_a, "Fills in midpoints and constants, casts values.")
      .def(
          "contains",
          [](const SearchSpace& self, nb::handle configuration) {
            return self.contains(json_from(configuration));
          },
          "configuration"_a)
      .def(
          "encode",
          [](const SearchSpace& self, nb::handle configuration) {
            return self.encode(json_from(configuration));
          },
          "configuration"_a, "Coordinates in the unit cube, one a searched parameter.")
      .def(
          "decode",
          [](const SearchSpace& self, const std::vector<double>& unit) {
            if (unit.size() != self.dimension())
              throw Error(ErrorCode::InvalidArgument, "unit has " + std::to_string(unit.size()) +
                                                          " coordinates, not " +
                                                          std::to_string(self.dimension()));
            return python_from(self.decode(unit));
          },
          "unit"_a)
      .def(
          "key",
          [](const SearchSpace& self, nb::handle configuration) {
            return self.key(json_from(configuration));
          },
          "configuration"_a, "Equal for equal configurations.")
      .def("_repr_html_",
           [](nb::handle self) {
             return nb::module_::import_("skipjack.display").attr("space_html")(self);
           })
      .def("__repr__", [](const SearchSpace& self) {
        return "SearchSpace(" + nb::cast<std::string>(nb::repr(parameters_of(self))) + ")";
      });
}

}  // namespace skipjack::python
