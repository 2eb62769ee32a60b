#include "skipjack/model/latin_hypercube.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

using Points = std::vector<std::vector<double>>;

constexpr std::size_t kExchangesPerPoint = 100;
// Coordinate differences looked at, over all exchanges.
constexpr std::size_t kMaxWork = 20'000'000;

// sum over other rows of 1 / distance^10: small if none is near. The exponent is high enough for
// the nearest to decide and low enough for the rest to count [Morris1995].
double crowding(const Points& points, std::size_t row, std::size_t except) {
  double sum = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i == row || i == except) continue;
    double squared = 1e-12;
    for (std::size_t k = 0; k < points[i].size(); ++k) {
      const double difference = points[i][k] - points[row][k];
      squared += difference * difference;
    }
    const double fourth = squared * squared;
    sum += 1 / (fourth * fourth * squared);
  }
  return sum;
}

}  // namespace

std::vector<std::vector<double>> latin_hypercube(const LatinHypercubeOptions& options) {
  const std::size_t n = options.num_points, d = options.dimension;
  Points points(n, std::vector<double>(d));
  Rng rng(options.seed, "latin hypercube");
  std::vector<std::size_t> slices(n);
  for (std::size_t k = 0; k < d; ++k) {
    std::iota(slices.begin(), slices.end(), std::size_t{0});
    rng.shuffle(slices);
    for (std::size_t i = 0; i < n; ++i)
      points[i][k] = (static_cast<double>(slices[i]) + rng.uniform()) / static_cast<double>(n);
  }
  if (n < 3 || d < 2) return points;
  const std::size_t exchanges = std::min(kExchangesPerPoint * n, kMaxWork / (4 * n * d));
  const auto last_row = static_cast<std::int64_t>(n) - 1;
  const auto last_axis = static_cast<std::int64_t>(d) - 1;
  for (std::size_t i = 0; i < exchanges; ++i) {
    const auto a = static_cast<std::size_t>(rng.uniform_int(0, last_row));
    const auto b = static_cast<std::size_t>(rng.uniform_int(0, last_row));
    const auto k = static_cast<std::size_t>(rng.uniform_int(0, last_axis));
    if (a == b) continue;
    const double before = crowding(points, a, b) + crowding(points, b, a);
    std::swap(points[a][k], points[b][k]);
    // The distance between a and b stays.
    if (crowding(points, a, b) + crowding(points, b, a) > before)
      std::swap(points[a][k], points[b][k]);
  }
  return points;
}

}  // namespace skipjack
