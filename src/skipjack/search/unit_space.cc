#include "skipjack/search/unit_space.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace skipjack {
namespace {

constexpr std::int64_t kMaxLevels = 4096;
constexpr std::size_t kAllLevels = 16;
constexpr std::int64_t kMaxRoughLevels = 32;
constexpr std::size_t kMaxActivities = 4096;

}  // namespace

UnitSpace::UnitSpace(SearchSpace space) : space_(std::move(space)) {
  for (const auto& [name, domain] : space_.searched()) {
    kinds_.push_back(std::holds_alternative<CategoricalDomain>(domain) ? DimensionKind::Unordered
                                                                       : DimensionKind::Ordered);
    auto& levels = levels_.emplace_back();
    const auto number = cardinality(domain);
    if (!number || *number > kMaxLevels) {
      if (kinds_.back() == DimensionKind::Ordered) continuous_.push_back(kinds_.size() - 1);
      continue;
    }
    for (std::int64_t i = 0; i < *number; ++i)
      levels.push_back(to_unit(domain, value_at(domain, i)));
    if (kinds_.back() == DimensionKind::Ordered && *number >= 3 && *number <= kMaxRoughLevels)
      rough_.push_back(kinds_.size() - 1);
  }
  model_kinds_ = kinds_;
  model_kinds_.resize(kinds_.size() + rough_.size(), DimensionKind::Rough);
}

Eigen::MatrixXd UnitSpace::model_matrix(std::span<const UnitPoint> points) const {
  Eigen::MatrixXd x(static_cast<Eigen::Index>(points.size()),
                    static_cast<Eigen::Index>(model_kinds_.size()));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    Eigen::Index column = 0;
    for (const double u : points[i]) x(row, column++) = u;
    for (const std::size_t k : rough_) x(row, column++) = points[i][k];
  }
  return x;
}

double UnitSpace::snapped(std::size_t k, double coordinate) const {
  const Domain& domain = space_.searched()[k].second;
  return to_unit(domain, from_unit(domain, coordinate));
}

double UnitSpace::snapped_inside(std::size_t k, double coordinate) const {
  const double position = snapped(k, coordinate);
  // Where there are values to count, the ends are as good as others.
  const bool is_end = levels_[k].empty() && (position == 0 || position == 1);
  return is_end ? snapped(k, std::clamp(position, kEndMargin, 1 - kEndMargin)) : position;
}

UnitPoint UnitSpace::snap(UnitPoint point) const {
  for (std::size_t k = 0; k < point.size(); ++k) point[k] = snapped(k, point[k]);
  if (is_conditional()) settle(point, std::vector<bool>(point.size(), true));
  return point;
}

std::vector<bool> UnitSpace::active(const UnitPoint& point) const {
  if (!is_conditional()) return std::vector<bool>(point.size(), true);
  std::vector<double> deciding;
  for (const std::size_t k : space_.deciding()) deciding.push_back(point[k]);
  if (const auto known = activity_.find(deciding); known != activity_.end()) return known->second;
  if (activity_.size() >= kMaxActivities) activity_.clear();
  return activity_[deciding] = space_.active(point);
}

void UnitSpace::settle(UnitPoint& point, const std::vector<bool>& was_active) const {
  const std::vector<bool> is_active = active(point);
  for (std::size_t k = 0; k < point.size(); ++k) {
    if (!is_active[k])
      point[k] = SearchSpace::kInactiveCoordinate;
    else if (!was_active[k])
      point[k] = snapped(k, point[k]);
  }
}

bool UnitSpace::satisfies_constraints(const UnitPoint& point) const {
  return space_.constraints().empty() || space_.satisfies_constraints(space_.decode(point));
}

std::vector<UnitPoint> UnitSpace::neighbors(const UnitPoint& point) const {
  std::vector<UnitPoint> result;
  const std::vector<bool> is_active = active(point);
  const auto& deciding = space_.deciding();
  const auto add = [&](std::size_t k, double position) {
    if (position == point[k]) return;
    result.push_back(point);
    result.back()[k] = position;
    if (std::binary_search(deciding.begin(), deciding.end(), k)) settle(result.back(), is_active);
  };
  for (std::size_t k = 0; k < point.size(); ++k) {
    if (!is_active[k]) continue;
    const auto& levels = levels_[k];
    if (levels.empty()) {
      for (const double step : {0.125, 0.03, 0.008, 0.002})
        for (const double sign : {-1.0, 1.0}) add(k, snapped_inside(k, point[k] + sign * step));
    } else if (levels.size() <= kAllLevels || kinds_[k] == DimensionKind::Unordered) {
      for (const double position : levels) add(k, position);
    } else {
      const auto here = std::lower_bound(levels.begin(), levels.end(), point[k]) - levels.begin();
      const auto size = static_cast<std::ptrdiff_t>(levels.size());
      for (const std::ptrdiff_t step :
           {std::ptrdiff_t{1}, std::ptrdiff_t{2}, std::ptrdiff_t{4}, size / 8})
        for (const std::ptrdiff_t to : {here - step, here + step})
          if (to >= 0 && to < size) add(k, levels[static_cast<std::size_t>(to)]);
    }
  }
  return result;
}

UnitPoint UnitSpace::perturb(const UnitPoint& point, double spread, Rng& rng) const {
  UnitPoint moved = point;
  std::vector<bool> placed = active(point);
  const auto num_active = std::count(placed.begin(), placed.end(), true);
  const double probability =
      std::min(1.0, 2.0 / static_cast<double>(std::max<std::ptrdiff_t>(1, num_active)));
  for (std::size_t k = 0; k < point.size(); ++k) {
    if (!placed[k] || !rng.bernoulli(probability)) continue;
    moved[k] = kinds_[k] == DimensionKind::Unordered
                   ? rng.uniform()
                   : snapped_inside(k, point[k] + spread * rng.normal());
  }
  // What becomes active has no place yet; once it has one, more may become active.
  for (bool is_changed = is_conditional(); is_changed;) {
    is_changed = false;
    moved = snap(std::move(moved));
    const std::vector<bool> is_active = active(moved);
    for (std::size_t k = 0; k < moved.size(); ++k) {
      if (!is_active[k] || placed[k]) continue;
      moved[k] = rng.uniform();
      placed[k] = is_changed = true;
    }
  }
  return snap(std::move(moved));
}

const std::vector<UnitPoint>* UnitSpace::enumerate() const {
  const auto number = space_.cardinality();
  if (!number || *number > kEnumerable) return nullptr;
  if (!enumerated_) {
    for (std::int64_t i = 0; i < *number; ++i) {
      const Configuration configuration = space_.configuration_at(i);
      if (space_.satisfies_constraints(configuration)) all_.push_back(space_.encode(configuration));
    }
    enumerated_ = true;
  }
  return &all_;
}

}  // namespace skipjack
