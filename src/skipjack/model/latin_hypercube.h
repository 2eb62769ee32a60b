// Latin hypercubes: n points of which each of the n equal slices of every axis holds exactly one
// [McKay1979]. Among them one whose points keep their distance from each other is looked for by
// exchanging coordinates of two points [Morris1995]: a plain Latin hypercube may be a diagonal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace skipjack {

struct LatinHypercubeOptions {
  /// n; >= 0.
  std::size_t num_points = 1;
  /// d, coordinates of a point; >= 0.
  std::size_t dimension = 1;
  /// Decides everything: slices, places within them, exchanges.
  std::uint64_t seed = 0;
};

/// n points of d numbers in [0, 1), uniform within their slices. At most 100 n exchanges are tried,
/// fewer for large designs: O(n d) memory, about 20 ms at most up to n d = 100,000.
std::vector<std::vector<double>> latin_hypercube(const LatinHypercubeOptions& options);

}  // namespace skipjack
