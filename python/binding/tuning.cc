// Tunings: started, resumed, interrupted. The loop runs without the interpreter's lock.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include "bind.h"
#include "convert.h"
#include "history.h"
#include "hooks.h"
#include "skipjack/s3tune/tuning_source.h"
#include "skipjack/study/lease_options.h"
#include "skipjack/study/sources.h"

namespace skipjack::python {
namespace {

using namespace nb::literals;

/// What every kind of run takes.
struct Run {
  std::string root, name;
  Hooks hooks;
  Interrupt& interrupt;
  std::string supervisor;
  double turn_interval;
  bool survive_power_loss;
  std::optional<int> max_initial_failures;
};

RunOptions run_options(HookedRun& hooked, const Run& run) {
  RunOptions options = hooked.options();
  if (!run.supervisor.empty()) options.supervisor = run.supervisor;
  options.durability = run.survive_power_loss ? Durability::PowerLoss : Durability::Kill;
  options.max_initial_failures = run.max_initial_failures;
  return options;
}

/// (history, reason, seconds).
nb::tuple result_from(TuningResult result) {
  const nb::object reason = python_from(Json(result.reason));
  const double seconds = to_seconds(result.time);
  return nb::make_tuple(HistoryRef(std::move(result.history)), reason, seconds);
}

nb::tuple start(const Run& run, nb::handle definition_object, nb::handle sources) {
  TuningDefinition definition = tuning_definition_from_json(json_from(definition_object));
  std::vector<std::string> names;
  const Json given = json_from(sources);
  for (const Json& source : given.as_array()) names.push_back(source.as_string());
  HookedRun hooked(run.hooks, run.interrupt, run.turn_interval);
  const RunOptions options = run_options(hooked, run);
  TuningResult result;
  {
    nb::gil_scoped_release release;
    const ExperimentStore store(run.root, lease_options(&environment_variable));
    if (!names.empty()) {
      const Metric objective = metrics_with(MetricRole::Objective, definition.metrics).at(0);
      for (SourceExperiment& source :
           read_sources(store, names, objective, definition.space, s3tune::tuning_source))
        definition.sources.push_back(std::move(source));
    }
    result = start_tuning(store, run.name, definition, options);
  }
  hooked.finish(result.history);
  return result_from(std::move(result));
}

nb::tuple resume(const Run& run, nb::handle stop, std::optional<double> add_time,
                 std::optional<std::int64_t> add_trials) {
  ResumeOptions resumed{.add_time = seconds_or_unset(add_time), .add_trials = add_trials};
  if (!stop.is_none()) resumed.stop = stopping_criterion_from_json(json_from(stop));
  HookedRun hooked(run.hooks, run.interrupt, run.turn_interval);
  resumed.run = run_options(hooked, run);
  TuningResult result;
  {
    nb::gil_scoped_release release;
    const ExperimentStore store(run.root, lease_options(&environment_variable));
    hooked.begin_at(static_cast<std::int64_t>(store.read(run.name).events.size()));
    result = resume_tuning(store, run.name, resumed);
  }
  hooked.finish(result.history);
  return result_from(std::move(result));
}

}  // namespace

void bind_tuning(nb::module_& module) {
  nb::class_<Interrupt>(module, "Interrupt", "Ends a tuning from another thread or a callback.")
      .def(nb::init<>())
      .def("request", &Interrupt::request)
      .def("requested", &Interrupt::requested)
      .def("clear", &Interrupt::clear);
  nb::class_<Run>(module, "Run", "What every kind of run takes.")
      .def(
          "__init__",
          [](Run* self, const std::string& root, const std::string& name, Interrupt& interrupt,
             const std::string& supervisor, nb::object scheduler, nb::object searcher,
             nb::object on_events, nb::object on_turn, nb::object stop_when, nb::object log,
             double turn_interval, bool survive_power_loss,
             std::optional<int> max_initial_failures) {
            new (self) Run{root,
                           name,
                           {std::move(scheduler), std::move(searcher), std::move(on_events),
                            std::move(on_turn), std::move(stop_when), std::move(log)},
                           interrupt,
                           supervisor,
                           turn_interval,
                           survive_power_loss,
                           max_initial_failures};
          },
          nb::kw_only(), "root"_a, "name"_a, "interrupt"_a, "supervisor"_a = "",
          "scheduler"_a = nb::none(), "searcher"_a = nb::none(), "on_events"_a = nb::none(),
          "on_turn"_a = nb::none(), "stop_when"_a = nb::none(), "log"_a = nb::none(),
          "turn_interval"_a = 0.1, "survive_power_loss"_a = false,
          "max_initial_failures"_a = nb::none(), nb::keep_alive<1, 4>())
      .def("start", &start, "definition"_a, "sources"_a,
           "Creates the experiment and runs it: (history, reason, seconds).")
      .def("resume", &resume, "stop"_a = nb::none(), "add_time"_a = nb::none(),
           "add_trials"_a = nb::none(), "Goes on with it: (history, reason, seconds).");
  module.def(
      "validate_definition",
      [](nb::handle definition) { validate(tuning_definition_from_json(json_from(definition))); },
      "definition"_a, "InvalidArgument naming what is wrong with a tuning's definition.");
  module.def("default_experiment_name", &default_experiment_name, "stem"_a, "unix_time"_a);
  module.def("validate_experiment_name", &validate_experiment_name, "name"_a);
}

}  // namespace skipjack::python
