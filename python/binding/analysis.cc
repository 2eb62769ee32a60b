// What several trials or experiments say together: which parameters matter, how methods compare,
// the box that earlier experiments span.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind.h"
#include "convert.h"
#include "history.h"
#include "skipjack/results/comparison.h"
#include "skipjack/search/bounding_box.h"
#include "skipjack/search/importance.h"

namespace skipjack::python {
namespace {

using namespace nb::literals;

Metric metric_from(nb::handle metric) {
  nb::list list;
  list.append(nb::borrow(metric));
  return metrics_from(list).at(0);
}

nb::any importance_of(const SearchSpace& space, const HistoryRef& history, nb::handle metric_dict,
                      std::uint64_t seed) {
  const Metric metric = metric_from(metric_dict);
  Importance found;
  {
    nb::gil_scoped_release release;
    found = parameter_importance(space, history.get(), metric, seed);
  }
  Json::Array parameters;
  for (const ParameterImportance& one : found.parameters)
    parameters.push_back(Json::Object{
        {"parameter", one.parameter}, {"share", one.share}, {"increase", one.increase}});
  return python_from(Json::Object{{"parameters", std::move(parameters)},
                                  {"explained", found.explained},
                                  {"num_trials", static_cast<std::int64_t>(found.num_trials)}});
}

/// [(at, mean, lower, upper)].
nb::list compare_histories(const std::vector<const HistoryRef*>& histories, nb::handle metric_dict,
                           bool over_trials, std::size_t points, double confidence) {
  const Metric metric = metric_from(metric_dict);
  std::vector<ComparisonPoint> found;
  {
    nb::gil_scoped_release release;
    std::vector<Curve> curves;
    for (const HistoryRef* history : histories)
      curves.push_back(best_so_far(history->get(), {.metric = metric}));
    found = compare({.curves = curves,
                     .over = over_trials ? ComparedOver::Trials : ComparedOver::Time,
                     .num_points = points,
                     .confidence = confidence});
  }
  nb::list list;
  for (const ComparisonPoint& point : found)
    list.append(nb::make_tuple(point.at, point.mean, point.lower, point.upper));
  return list;
}

SearchSpace box_of(const SearchSpace& space, nb::handle sources, std::size_t number_per_source) {
  const std::vector<SourceExperiment> given = sources_from(sources);
  return bounding_box({.space = space, .sources = given, .number_per_source = number_per_source});
}

}  // namespace

void bind_analysis(nb::module_& module) {
  module.def("parameter_importance", &importance_of, "space"_a, "history"_a, "metric"_a,
             "seed"_a = 0);
  module.def("compare", &compare_histories, "histories"_a, "metric"_a, "over_trials"_a = false,
             "points"_a = 100, "confidence"_a = 0.95);
  module.def("bounding_box", &box_of, "space"_a, "sources"_a, "number_per_source"_a = 1,
             "The space narrowed to the best of earlier experiments.");
}

}  // namespace skipjack::python
