// One quantity as a Gaussian process over the space: how its values become targets, the fit, and
// the running trials that are believed. Objectives, constraints and costs are each one of these;
// what they mean for a search is said elsewhere (surrogate.h, feasibility.h).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "skipjack/model/gaussian_process.h"
#include "skipjack/search/source_model.h"
#include "skipjack/search/unit_space.h"
#include "skipjack/trial/history.h"

namespace skipjack {

/// When a target is the logarithm of a value.
enum class TargetScale {
  ByValues,  ///< as below
  ByKind,    ///< for times alone: where objectives are weighed against each other, what a unit of
             ///< one is worth must not depend on which values were seen
};

/// A strictly increasing map from "how bad" to targets of mean 0 and variance 1:
/// the sign turned for Max; the logarithm if all values are positive and their ratio is at least 3
/// or the metric is a time; beyond median + 3 (median - lower quartile), the bad side grows as a
/// logarithm; standardised. The good side is never compressed: flattening it cost a factor of 2 in
/// regret on tables of log losses.
class TargetTransform {
 public:
  /// values: at least one, finite. A constraint's bound takes part in whether all are positive.
  TargetTransform(std::span<const double> values, const Metric& metric,
                  TargetScale scale = TargetScale::ByValues);

  double to_target(double value) const;
  double to_value(double target) const;

 private:
  double warp(double value) const;

  bool negate_ = false, logarithm_ = false;
  double median_ = 0, spread_ = 1;
  double mean_ = 0, deviation_ = 1;
};

/// {"inverse_squared_lengthscales": [...], "outputscale": ..., "noise_variance": ...,
///  "persistent_share": ...}
Json to_json(const GpHyperparameters& hyperparameters);
/// nullopt if it isn't that form, is for another number of model dimensions, or has numbers that
/// aren't positive and finite.
std::optional<GpHyperparameters> hyperparameters_from_json(const Json& json, std::size_t dimension);

/// The rows of each distinct point, ascending; in the points' order. O(n d log n).
std::vector<std::vector<std::size_t>> rows_by_point(std::span<const UnitPoint> points);

/// How much of the fitted noise is noise: the process takes a rough function for noise, but
/// repetitions of one configuration differ by real noise alone. Their pooled variance, shrunk
/// towards the fitted one by the weight of four repetitions: believing too early that there is none
/// makes one lucky value the best there is. rows_by_point: of the targets. O(n).
double variance_of_repetitions(std::span<const std::vector<std::size_t>> rows_by_point,
                               std::span<const double> targets, double noise_variance);

enum class Fit {
  Anew,  ///< from the previous hyperparameters, if there are any
  Keep,  ///< the previous ones as they are, if there are any
};
struct ProcessFitOptions {
  const UnitSpace& space;
  std::span<const UnitPoint> points;
  /// One a point; at least one.
  std::span<const double> targets;
  std::optional<GpHyperparameters> previous = std::nullopt;
  Fit fit = Fit::Anew;
  /// The first so many rows are measurements: what repetitions of one point don't show of the noise
  /// is taken to belong to the point. 0: the targets are labels, which have none.
  std::size_t num_measured = 0;
};
/// Of more than 200 rows a fit sees 200, evenly taken. Throws as GaussianProcess does.
GaussianProcess fit_process(const ProcessFitOptions& options);

struct MetricProcessOptions {
  const UnitSpace& space;
  const Metric& metric;
  std::span<const UnitPoint> points;
  /// One a point, finite, in the metric's unit; at least one.
  std::span<const double> values;
  /// What failed: rows as bad as the worst value.
  std::span<const UnitPoint> failed = {};
  std::optional<GpHyperparameters> previous = std::nullopt;
  Fit fit = Fit::Anew;
  TargetScale scale = TargetScale::ByValues;
  /// Before data, in targets.
  PriorMean prior = {};
};

/// The process of one metric. Targets are by TargetTransform of the values: smaller is better.
/// Rows: the points, then the failed ones, then the believed ones. Copyable.
class MetricProcess {
 public:
  /// The space must outlive it. Throws as GaussianProcess does.
  explicit MetricProcess(const MetricProcessOptions& options);

  const TargetTransform& transform() const { return transform_; }
  /// Of the targets less the prior mean.
  const GaussianProcess& process() const { return process_; }
  const PriorMean& prior() const { return prior_; }
  const GpHyperparameters& hyperparameters() const { return process_.hyperparameters(); }
  /// In targets, as are all predictions.
  GpPrediction predict(std::span<const UnitPoint> points) const;
  GpGradient predict_with_gradient(const UnitPoint& point) const;
  Eigen::VectorXd predict_means_at_rows() const;

  /// Kriging believer [Ginsbourger2010]: a running trial is taken to give what is expected of it.
  void believe(const UnitPoint& pending);
  /// The index-th believed trial has ended: its believed value becomes what it gave. O(n^2), and no
  /// variance changes.
  void believed_gave(std::size_t index, double value);
  /// The same as bad as the worst value.
  void believed_failed(std::size_t index);

 private:
  const UnitSpace* space_;
  TargetTransform transform_;
  PriorMean prior_;
  /// The prior mean of each row.
  std::vector<double> prior_at_rows_;
  double worst_target_ = 0;
  std::size_t first_believed_ = 0;
  GaussianProcess process_;
};

}  // namespace skipjack
