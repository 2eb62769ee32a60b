// What a model of trees is trained on: the observations as rows, failures among them, few enough
// that a fit stays fast whatever the length of the history.
#pragma once

#include <vector>

#include "skipjack/search/surrogate.h"

namespace skipjack {

enum class RowKind {
  Measured,
  Bounded,  ///< stopped early: the target is the best that it could have been
  Failed,   ///< the target is the worst of the others
};

struct TrainingRows {
  /// One a row: measured and bounded in order of their trials, then the failed.
  std::vector<UnitPoint> points;
  std::vector<RowKind> kinds;
  /// By TargetTransform of all values: smaller is better.
  std::vector<double> targets;
};

/// At most max_rows: where there are more, the best quarter of max_rows and the latest of the rest,
/// so that the model looks ever closer at what is good; of failures the latest, at most max_rows
/// / 2. Repetitions of a configuration are as good as their mean. seen: at least one value;
/// max_rows >= 4.
TrainingRows training_rows(const Observations& seen, const Metric& metric, std::size_t max_rows);

/// The distinct measured points of rows, smallest mean of their targets first, at most this many.
std::vector<UnitPoint> best_points(const TrainingRows& rows, std::size_t number);

}  // namespace skipjack
