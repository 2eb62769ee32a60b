// The parts of the extension module, one function a file. Every call that may take long lets other
// Python threads run; every call back into Python takes the interpreter's lock.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace skipjack::python {

void bind_space(nanobind::module_& module);
void bind_history(nanobind::module_& module);
void bind_ask_tell(nanobind::module_& module);
void bind_tuning(nanobind::module_& module);
void bind_experiments(nanobind::module_& module);
void bind_analysis(nanobind::module_& module);
void bind_s3(nanobind::module_& module);

/// Unset where it is empty, too.
inline std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace skipjack::python
