// From a history to a fitted Gaussian process: which observations there are, how metric values
// become targets, and hyperparameters that live on in the journal. Shared by the Bayesian searcher
// and by the recommendation, so that both believe the same.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "skipjack/model/gaussian_process.h"
#include "skipjack/search/unit_space.h"
#include "skipjack/trial/history.h"

namespace skipjack {

/// What a history says of one metric, by encoded configuration.
struct Observations {
  struct Value {
    UnitPoint point;
    /// Finite; in the metric's own unit. Of a trial stopped early it is the bound.
    double value = 0;
    bool bounded = false;
    TrialId trial = 0;
  };
  std::vector<Value> values;
  /// Failed for what they are, once each time.
  std::vector<UnitPoint> invalid;
  /// Started and without an observation yet.
  std::vector<UnitPoint> pending;
};
Observations collect_observations(const SearchSpace& space, const History& history,
                                  const Metric& metric);

/// A strictly increasing map from "how bad" to targets of mean 0 and variance 1:
/// the sign turned for Max; the logarithm if all values are positive and their ratio is at least 3
/// or the metric is a time; beyond median + 3 (median - lower quartile), the bad side grows as a
/// logarithm; standardised. The good side is never compressed: flattening it cost a factor of 2 in
/// regret on tables of log losses.
class TargetTransform {
 public:
  /// values: at least one, finite.
  TargetTransform(std::span<const double> values, const Metric& metric);

  double to_target(double value) const;
  double to_value(double target) const;

 private:
  double warp(double value) const;

  bool negate_ = false, logarithm_ = false;
  double median_ = 0, spread_ = 1;
  double mean_ = 0, deviation_ = 1;
};

/// What a fit found: enough to go on without fitting again.
struct SurrogateFit {
  GpHyperparameters objective;
  /// Of the process of failures; unset while there were fewer than three.
  std::optional<GpHyperparameters> feasibility = std::nullopt;
  /// Observations, failures included, that were there.
  std::size_t num_observations = 0;
};
/// {"objective": {"inverse_squared_lengthscales": [...], "outputscale": ..., "noise_variance":
/// ...},
///  "feasibility": the same, "num_observations": ...}
Json to_json(const SurrogateFit& fit);
/// nullopt if it isn't that form, is for another dimension, or has numbers that aren't positive and
/// finite.
std::optional<SurrogateFit> surrogate_fit_from_json(const Json& json, std::size_t dimension);

/// One row a point.
Eigen::MatrixXd to_matrix(std::span<const UnitPoint> points, std::size_t dimension);

/// What failures do to the model.
enum class FailureUse {
  Learn,   ///< targets as bad as the worst one seen, and from three on a process of their own: for
           ///< searching
  Ignore,  ///< nothing: for judging what was measured, which may be good right beside what fails
};

/// The processes that an optimisation goes by. At most 400 observations are kept: the best hundred
/// and the latest of the rest.
class SurrogateModel {
 public:
  /// seen: at least one value. previous: used as it is while fewer than a tenth of the observations
  /// are new (while there are at most 60: while none is), else the start of a new fit. Throws as
  /// GaussianProcess does.
  SurrogateModel(const std::vector<DimensionKind>& kinds, const Observations& seen,
                 const Metric& metric, FailureUse failure_use,
                 const std::optional<SurrogateFit>& previous);

  const SurrogateFit& fit() const { return fit_; }
  bool refitted() const { return refitted_; }
  const TargetTransform& transform() const { return transform_; }
  std::size_t num_rows() const { return static_cast<std::size_t>(objective_->size()); }

  /// In targets: smaller is better.
  GpPrediction predict(std::span<const UnitPoint> points) const;
  /// log P(works), 0 while there were fewer than three failures.
  Eigen::VectorXd log_feasibility(std::span<const UnitPoint> points) const;
  /// The smallest posterior mean among evaluated points.
  double best_mean() const { return best_mean_; }
  /// Distinct evaluated points, smallest posterior mean first, at most this many.
  std::vector<UnitPoint> best_points(std::size_t number) const;

  /// Kriging believer [Ginsbourger2010]: a running trial is taken to give what is expected of it.
  void believe(const UnitPoint& pending);

 private:
  TargetTransform transform_;
  SurrogateFit fit_;
  bool refitted_ = false;
  std::optional<GaussianProcess> objective_, feasibility_;
  /// Evaluated points, smallest posterior mean first.
  std::vector<UnitPoint> ranked_;
  double best_mean_ = 0;
};

}  // namespace skipjack
