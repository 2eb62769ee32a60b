#include "skipjack/search/sobol.h"

#include <algorithm>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/sobol.h"
#include "skipjack/search/point_sequence.h"

namespace skipjack {

std::unique_ptr<Searcher> make_sobol_search(SobolSearchOptions options) {
  const SobolSequence sequence({.dimension = options.space.dimension(), .seed = options.seed});
  return make_point_sequence_search(
      {.space = std::move(options.space), .seed = options.seed, .point = [sequence](auto index) {
         return sequence.point(index);
       }});
}

std::int64_t num_initial_points(std::optional<std::int64_t> asked, std::size_t dimension) {
  if (asked && *asked < 1)
    throw Error(ErrorCode::InvalidArgument,
                "num_initial = " + std::to_string(*asked) + " must be >= 1");
  return asked.value_or(std::max<std::int64_t>(5, static_cast<std::int64_t>(dimension) + 1));
}

}  // namespace skipjack
