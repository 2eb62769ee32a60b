#include "skipjack/search/admission.h"

#include <algorithm>
#include <utility>

namespace skipjack {
namespace {

constexpr std::size_t kDrawsPerCandidate = 4;

UnitPoint random_point(const UnitSpace& space, Rng& rng) {
  UnitPoint point(space.dimension());
  for (double& coordinate : point) coordinate = rng.uniform();
  return space.snap(std::move(point));
}

}  // namespace

Admission::Admission(const UnitSpace& space, const Observations& seen, Duplicates duplicates)
    : space_(space), refused_(seen.invalid) {
  refused_.insert(refused_.end(), seen.pending.begin(), seen.pending.end());
  if (duplicates == Duplicates::Avoid)
    for (const auto& value : seen.values) refused_.push_back(value.point);
  std::sort(refused_.begin(), refused_.end());
}

bool Admission::admits(const UnitPoint& point) const {
  return !std::binary_search(refused_.begin(), refused_.end(), point) &&
         space_.satisfies_constraints(point);
}

void Admission::remove_refused(std::vector<UnitPoint>& points) const {
  std::erase_if(points, [&](const UnitPoint& point) { return !admits(point); });
}

std::vector<UnitPoint> draw_candidates(const UnitSpace& space, const Admission& admission,
                                       const CandidateOptions& options, Rng& rng) {
  std::vector<UnitPoint> candidates;
  const auto cardinality = space.space().cardinality();
  if (cardinality && *cardinality <= static_cast<std::int64_t>(options.num_random)) {
    if (const auto* all = space.enumerate()) {
      candidates = *all;
      admission.remove_refused(candidates);
      rng.shuffle(candidates);
      return candidates;
    }
  }
  for (std::size_t draw = 0; draw < kDrawsPerCandidate * options.num_random; ++draw) {
    UnitPoint point = random_point(space, rng);
    if (admission.admits(point)) candidates.push_back(std::move(point));
    if (candidates.size() == options.num_random) break;
  }
  const double probability =
      std::min(1.0, 2.0 / static_cast<double>(std::max<std::size_t>(1, space.dimension())));
  for (const UnitPoint& good : options.good) {
    for (int i = 0; i < options.num_copies; ++i) {
      UnitPoint point = good;
      for (double& coordinate : point)
        if (rng.bernoulli(probability)) coordinate = rng.uniform();
      point = space.snap(std::move(point));
      if (admission.admits(point)) candidates.push_back(std::move(point));
    }
  }
  return candidates;
}

}  // namespace skipjack
