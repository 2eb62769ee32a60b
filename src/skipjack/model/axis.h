// One coordinate of the unit cube as a distribution sees it: a real interval, cells in order, or
// cells without order. The searchers that draw points (Parzen densities, evolution strategies) give
// a discrete value the probability of its cell; what values stand for is not known here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace skipjack {

enum class AxisKind {
  Continuous,  ///< any number in [0, 1]
  Cells,       ///< values in order, each with its cell
  Categories,  ///< values without order, each with its cell
};

struct Axis {
  AxisKind kind = AxisKind::Continuous;
  /// Borders of the cells, 0 = edges[0] < ... < edges[K] = 1; empty for Continuous.
  std::vector<double> edges = {};

  std::size_t num_cells() const { return edges.empty() ? 0 : edges.size() - 1; }
  /// The cell that holds u, half-open to the right; the first or last one for u outside [0, 1).
  std::size_t cell(double u) const {
    const auto inner = std::upper_bound(edges.begin() + 1, edges.end() - 1, u);
    return static_cast<std::size_t>(inner - edges.begin()) - 1;
  }
  double width(std::size_t cell) const { return edges[cell + 1] - edges[cell]; }
  double middle(std::size_t cell) const { return 0.5 * (edges[cell] + edges[cell + 1]); }
};

}  // namespace skipjack
