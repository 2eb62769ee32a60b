// Python's values and ours: JSON both ways, and what is too large for it as objects. Python's None,
// bool, int, float, str, list, tuple and dict have their counterparts; numpy's scalars are taken by
// their item(). Private to the binding.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/base/json.h"
#include "skipjack/search/warm_start.h"
#include "skipjack/space/search_space.h"
#include "skipjack/study/tuning.h"

namespace skipjack::python {

namespace nb = nanobind;

/// Throws InvalidArgument for an object of another type, naming it, for integers outside 64 bits
/// and for nesting deeper than 100 levels.
Json json_from(nb::handle object);
/// Typed as anything, which is what type checkers can know of JSON.
nb::any python_from(const Json& json);

/// A mapping of names to domains and constants, or a SearchSpace as it is.
SearchSpace space_from(nb::handle object);

/// A list of what skipjack.sources makes of earlier experiments.
std::vector<SourceExperiment> sources_from(nb::handle list);

/// None is unset.
std::optional<Duration> seconds_or_unset(const std::optional<double>& seconds);

}  // namespace skipjack::python
