// The part of a space that the best configurations of earlier experiments span: a box around them,
// in which any method may then search [Perrone2019]. Sources, deviations: docs/methods/
// bounding_box.md.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "skipjack/search/warm_start.h"

namespace skipjack {

struct BoundingBoxOptions {
  SearchSpace space;
  /// No default; those without a configuration that the space can have say nothing.
  std::span<const SourceExperiment> sources = {};
  /// The best of each source that the box holds. Range [1, inf); default 1, as Syne Tune. Larger
  /// widens the box.
  std::size_t number_per_source = 1;
  /// Complete configurations that the box has to hold beside them.
  std::span<const Configuration> points = {};
  /// Least side of the box, in units of an axis. Range (0, 1]; default 0.1. Larger trusts sources
  /// less.
  double least_side = 0.1;
};

/// The space with narrower domains; whatever it holds is contained in the whole space. Numbers span
/// the least and the largest of the best configurations, and least_side at least; choices keep the
/// categories that occur. Left whole: parameters that no best configuration of a source that had
/// them has, finite ranges of more than 10,000 values, and choices of texts in a space with
/// constraints or conditions, which may name them. Throws InvalidArgument for options out of range.
SearchSpace bounding_box(const BoundingBoxOptions& options);

}  // namespace skipjack
