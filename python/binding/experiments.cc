// Experiments as they are stored: read, listed, removed; their table and what they found.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "arrow.h"
#include "bind.h"
#include "convert.h"
#include "history.h"
#include "skipjack/journal/experiment_store.h"
#include "skipjack/method/method.h"
#include "skipjack/results/curve.h"
#include "skipjack/results/table.h"
#include "skipjack/s3tune/tuning_source.h"
#include "skipjack/study/lease_options.h"

namespace skipjack::python {
namespace {

using namespace nb::literals;

/// One experiment, read once: a snapshot.
struct Stored {
  JournalContents contents;
  TuningDefinition definition;
  History history;
  std::string status;

  const Metric& metric(const std::optional<std::string>& name) const {
    for (const Metric& metric : definition.metrics)
      if (!name || metric.name == *name) return metric;
    std::string names;
    for (const Metric& metric : definition.metrics)
      names += (names.empty() ? "" : ", ") + metric.name;
    throw Error(
        ErrorCode::NotFound,
        "experiment '" + contents.header.name + "' has no metric '" + name.value_or("") + "'",
        "one of: " + names);
  }
};

Stored read(const std::string& root, const std::string& name) {
  nb::gil_scoped_release release;
  const ExperimentStore store(root);
  Stored stored;
  stored.contents = store.read(name);
  stored.definition = tuning_definition_from_json(stored.contents.header.definition);
  stored.history = fold(stored.contents.events);
  stored.status = store.holder(name)
                      ? "running"
                      : std::string(to_string(experiment_status(stored.contents.events)));
  return stored;
}

/// {column: [cells]}, in the table's order.
nb::dict columns_of(const Stored& stored) {
  const Table table = report_table(stored.definition.space, stored.contents.events);
  nb::dict columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    nb::list cells;
    for (const auto& row : table.rows) cells.append(python_from(row[i]));
    columns[python_from(Json(table.columns[i]))] = cells;
  }
  return columns;
}

nb::any recommendation_of(const Stored& stored, const std::optional<std::string>& name) {
  std::optional<Recommendation> found;
  {
    nb::gil_scoped_release release;
    found = recommend(stored.definition.space, stored.history, stored.metric(name),
                      metrics_with(MetricRole::Constraint, stored.definition.metrics),
                      resource_attr_of(stored.definition.method, stored.definition.method_options));
  }
  return python_from(found ? to_json(*found) : Json());
}

nb::any source_of(const Stored& stored, const std::optional<std::string>& name) {
  return python_from(to_json(s3tune::tuning_source(stored.contents.header.name, stored.definition,
                                                   stored.history, stored.metric(name))));
}

/// [(time, trial, value, best)], values None where there are none.
nb::list curve_of(const Stored& stored, const std::optional<std::string>& name, bool over_trials) {
  const Curve curve = best_so_far(stored.history, {.metric = stored.metric(name)});
  const auto optional = [](const std::optional<double>& value) {
    return value ? nb::object(nb::float_(*value)) : nb::none();
  };
  nb::list points;
  for (const TrialPoint& point : over_trials ? curve.over_trials : curve.over_time)
    points.append(nb::make_tuple(to_seconds(point.time), point.trial, optional(point.value),
                                 optional(point.best)));
  return points;
}

Json entry_json(const ExperimentEntry& entry) {
  return Json::Object{{"name", entry.name},
                      {"folder", entry.folder.string()},
                      {"created", entry.header ? Json(entry.header->created) : Json()},
                      {"problem", entry.problem},
                      {"running", entry.holder.has_value()}};
}

}  // namespace

void bind_experiments(nb::module_& module) {
  nb::class_<Stored>(module, "StoredExperiment", "An experiment as it was when it was read.")
      .def_prop_ro("name",
                   [](const Stored& self) { return python_from(Json(self.contents.header.name)); })
      .def_prop_ro("created", [](const Stored& self) { return self.contents.header.created; })
      .def_ro("status", &Stored::status)
      .def_prop_ro("definition",
                   [](const Stored& self) { return python_from(self.contents.header.definition); })
      .def_prop_ro("space", [](const Stored& self) { return self.definition.space; })
      .def_prop_ro("time",
                   [](const Stored& self) { return to_seconds(self.contents.running_time); })
      .def_prop_ro("history", [](const Stored& self) { return HistoryRef(self.history); })
      .def("columns", &columns_of)
      .def("csv",
           [](const Stored& self) {
             return python_from(
                 Json(to_csv(report_table(self.definition.space, self.contents.events))));
           })
      .def("arrow_stream",
           [](const Stored& self) {
             return arrow_stream(report_table(self.definition.space, self.contents.events));
           })
      .def("recommend", &recommendation_of, "metric"_a = nb::none())
      .def("source", &source_of, "metric"_a = nb::none(),
           "As definitions hold it: skipjack.sources reads it.")
      .def("curve", &curve_of, "metric"_a = nb::none(), "over_trials"_a = false);
  module.def("read_experiment", &read, "root"_a, "name"_a);
  module.def(
      "list_experiments",
      [](const std::string& root) {
        Json::Array entries;
        for (const ExperimentEntry& entry : ExperimentStore(root).list())
          entries.push_back(entry_json(entry));
        return python_from(entries);
      },
      "root"_a);
  module.def(
      "remove_experiment",
      [](const std::string& root, const std::string& name) {
        ExperimentStore(root, lease_options(&environment_variable)).remove(name);
      },
      "root"_a, "name"_a);
}

}  // namespace skipjack::python
