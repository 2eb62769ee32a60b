// From trials measured along the resource axis to a fitted process over configuration and resource:
// which measurements enter, how they become targets, the running trials that are believed, and what
// may be expected to work. What surrogate.h is for trials that run to their end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "skipjack/model/curve_process.h"
#include "skipjack/search/feasibility.h"
#include "skipjack/search/level_log.h"

namespace skipjack {

/// What a fit found: enough to go on without fitting again.
struct CurveFit {
  CurveHyperparameters curves;
  FeasibilityFit feasibility = {};
  /// Measurements, failures included, that were there.
  std::size_t num_measurements = 0;
};
/// {"curves": {as of GpHyperparameters, "resource": [...]}, "feasibility": the same without
/// "resource", "num_measurements": ...}
Json to_json(const CurveFit& fit);
/// nullopt for what isn't that form or is for another kernel or space.
std::optional<CurveFit> curve_fit_from_json(const Json& json, ResourceKernel kernel,
                                            const UnitSpace& space);

struct CurveModelOptions {
  /// Must outlive the model.
  const UnitSpace& space;
  const Metric& metric;
  /// At least one value in its records.
  const LevelLog& log;
  ResourceKernel kernel = ResourceKernel::Matern;
  /// Where the fit starts, and used as it is while nothing was measured since.
  std::optional<CurveFit> previous = std::nullopt;
};

/// Of a trial as many measurements as leave room for all trials, at least four, the first and the
/// last among them and even in the logarithm of the level; then the trials that came farthest, the
/// latest first, 400 measurements in all. Trials that failed, or whose metric is no longer finite,
/// are as bad as the worst value. A fit sees at most 200 measurements, of evenly taken trials.
/// Copyable.
class CurveModel {
 public:
  /// Throws as GaussianProcess does.
  explicit CurveModel(const CurveModelOptions& options);

  const CurveFit& fit() const { return fit_; }
  std::size_t num_rows() const { return static_cast<std::size_t>(process_->size()); }

  /// In targets, smaller is better, noise not included: of new trials at the level.
  GpPrediction predict(std::span<const UnitPoint> points, std::int64_t level) const;
  /// The same where the model has a trial of the point: with what that trial's own curve says.
  GpPrediction predict_known(std::span<const UnitPoint> points, std::int64_t level) const;
  /// log P(works).
  Eigen::VectorXd log_feasibility(std::span<const UnitPoint> points) const;

  /// The smallest posterior mean at the level among the trials measured there or beyond; among all
  /// measured trials if there are none. Bad ones don't count.
  double best_mean(std::int64_t level) const;
  /// The points of those trials, smallest posterior mean first, at most this many; distinct.
  std::vector<UnitPoint> best_points(std::int64_t level, std::size_t number) const;

 private:
  /// The trial's row of x, made where there is none yet.
  Eigen::Index row_of(const LevelLog& log, std::size_t trial);
  void choose_rows(const CurveModelOptions& options);
  void fit_process(const CurveModelOptions& options);
  /// Trials measured at the level or beyond, all measured ones if there are none; by their means.
  std::vector<std::pair<double, Eigen::Index>> ranked(std::int64_t level) const;

  const UnitSpace* space_;
  CurveFit fit_;
  std::map<std::size_t, Eigen::Index> rows_of_trials_;
  /// Rows of the process's x.
  std::vector<UnitPoint> points_;
  /// By those rows: the highest level measured; 0: none, or it is bad.
  std::vector<std::int64_t> reached_;
  CurveData data_;
  std::optional<CurveProcess> process_;
  std::optional<Feasibility> feasibility_;
};

}  // namespace skipjack
