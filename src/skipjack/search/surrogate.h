// From a history to fitted Gaussian processes: which observations there are, the objective beside
// what is allowed, and hyperparameters that live on in the journal. Shared by the Bayesian searcher
// and by the recommendation, so that both believe the same.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "skipjack/search/feasibility.h"
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
    /// Of the metrics beside it, as TrialRecord has them.
    std::vector<double> beside = {};
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::vector<Value> values;
  /// Bounds left out of values, since another trial of the same configuration is known to have
  /// given a value, or a later one another bound (surpassed.h): they say nothing more, least of all
  /// that it must not be measured again.
  std::size_t num_surpassed = 0;
  /// Failed for what they are, once each time.
  std::vector<UnitPoint> invalid;
  /// Started and without an observation yet.
  std::vector<UnitPoint> pending;
  std::vector<TrialId> pending_trials;
  friend bool operator==(const Observations&, const Observations&) = default;
};
/// beside: as of TrialLog.
Observations collect_observations(const SearchSpace& space, const History& history,
                                  const Metric& metric, std::vector<Metric> beside = {});
/// What was known when trial last had just been started: of trials up to last alone, and of those
/// that had not ended by then only that they ran; records are a TrialLog's, from the first on. All
/// if last is the newest and nothing has ended since. 0 <= last < records.size().
Observations observations_as_of(std::span<const TrialRecord> records, TrialId last);
/// What is known by now.
Observations all_observations(std::span<const TrialRecord> records);

/// What a fit found: enough to go on without fitting again.
struct SurrogateFit {
  GpHyperparameters objective;
  FeasibilityFit feasibility = {};
  /// Observations, failures and surpassed bounds included, that were there: it never falls.
  std::size_t num_observations = 0;

  friend bool operator==(const SurrogateFit&, const SurrogateFit&) = default;
};
/// {"objective": {"inverse_squared_lengthscales": [...], "outputscale": ..., "noise_variance":
/// ...},
///  "feasibility": the same, "constraints": [the same, ...], "num_observations": ...}
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
  TrackedFeasibility feasibility;
  /// Of the objective's prior mean, one a point.
  Eigen::VectorXd prior;
};

struct SurrogateOptions {
  /// Must outlive the model.
  const UnitSpace& space;
  /// At least one value; the pending trials are left to believe(). Beside each value those of the
  /// constraints.
  const Observations& seen;
  const Metric& metric;
  std::span<const Metric> constraints = {};
  FailureUse failure_use = FailureUse::Learn;
  /// Where the fit starts, and used as it is while nothing was observed since.
  std::optional<SurrogateFit> previous = std::nullopt;
  /// Mean of the objective's process before data, in targets.
  PriorMean prior = {};
};

/// The processes that an optimisation goes by: the objective's, and what is allowed. At most 400
/// observations are kept, as by rows_to_keep(). Copyable.
class SurrogateModel {
 public:
  /// Throws as GaussianProcess does.
  explicit SurrogateModel(const SurrogateOptions& options);

  const SurrogateFit& fit() const { return fit_; }
  bool refitted() const { return refitted_; }
  bool has_prior() const { return !objective_->prior().empty(); }
  const TargetTransform& transform() const { return objective_->transform(); }
  std::size_t num_rows() const { return static_cast<std::size_t>(objective().size()); }
  /// Multiplications that a prediction takes, roughly: by the rows, and by those of the sources.
  double cost_of_prediction() const;
  /// Of the targets less the prior mean.
  const GaussianProcess& objective() const { return objective_->process(); }
  const Feasibility& feasibility() const { return *feasibility_; }

  /// In targets: smaller is better.
  GpPrediction predict(std::span<const UnitPoint> points) const;
  GpJointPrediction predict_jointly(std::span<const UnitPoint> points) const;
  /// log P(works and satisfies the constraints).
  Eigen::VectorXd log_feasibility(std::span<const UnitPoint> points) const;
  TrackedCandidates track(std::vector<UnitPoint> points) const;
  GpPrediction predict(TrackedCandidates& candidates) const;
  Eigen::VectorXd log_feasibility(TrackedCandidates& candidates) const;

  /// log EI on best_mean plus log P(works and satisfies the constraints) at one point, with its
  /// gradient by the ordered coordinates (0 for the rest). Without best_mean the latter alone.
  /// O(n^2).
  double acquisition_with_gradient(const UnitPoint& point, std::optional<double> best_mean,
                                   Eigen::VectorXd& gradient) const;

  /// The smallest posterior mean among measured points that are likely to satisfy the constraints;
  /// nullopt if none is.
  std::optional<double> best_mean() const;
  /// Distinct measured points that are likely to satisfy the constraints, smallest posterior mean
  /// first, at most this many; if there is none, those that are closest to it, most likely first.
  std::vector<UnitPoint> best_points(std::size_t number) const;

  void believe(const UnitPoint& pending);
  /// The index-th believed trial has ended: its believed value becomes what it gave. constraints:
  /// their values. O(n^2), and no variance changes.
  void believed_gave(std::size_t index, double value, bool is_bound,
                     std::span<const double> constraints = {});
  void believed_failed(std::size_t index);

 private:
  /// Row of the objective's process to the number of the point that gave a value or is believed to.
  std::size_t number_of(std::size_t row) const;
  /// Rows that were measured and are likely to satisfy the constraints.
  std::vector<std::size_t> eligible_rows() const;

  const UnitSpace* space_;
  SurrogateFit fit_;
  bool refitted_ = false;
  std::optional<MetricProcess> objective_;
  std::optional<Feasibility> feasibility_;
  /// Of each row of the objective; those that were measured, not only bounded.
  std::vector<UnitPoint> points_;
  std::vector<std::uint8_t> measured_;
  std::size_t num_evaluated_ = 0;
  /// Row of the first believed trial.
  std::size_t first_believed_ = 0;
};

}  // namespace skipjack
