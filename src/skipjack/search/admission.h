// Where a searcher without gradients looks for its next configuration: points spread over the whole
// space, points near good ones, and which of them may be proposed at all.
#pragma once

#include <vector>

#include "skipjack/search/random.h"
#include "skipjack/search/surrogate.h"

namespace skipjack {

/// Which points may be proposed: those that keep the constraints and neither failed nor run at the
/// moment, nor, for Duplicates::Avoid, were measured. space must outlive it.
class Admission {
 public:
  Admission(const UnitSpace& space, const Observations& seen, Duplicates duplicates);

  /// O(d log n) and the constraints.
  bool admits(const UnitPoint& point) const;
  void remove_refused(std::vector<UnitPoint>& points) const;

 private:
  const UnitSpace& space_;
  /// Sorted.
  std::vector<UnitPoint> refused_;
};

struct CandidateOptions {
  /// Spread over the space; range >= 1. A space of no more configurations than this is taken whole
  /// instead. Where constraints refuse most draws there are fewer: four times as many are drawn.
  std::size_t num_random = 500;
  /// Points to start from for more: copies of them with a few coordinates drawn anew, each with
  /// probability min(1, 2 / d), over the whole axis. Small steps instead hold models of trees where
  /// they are, since those are flat between their data: docs/methods/cqr.md has figures.
  std::vector<UnitPoint> good = {};
  /// Copies of each; range >= 0.
  int num_copies = 20;
};
/// Admitted points; empty where none was found, which need not mean that there is none. rng decides
/// which.
std::vector<UnitPoint> draw_candidates(const UnitSpace& space, const Admission& admission,
                                       const CandidateOptions& options, Rng& rng);

}  // namespace skipjack
