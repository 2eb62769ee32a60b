// Sobol points: a sequence whose every power-of-two prefix fills the unit cube evenly. Direction
// numbers of [Joe2008] (their first 21 dimensions), scrambled by a random lower-triangular matrix
// and a digital shift per dimension [Matousek1998]: that keeps the evenness and makes the points a
// function of the seed. Dimensions beyond the table get independent uniform numbers, not Sobol's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace skipjack {

enum class Scramble { None, LinearMatrixAndShift };

struct SobolOptions {
  /// Number of coordinates; >= 0.
  std::size_t dimension = 1;
  Scramble scramble = Scramble::LinearMatrixAndShift;
  /// Decides the scrambling, and the coordinates beyond the table.
  std::uint64_t seed = 0;
};

/// Immutable; safe to share between threads.
class SobolSequence {
 public:
  /// Dimensions with direction numbers.
  static constexpr std::size_t kTableDimensions = 21;

  explicit SobolSequence(const SobolOptions& options);

  std::size_t dimension() const { return options_.dimension; }
  /// The index-th point, dimension() numbers in [0, 1). Index 0 is the origin when not scrambled.
  /// Indexes from 2^32 on repeat.
  std::vector<double> point(std::uint64_t index) const;

 private:
  static constexpr int kBits = 32;
  SobolOptions options_;
  /// Per dimension: kBits direction numbers, and the shift.
  std::vector<std::array<std::uint32_t, kBits>> directions_;
  std::vector<std::uint32_t> shifts_;
};

}  // namespace skipjack
