#include "skipjack/study/sources.h"

#include <algorithm>
#include <set>
#include <utility>

#include "skipjack/base/invalid.h"

namespace skipjack {
namespace {

/// What the experiment measured within its own space: a comparison with something else that it made
/// too is left out, and so are parameters that the new space does not search.
SourceExperiment reduced(SourceExperiment source, const SearchSpace& own,
                         const SearchSpace& space) {
  std::erase_if(source.observations, [&](const SourceExperiment::Observation& observation) {
    return !own.contains(observation.configuration);
  });
  for (SourceExperiment::Observation& observation : source.observations) {
    Json kept{Json::Object{}};
    for (const auto& [name, domain] : space.searched())
      if (const Json* value = observation.configuration.find(name)) kept.set(name, *value);
    observation.configuration = std::move(kept);
  }
  return source;
}

SourceExperiment read_source(const ExperimentStore& store, const std::string& name,
                             const Metric& metric, const SearchSpace& space,
                             const ReadSource& read) {
  const std::string what = "experiment '" + name + "'";
  const JournalContents contents = store.read(name);
  const TuningDefinition definition = tuning_definition_from_json(contents.header.definition);
  const auto own = std::find_if(definition.metrics.begin(), definition.metrics.end(),
                                [&](const Metric& m) { return m.name == metric.name; });
  if (own == definition.metrics.end()) {
    std::string names;
    for (const Metric& m : definition.metrics) names += (names.empty() ? "" : ", ") + m.name;
    invalid(what + " has no metric '" + metric.name + "'", "it has: " + names);
  }
  if (own->mode != metric.mode)
    invalid(what + " has '" + metric.name + "' with the other mode",
            "begin from an experiment that optimised it the same way");
  const History history = fold(contents.events);
  SourceExperiment source =
      reduced(read ? read(name, definition, history, *own) : source_experiment(name, history, *own),
              definition.space, space);
  if (source.observations.empty())
    invalid(what + " measured no '" + metric.name + "'", "skipjack list shows what others did");
  if (carry_over(space, source).empty())
    invalid(what + " has no configuration that this search space could have",
            "parameters are matched by name, and categories must be among the domain's");
  return source;
}

}  // namespace

std::vector<SourceExperiment> read_sources(const ExperimentStore& store,
                                           std::span<const std::string> names, const Metric& metric,
                                           const SearchSpace& space, const ReadSource& read) {
  std::vector<SourceExperiment> sources;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) invalid("warm_start_from names experiment '" + name + "' twice");
    sources.push_back(read_source(store, name, metric, space, read));
  }
  return sources;
}

}  // namespace skipjack
