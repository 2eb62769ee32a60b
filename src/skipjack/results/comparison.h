// Several experiments of one kind side by side: the mean of their best values so far, over running
// time or over trials, and how sure it is. The interval is Student's, of the mean over experiments
// (seeds), which are taken as independent draws of one distribution.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "skipjack/results/curve.h"

namespace skipjack {

enum class ComparedOver {
  Time,    ///< seconds of running time
  Trials,  ///< trials, counted from 1
};

struct ComparisonPoint {
  /// In seconds, or trials.
  double at = 0;
  double mean = 0;
  /// Of the mean; unset for a single experiment.
  std::optional<double> lower, upper;
};

struct ComparisonOptions {
  /// At least one.
  std::span<const Curve> curves = {};
  ComparedOver over = ComparedOver::Time;
  /// Points, evenly spaced from the first to the last. Range [2, 100000]; default 100.
  std::size_t num_points = 100;
  /// Range (0, 1); default 0.95.
  double confidence = 0.95;
};

/// From where every experiment has a value to where the first of them ends, so that each point is
/// of all of them. Empty if one has no value. Throws InvalidArgument for options out of range.
std::vector<ComparisonPoint> compare(const ComparisonOptions& options);

}  // namespace skipjack
