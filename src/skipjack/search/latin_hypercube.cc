#include "skipjack/search/latin_hypercube.h"

#include <algorithm>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/latin_hypercube.h"
#include "skipjack/search/point_sequence.h"

namespace skipjack {
namespace {

constexpr std::int64_t kMaxSamples = 10'000;

/// Designs one after the other; holds the last one asked for.
class Designs {
 public:
  Designs(std::size_t num_points, std::size_t dimension, std::uint64_t seed)
      : num_points_(num_points), dimension_(dimension), seed_(seed) {}

  std::vector<double> point(std::uint64_t index) {
    const std::uint64_t number = index / num_points_;
    if (points_.empty() || number != number_) {
      points_ = latin_hypercube({.num_points = num_points_,
                                 .dimension = dimension_,
                                 .seed = Rng(seed_, "design", number).next()});
      number_ = number;
    }
    return points_[index % num_points_];
  }

 private:
  std::size_t num_points_, dimension_;
  std::uint64_t seed_, number_ = 0;
  std::vector<std::vector<double>> points_;
};

}  // namespace

std::unique_ptr<Searcher> make_latin_hypercube_search(LatinHypercubeSearchOptions options) {
  const auto dimension = static_cast<std::int64_t>(options.space.dimension());
  const std::int64_t number =
      options.num_samples.value_or(std::clamp<std::int64_t>(10 * dimension, 1, kMaxSamples));
  if (number < 1 || number > kMaxSamples)
    throw Error(ErrorCode::InvalidArgument, "num_samples = " + std::to_string(number) +
                                                " must be in [1, " + std::to_string(kMaxSamples) +
                                                "]");
  Designs designs(static_cast<std::size_t>(number), options.space.dimension(), options.seed);
  return make_point_sequence_search(
      {.space = std::move(options.space),
       .seed = options.seed,
       .point = [designs = std::move(designs)](std::uint64_t index) mutable {
         return designs.point(index);
       }});
}

}  // namespace skipjack
