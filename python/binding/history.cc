// Trials as dicts; counting and choosing is the library's.
#include "history.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "bind.h"
#include "convert.h"
#include "skipjack/search/front.h"

namespace skipjack::python {
namespace {

using namespace nb::literals;

Json seconds(const std::optional<Duration>& time) {
  return time ? Json(to_seconds(*time)) : Json(nullptr);
}

Json to_json(const AttemptEnd& end) {
  return Json::Object{{"outcome", to_string(end.outcome)},
                      {"exit_code", end.exit_code ? Json(*end.exit_code) : Json()},
                      {"signal", end.signal ? Json(*end.signal) : Json()},
                      {"reason", end.reason},
                      {"error_tail", end.error_tail}};
}

Json to_json(const Report& report) {
  return Json::Object{{"metrics", report.metrics},
                      {"time", to_seconds(report.time)},
                      {"unix_time", report.unix_time},
                      {"attempt", report.attempt}};
}

const Trial& trial_of(const History& history, TrialId id) {
  const Trial* trial = history.find(id);
  if (!trial)
    throw Error(ErrorCode::NotFound, "there is no trial " + std::to_string(id) + " among the " +
                                         std::to_string(history.trials().size()));
  return *trial;
}

nb::dict counts(const History& history) {
  nb::dict dict;
  for (const TrialStatus status :
       {TrialStatus::Running, TrialStatus::Paused, TrialStatus::Completed, TrialStatus::Stopped,
        TrialStatus::Failed})
    dict[python_from(Json(to_string(status)))] = history.num_with(status);
  return dict;
}

}  // namespace

Json to_json(const Trial& trial) {
  Json::Array reports;
  for (const Report& report : trial.reports) reports.push_back(to_json(report));
  return Json::Object{
      {"id", trial.id},
      {"configuration", trial.configuration},
      {"status", to_string(trial.status)},
      {"attempt", trial.attempt},
      {"checkpoint_from", trial.checkpoint_from ? Json(*trial.checkpoint_from) : Json()},
      {"max_resource", trial.max_resource ? Json(*trial.max_resource) : Json()},
      {"tag", trial.tag},
      {"started", to_seconds(trial.started)},
      {"ended", seconds(trial.ended)},
      {"reports", std::move(reports)},
      {"end", trial.end ? to_json(*trial.end) : Json()},
      {"ending", trial.ending}};
}

Json to_json(const Recommendation& found) {
  const auto optional = [](const std::optional<double>& value) {
    return value ? Json(*value) : Json();
  };
  Json::Array others;
  for (const auto& other : found.indistinguishable)
    others.push_back(Json::Object{{"trial_id", other.trial},
                                  {"mean", other.mean},
                                  {"probability_best", other.probability_best}});
  return Json::Object{
      {"configuration", found.configuration},
      {"trial_id", found.trial},
      {"source", found.source == RecommendationSource::Model ? "model" : "observed_mean"},
      {"mean", found.mean},
      {"lower", optional(found.lower)},
      {"upper", optional(found.upper)},
      {"num_measurements", found.num_measurements},
      {"probability_best", optional(found.probability_best)},
      {"probability_feasible", optional(found.probability_feasible)},
      {"indistinguishable", std::move(others)},
      {"best_value", found.best_value},
      {"best_value_trial", found.best_value_trial},
      {"best_value_configuration", found.best_value_configuration}};
}

std::vector<Metric> metrics_from(nb::handle metrics) {
  // The definition's own reader, so that there is one form of a metric.
  Json definition{Json::Object{}};
  Json list = json_from(metrics);
  if (!list.is_array())
    throw Error(ErrorCode::InvalidArgument, "metrics must be a list of metrics");
  definition.set("metrics", std::move(list));
  return tuning_definition_from_json(definition).metrics;
}

void bind_history(nb::module_& module) {
  nb::class_<HistoryRef>(
      module, "History",
      "What is known of every trial. In callbacks a view that ends with the call.")
      .def_prop_ro(
          "time", [](const HistoryRef& self) { return to_seconds(self.get().time()); },
          "Running time of the experiment, in seconds.")
      .def_prop_ro("num_trials", [](const HistoryRef& self) { return self.get().trials().size(); })
      .def_prop_ro("num_reports", [](const HistoryRef& self) { return self.get().num_reports(); })
      .def_prop_ro(
          "counts", [](const HistoryRef& self) { return counts(self.get()); },
          "Number of trials by status: running, paused, completed, stopped, failed.")
      .def_prop_ro(
          "running",
          [](const HistoryRef& self) {
            nb::list list;
            for (const TrialId id : self.get().running()) list.append(id);
            return list;
          },
          "Numbers of the trials that run.")
      .def_prop_ro(
          "trials",
          [](const HistoryRef& self) {
            nb::list list;
            for (const Trial& trial : self.get().trials()) list.append(python_from(to_json(trial)));
            return list;
          },
          "All trials, each a dict.")
      .def(
          "trial",
          [](const HistoryRef& self, TrialId id) {
            return python_from(to_json(trial_of(self.get(), id)));
          },
          "id"_a)
      .def(
          "last_value",
          [](const HistoryRef& self, TrialId id, const std::string& metric) {
            return last_value(trial_of(self.get(), id), metric);
          },
          "id"_a, "metric"_a,
          "The last finite value that the trial reported of the metric, or None.")
      .def(
          "front",
          [](const HistoryRef& self, nb::handle metrics) {
            return python_from(front_json(self.get(), metrics_from(metrics)));
          },
          "metrics"_a, "The trials that no other is better than.");
}

}  // namespace skipjack::python
