#include "skipjack/search/source_model.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t kMinRows = 3, kMaxRows = 200;
/// Where a coordinate lies that a source knows nothing of: the same for all points.
constexpr double kNeutral = 0.5;

/// The better half of what is kept, and an even choice of the rest; in order.
std::vector<CarriedObservation> keep_rows(std::vector<CarriedObservation> rows) {
  if (rows.size() <= kMaxRows) return rows;
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.target < b.target; });
  constexpr std::size_t kHalf = kMaxRows / 2;
  std::vector<CarriedObservation> kept(rows.begin(), rows.begin() + kHalf);
  for (std::size_t i = 0; i < kHalf; ++i)
    kept.push_back(std::move(rows[kHalf + i * (rows.size() - kHalf) / kHalf]));
  return kept;
}

std::vector<bool> shared_parameters(const SearchSpace& space, const SourceExperiment& source) {
  std::vector<bool> shared;
  for (const auto& [name, domain] : space.searched())
    shared.push_back(std::any_of(
        source.observations.begin(), source.observations.end(),
        [&](const auto& observation) { return observation.configuration.find(name) != nullptr; }));
  return shared;
}

}  // namespace

SourceModels::SourceModels(const UnitSpace& space, std::span<const SourceExperiment> sources)
    : space_(&space) {
  for (const SourceExperiment& source : sources) {
    std::vector<CarriedObservation> rows = carry_over(space.space(), source);
    std::erase_if(rows, [](const CarriedObservation& row) { return row.moved; });
    if (rows.size() < kMinRows) continue;
    rows = keep_rows(std::move(rows));
    std::vector<UnitPoint> points;
    VectorXd targets(static_cast<Index>(rows.size()));
    for (const CarriedObservation& row : rows) {
      targets[static_cast<Index>(points.size())] = row.target;
      points.push_back(space.space().encode(row.configuration));
    }
    std::vector<bool> shared = shared_parameters(space.space(), source);
    for (UnitPoint& point : points)
      for (std::size_t k = 0; k < point.size(); ++k)
        if (!shared[k]) point[k] = kNeutral;
    const GpData data{
        .kinds = space.model_kinds(), .x = space.model_matrix(points), .y = std::move(targets)};
    models_.push_back({GaussianProcess(data, fit_hyperparameters(data, {})), std::move(shared)});
  }
}

std::size_t SourceModels::num_rows() const {
  std::size_t sum = 0;
  for (const Model& model : models_) sum += static_cast<std::size_t>(model.process.size());
  return sum;
}

MatrixXd SourceModels::inputs(const Model& model, std::vector<UnitPoint> points) const {
  for (UnitPoint& point : points)
    for (std::size_t k = 0; k < point.size(); ++k)
      if (!model.shared[k]) point[k] = kNeutral;
  return space_->model_matrix(points);
}

MatrixXd SourceModels::predict(std::span<const UnitPoint> points) const {
  MatrixXd result(static_cast<Index>(points.size()), static_cast<Index>(size()));
  for (std::size_t k = 0; k < size(); ++k)
    result.col(static_cast<Index>(k)) = models_[k].process.predict_means(
        inputs(models_[k], std::vector<UnitPoint>(points.begin(), points.end())));
  return result;
}

MatrixXd SourceModels::slopes(const UnitPoint& point) const {
  const auto d = static_cast<Index>(point.size());
  MatrixXd result(d, static_cast<Index>(size()));
  for (std::size_t k = 0; k < size(); ++k) {
    const VectorXd x = inputs(models_[k], {point}).row(0).transpose();
    result.col(static_cast<Index>(k)) =
        models_[k].process.predict_with_gradient(x).mean_slope.head(d);
    for (std::size_t i = 0; i < point.size(); ++i)
      if (!models_[k].shared[i]) result(static_cast<Index>(i), static_cast<Index>(k)) = 0;
  }
  return result;
}

VectorXd PriorMean::at(std::span<const UnitPoint> points) const {
  if (empty() || points.empty()) return VectorXd::Zero(static_cast<Index>(points.size()));
  return sources->predict(points) * weights;
}

VectorXd PriorMean::slope(const UnitPoint& point) const {
  if (empty()) return VectorXd::Zero(static_cast<Index>(point.size()));
  return sources->slopes(point) * weights;
}

}  // namespace skipjack
