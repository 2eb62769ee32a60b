// What earlier experiments (sources) say of a space: for each source a Gaussian process of how good
// a point was there, and their weighted sum as the prior mean of a process for another environment.
// How much weight they deserve is decided in transfer.h.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "skipjack/search/unit_space.h"
#include "skipjack/search/warm_start.h"

namespace skipjack {

/// Immutable. Thread-safe as far as the space's model_matrix() is.
class SourceModels {
 public:
  /// space must outlive it. Of each source the observations that the space can have as they were
  /// measured are modelled, at most 200: the better hundred and an even choice of the others. A
  /// source with fewer than three is left out. Parameters of the space that a source did not
  /// have make no difference to what it says. O(n^3) a source.
  SourceModels(const UnitSpace& space, std::span<const SourceExperiment> sources);

  /// Of those that were not left out.
  std::size_t size() const { return models_.size(); }
  /// Of all models together.
  std::size_t num_rows() const;
  /// (points, size()): in each source's targets (CarriedObservation::target), smaller is better.
  /// O(n d) a point and source.
  Eigen::MatrixXd predict(std::span<const UnitPoint> points) const;
  /// (d, size()): derivatives of predict() by the ordered coordinates, 0 for the others. O(n^2).
  Eigen::MatrixXd slopes(const UnitPoint& point) const;

 private:
  struct Model {
    GaussianProcess process;
    /// By coordinate: whether the source had the parameter.
    std::vector<bool> shared;
  };
  Eigen::MatrixXd inputs(const Model& model, std::vector<UnitPoint> points) const;

  const UnitSpace* space_;
  std::vector<Model> models_;
};

/// A weighted sum of what sources say; 0 everywhere if there are none. A value: copies share the
/// models.
struct PriorMean {
  std::shared_ptr<const SourceModels> sources;
  /// One a source, not all 0; empty: there is no prior mean.
  Eigen::VectorXd weights;

  bool empty() const { return weights.size() == 0; }
  /// One a point.
  Eigen::VectorXd at(std::span<const UnitPoint> points) const;
  /// By the ordered coordinates.
  Eigen::VectorXd slope(const UnitPoint& point) const;
};

}  // namespace skipjack
