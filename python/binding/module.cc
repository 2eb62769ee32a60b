// The extension module skipjack._core: errors, the table of methods, and the parts.
#include <nanobind/nanobind.h>

#include "bind.h"
#include "convert.h"
#include "skipjack/base/error.h"
#include "skipjack/method/method.h"

namespace skipjack::python {
namespace {

/// Throws the class of skipjack.errors whose code it is.
void raise(const Error& error) {
  const nb::object raise_error = nb::module_::import_("skipjack.errors").attr("from_code");
  const std::string_view code = to_string(error.code());
  const nb::object exception =
      raise_error(python_from(Json(code)), python_from(Json(std::string(error.what()))),
                  python_from(Json(error.try_this())));
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
}

Json to_json(const MethodRow& row) {
  Json::Array aliases, options;
  for (const std::string_view alias : row.aliases) aliases.emplace_back(alias);
  for (const MethodOption& option : row.options)
    options.push_back(Json::Object{{"key", option.key},
                                   {"description", option.description},
                                   {"default", option.default_value}});
  return Json::Object{{"name", row.name},
                      {"description", row.description},
                      {"aliases", std::move(aliases)},
                      {"options", std::move(options)},
                      {"objectives", row.objectives == Objectives::One       ? "one"
                                     : row.objectives == Objectives::Several ? "several"
                                                                             : "whatever"},
                      {"transfers", row.transfers},
                      {"needs_sources", row.needs_sources},
                      {"needs_time", row.needs_time},
                      {"multi_fidelity", row.multi_fidelity}};
}

}  // namespace
}  // namespace skipjack::python

NB_MODULE(_core, module) {
  using namespace skipjack::python;
  module.doc() = "The C++ library of Skipjack.";
  module.attr("__version__") = SKIPJACK_VERSION;
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const skipjack::Error& error) {
      raise(error);
    }
  });
  module.def(
      "methods",
      [] {
        skipjack::Json::Array rows;
        for (const skipjack::MethodRow& row : skipjack::methods()) rows.push_back(to_json(row));
        return python_from(rows);
      },
      "The table of methods: one dict each.");
  module.def(
      "error_codes",
      [] {
        skipjack::Json::Array codes;
        for (int code = 0;; ++code) {
          const std::string_view text = to_string(static_cast<skipjack::ErrorCode>(code));
          if (text == "unknown") break;  // it is past the last
          codes.emplace_back(text);
        }
        return python_from(codes);
      },
      "What an error may be: \"invalid_argument\", \"not_found\", ...");
  module.attr("CAP_OPTION") = python_from(skipjack::Json(skipjack::kCapOption));
  bind_space(module);
  bind_history(module);
  bind_ask_tell(module);
  bind_tuning(module);
  bind_experiments(module);
  bind_analysis(module);
  bind_s3(module);
}
