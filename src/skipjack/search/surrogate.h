// From a history to a fitted Gaussian process: which observations there are, how metric values
// become targets, and hyperparameters that live on in the journal. Shared by the Bayesian searcher
// and by the recommendation, so that both believe the same.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "skipjack/model/gaussian_process.h"
#include "skipjack/search/source_model.h"
#include "skipjack/search/trial_log.h"
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
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::vector<Value> values;
  /// Failed for what they are, once each time.
  std::vector<UnitPoint> invalid;
  /// Started and without an observation yet.
  std::vector<UnitPoint> pending;
  std::vector<TrialId> pending_trials;
  friend bool operator==(const Observations&, const Observations&) = default;
};
Observations collect_observations(const SearchSpace& space, const History& history,
                                  const Metric& metric);
/// What was known when trial last had just been started: of trials up to last alone, and of those
/// that had not ended by then only that they ran. All if last is the newest and nothing has ended
/// since. 0 <= last < records.size().
Observations observations_as_of(std::span<const TrialRecord> records, TrialId last);
/// What is known by now.
Observations all_observations(std::span<const TrialRecord> records);

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

  friend bool operator==(const SurrogateFit&, const SurrogateFit&) = default;
};
/// {"objective": {"inverse_squared_lengthscales": [...], "outputscale": ..., "noise_variance":
/// ...},
///  "feasibility": the same, "num_observations": ...}
Json to_json(const SurrogateFit& fit);
/// nullopt if it isn't that form, is for another number of model dimensions, or has numbers that
/// aren't positive and finite.
std::optional<SurrogateFit> surrogate_fit_from_json(const Json& json, std::size_t dimension);

/// One row a point, one column a coordinate.
Eigen::MatrixXd to_matrix(std::span<const UnitPoint> points, std::size_t dimension);

/// What failures do to the model.
enum class FailureUse {
  Learn,   ///< targets as bad as the worst one seen, and from three on a process of their own: for
           ///< searching
  Ignore,  ///< nothing: for judging what was measured, which may be good right beside what fails
};

/// Points whose prediction is asked for again and again while the model takes in results.
struct TrackedCandidates {
  std::vector<UnitPoint> points;
  TrackedPoints objective;
  std::optional<TrackedPoints> feasibility;
  /// Of the prior mean, one a point.
  Eigen::VectorXd prior;
};

/// The processes that an optimisation goes by. At most 400 observations are kept: the best hundred
/// and the latest of the rest. Copyable.
class SurrogateModel {
 public:
  /// space must outlive the model. seen: at least one value; its pending trials are left to
  /// believe(). previous: where the fit starts, and used as it is while nothing was observed since.
  /// prior: mean of the process before data, in targets.
  /// Throws as GaussianProcess does.
  SurrogateModel(const UnitSpace& space, const Observations& seen, const Metric& metric,
                 FailureUse failure_use, const std::optional<SurrogateFit>& previous,
                 PriorMean prior = {});

  const SurrogateFit& fit() const { return fit_; }
  bool refitted() const { return refitted_; }
  bool has_prior() const { return !prior_.empty(); }
  const TargetTransform& transform() const { return transform_; }
  std::size_t num_rows() const { return static_cast<std::size_t>(objective_->size()); }
  /// Multiplications that a prediction takes, roughly: by the rows, and by those of the sources.
  double cost_of_prediction() const;
  /// Of the targets less the prior mean.
  const GaussianProcess& objective() const { return *objective_; }

  /// In targets: smaller is better.
  GpPrediction predict(std::span<const UnitPoint> points) const;
  /// log P(works), 0 while there were fewer than three failures.
  Eigen::VectorXd log_feasibility(std::span<const UnitPoint> points) const;
  TrackedCandidates track(std::vector<UnitPoint> points) const;
  GpPrediction predict(TrackedCandidates& candidates) const;
  Eigen::VectorXd log_feasibility(TrackedCandidates& candidates) const;

  /// log EI on best_mean plus log P(works) at one point, with its gradient by the ordered
  /// coordinates (0 for the rest). O(n^2).
  double acquisition_with_gradient(const UnitPoint& point, double best_mean,
                                   Eigen::VectorXd& gradient) const;

  /// The smallest posterior mean among measured points.
  double best_mean() const;
  /// Distinct measured points, smallest posterior mean first, at most this many.
  std::vector<UnitPoint> best_points(std::size_t number) const;

  /// Kriging believer [Ginsbourger2010]: a running trial is taken to give what is expected of it.
  void believe(const UnitPoint& pending);
  /// The index-th believed trial has ended: its believed value becomes what it gave. O(n^2), and no
  /// variance changes.
  void believed_gave(std::size_t index, double value, bool is_bound);
  void believed_failed(std::size_t index);

 private:
  /// Posterior means at the rows.
  Eigen::VectorXd means_at_data() const;

  const UnitSpace* space_;
  TargetTransform transform_;
  PriorMean prior_;
  SurrogateFit fit_;
  bool refitted_ = false;
  std::optional<GaussianProcess> objective_, feasibility_;
  /// Of each row of the objective; those that were measured, not only bounded.
  std::vector<UnitPoint> points_;
  std::vector<std::uint8_t> measured_;
  /// Row of the first believed trial.
  std::size_t first_believed_ = 0;
  /// The prior mean of each row.
  std::vector<double> prior_at_rows_;
  double worst_target_ = 0;
};

}  // namespace skipjack
