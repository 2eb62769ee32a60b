// One process a level of the resource, and how much each says about the highest one: the share of
// draws from the posteriors in which the level ranks the trials there best [Li2022, sec. 5; after
// Feurer2018]. The ensemble's prediction is the weighted sum; the weights also say how much may be
// learnt from how little resource.
//
//   D_r   trials with a value at level r      theta_r  weight of level r, sum 1
//   f_r   process of D_r                      loss(f)  pairs of D_R that f ranks otherwise than
//                                             their values, R the highest level that takes part
//   f     sum_r theta_r f_r, levels independent
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "skipjack/search/level_log.h"
#include "skipjack/search/process_fit.h"

namespace skipjack {

struct LevelEnsembleOptions {
  /// Must outlive the ensemble.
  const UnitSpace& space;
  const Metric& metric;
  const LevelLog& log;
  std::uint64_t seed = 0;
  /// Draws from each posterior. Range [1, inf); default 50, as Syne Tune.
  std::int64_t num_samples = 50;
};

/// Levels with fewer than six values take no part. The draws of the highest level come from
/// processes that don't know the values (five folds). Where draws of several levels are equally
/// good they share. Of more than 100 trials at the highest level the latest 100 are ranked.
/// Copyable.
class LevelEnsemble {
 public:
  static constexpr std::size_t kLeastValues = 6;

  /// nullopt if no level takes part. Throws as GaussianProcess does.
  static std::optional<LevelEnsemble> make(const LevelEnsembleOptions& options);

  /// theta, one a milestone of the log up to the highest that takes part; unset: it takes none.
  const std::vector<std::optional<double>>& weights() const { return weights_; }
  /// Whether several levels take part, so that theta comes from ranks.
  bool is_ranked() const { return is_ranked_; }
  std::size_t num_rows() const;
  /// In targets of the levels, each standardised by itself; smaller is better.
  GpPrediction predict(std::span<const UnitPoint> points) const;
  /// The smallest mean among the trials at the highest level that takes part.
  double best_mean() const;
  /// The points of those trials, smallest mean first, at most this many; distinct.
  std::vector<UnitPoint> best_points(std::size_t number) const;

 private:
  struct Member {
    double weight = 0;
    MetricProcess process;
  };
  std::vector<Member> members_;
  std::vector<std::optional<double>> weights_;
  bool is_ranked_ = false;
  std::vector<UnitPoint> highest_;
};

}  // namespace skipjack
