// Ask-tell. Calls may wait for one another and fit models: the interpreter's lock is given up.
#include "skipjack/study/ask_tell.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind.h"
#include "convert.h"
#include "history.h"

namespace skipjack::python {
namespace {

using namespace nb::literals;

AskTell::Values values_from(nb::handle values) {
  const Json json = json_from(values);
  if (!json.is_object())
    throw Error(ErrorCode::InvalidArgument, "the values must be a dict such as {'loss': 0.3}");
  AskTell::Values result;
  for (const auto& [name, value] : json.as_object()) {
    if (!value.is_number())
      throw Error(ErrorCode::InvalidArgument,
                  name + " = " + to_python_text(value) + " must be a number");
    result.emplace_back(name, value.as_double());
  }
  return result;
}

template <class Call>
auto unlocked(Call call) {
  nb::gil_scoped_release release;
  return call();
}

}  // namespace

void bind_ask_tell(nb::module_& module) {
  nb::class_<AskedTrial>(module, "AskedTrial", "A configuration to measure.")
      .def_ro("id", &AskedTrial::id)
      .def_prop_ro("configuration",
                   [](const AskedTrial& self) { return python_from(self.configuration); })
      .def_ro("attempt", &AskedTrial::attempt)
      .def_ro("max_resource", &AskedTrial::max_resource)
      .def("__repr__", [](const AskedTrial& self) {
        return "AskedTrial(id=" + std::to_string(self.id) +
               ", configuration=" + to_python_text(self.configuration) + ")";
      });
  nb::class_<AskTell>(module, "AskTell")
      .def(
          "__init__",
          [](AskTell* self, nb::handle space, nb::handle metrics, const std::string& method,
             nb::handle method_options, std::uint64_t seed, nb::handle points,
             std::optional<double> ask_timeout, nb::handle sources) {
            AskTellOptions options{.space = space_from(space),
                                   .metrics = metrics_from(metrics),
                                   .method = method,
                                   .method_options = json_from(method_options),
                                   .seed = seed};
            if (!points.is_none()) options.points_to_evaluate = json_from(points).as_array();
            options.ask_timeout = seconds_or_unset(ask_timeout);
            options.sources = sources_from(sources);
            unlocked([&] { new (self) AskTell(std::move(options)); });
          },
          "space"_a, "metrics"_a, "method"_a = "bayesopt", "method_options"_a = nb::none(),
          "seed"_a = 0, "points_to_evaluate"_a = nb::none(), "ask_timeout"_a = nb::none(),
          "sources"_a = nb::list())
      .def("ask", [](AskTell& self) { return unlocked([&] { return self.ask(); }); })
      .def(
          "ask_many",
          [](AskTell& self, int number) { return unlocked([&] { return self.ask(number); }); },
          "number"_a)
      .def("try_ask", [](AskTell& self) { return unlocked([&] { return self.try_ask(); }); })
      .def(
          "tell",
          [](AskTell& self, TrialId trial, nb::handle values, std::optional<int> attempt) {
            const AskTell::Values told = values_from(values);
            unlocked([&] { self.tell(trial, told, attempt); });
          },
          "trial"_a, "values"_a, "attempt"_a = nb::none())
      .def(
          "tell_failed",
          [](AskTell& self, TrialId trial, const std::string& reason, std::optional<int> attempt) {
            unlocked([&] { self.tell_failed(trial, reason, attempt); });
          },
          "trial"_a, "reason"_a = "failed", "attempt"_a = nb::none())
      .def(
          "report",
          [](AskTell& self, TrialId trial, nb::handle values, std::optional<int> attempt) {
            const AskTell::Values told = values_from(values);
            return unlocked([&] { return self.report(trial, told, attempt) == Advice::Continue; });
          },
          "trial"_a, "values"_a, "attempt"_a = nb::none())
      .def("best",
           [](const AskTell& self) {
             const auto best = unlocked([&] { return self.best(); });
             if (!best) return python_from(nullptr);
             return python_from(Json::Object{{"trial_id", best->id},
                                             {"configuration", best->configuration},
                                             {"value", best->value}});
           })
      .def("recommend",
           [](const AskTell& self) {
             const auto found = unlocked([&] { return self.recommend(); });
             return python_from(found ? to_json(*found) : Json());
           })
      .def("history", [](const AskTell& self) {
        return HistoryRef(unlocked([&] { return self.history(); }));
      });
}

}  // namespace skipjack::python
