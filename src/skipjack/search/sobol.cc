#include "skipjack/search/sobol.h"

#include <utility>

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

}  // namespace skipjack
