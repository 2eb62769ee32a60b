// Recursion is bounded: what is nested deeper than JSON text may be is refused.
#include "convert.h"

#include <nanobind/stl/string.h>

#include "skipjack/base/error.h"

namespace skipjack::python {
namespace {

constexpr int kMaxDepth = 100;

std::string name_of_type(nb::handle object) {
  return nb::cast<std::string>(nb::borrow(object.type()).attr("__name__"));
}

std::string text_from(nb::handle object) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object.ptr(), &size);
  if (!text) {
    PyErr_Clear();
    throw Error(ErrorCode::InvalidArgument, "a text holds characters that are no Unicode");
  }
  return {text, static_cast<std::size_t>(size)};
}

Json integer_from(nb::handle object) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(object.ptr(), &overflow);
  if (overflow != 0)
    throw Error(ErrorCode::InvalidArgument,
                nb::cast<std::string>(nb::str(object)) + " is outside the 64-bit integers",
                "write it as a float or a text");
  return value;
}

Json convert(nb::handle object, int depth) {
  if (depth > kMaxDepth)
    throw Error(ErrorCode::InvalidArgument, "a value is nested deeper than 100 levels");
  PyObject* const raw = object.ptr();
  if (object.is_none()) return nullptr;
  if (PyBool_Check(raw)) return raw == Py_True;
  if (PyLong_Check(raw)) return integer_from(object);
  if (PyFloat_Check(raw)) return PyFloat_AsDouble(raw);
  if (PyUnicode_Check(raw)) return text_from(object);
  if (PyDict_Check(raw)) {
    Json result{Json::Object{}};
    for (const auto [key, value] : nb::borrow<nb::dict>(object)) {
      if (!PyUnicode_Check(key.ptr()))
        throw Error(ErrorCode::InvalidArgument,
                    "the key " + nb::cast<std::string>(nb::repr(key)) + " must be a str");
      result.set(text_from(key), convert(value, depth + 1));
    }
    return result;
  }
  if (PyList_Check(raw) || PyTuple_Check(raw) || PyRange_Check(raw)) {
    Json::Array items;
    for (const nb::handle item : nb::iter(object)) items.push_back(convert(item, depth + 1));
    return items;
  }
  if (nb::hasattr(object, "item") && nb::hasattr(object, "dtype")) {
    if (nb::cast<std::size_t>(object.attr("size")) == 1)
      return convert(object.attr("item")(), depth + 1);
    return convert(object.attr("tolist")(), depth + 1);
  }
  if (nb::hasattr(object, "__fspath__")) return convert(object.attr("__fspath__")(), depth + 1);
  throw Error(ErrorCode::InvalidArgument,
              "a value of type " + name_of_type(object) + " is none that Skipjack can keep",
              "use None, bool, int, float, str, list or dict");
}

nb::object object_from(const Json& json) {
  if (json.is_null()) return nb::none();
  if (json.is_bool()) return nb::bool_(json.as_bool());
  if (json.is_int()) return nb::int_(json.as_int());
  if (json.is_double()) return nb::float_(json.as_double());
  if (json.is_string()) {
    const std::string& text = json.as_string();
    // What a program printed is UTF-8 once it is JSON; a file name may be anything.
    PyObject* const decoded =
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
    if (!decoded) throw nb::python_error();
    return nb::steal(decoded);
  }
  if (json.is_array()) {
    nb::list list;
    for (const Json& item : json.as_array()) list.append(object_from(item));
    return list;
  }
  nb::dict dict;
  for (const auto& [key, value] : json.as_object())
    dict[object_from(Json(key))] = object_from(value);
  return dict;
}

}  // namespace

Json json_from(nb::handle object) { return convert(object, 0); }

nb::any python_from(const Json& json) { return nb::steal<nb::any>(object_from(json).release()); }

SearchSpace space_from(nb::handle object) {
  if (nb::isinstance<SearchSpace>(object)) return nb::cast<const SearchSpace&>(object);
  if (PyUnicode_Check(object.ptr())) return SearchSpace::from_text(text_from(object));
  if (!PyDict_Check(object.ptr()))
    throw Error(ErrorCode::InvalidArgument,
                "a search space can't be made of a " + name_of_type(object),
                "give a dict such as {'lr': loguniform(1e-6, 1), 'epochs': 10}");
  std::vector<Parameter> parameters;
  for (const auto [name, value] : nb::borrow<nb::dict>(object)) {
    if (!PyUnicode_Check(name.ptr()))
      throw Error(ErrorCode::InvalidArgument, "the name of a parameter must be a str, not " +
                                                  nb::cast<std::string>(nb::repr(name)));
    if (nb::isinstance<Domain>(value))
      parameters.push_back({text_from(name), nb::cast<const Domain&>(value)});
    else if (PyTuple_Check(value.ptr()) || PyRange_Check(value.ptr()))
      throw Error(ErrorCode::InvalidArgument,
                  "parameter '" + text_from(name) + "' is a " + name_of_type(value),
                  "uniform(0, 1) is an interval, randint(0, 9) one of integers, its ends among "
                  "them, choice(['a', 'b']) one of several values; a constant may be a list");
    else
      parameters.push_back({text_from(name), json_from(value)});
  }
  return SearchSpace(std::move(parameters));
}

std::vector<SourceExperiment> sources_from(nb::handle list) {
  std::vector<SourceExperiment> sources;
  const Json given = json_from(list);
  for (const Json& source : given.as_array())
    sources.push_back(source_experiment_from_json(source));
  return sources;
}

std::optional<Duration> seconds_or_unset(const std::optional<double>& seconds) {
  if (!seconds) return std::nullopt;
  if (!(*seconds >= 0 && *seconds < 6.3e9))
    throw Error(ErrorCode::InvalidArgument,
                "a time of " + shortest_decimal(*seconds) + " s must be in [0, 6.3e9) s");
  return from_seconds(*seconds);
}

}  // namespace skipjack::python
