#include "skipjack/model/density.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/normal.h"

namespace skipjack {
namespace {

constexpr double kHalfLogTwoPi = 0.91893853320467274178;
// A cell's probability is never taken for less, so that logarithms stay finite.
constexpr double kMinMass = 1e-300;
// In units of an axis [Optuna2025]; Scott's rule would have the standard deviation of the points,
// which for the few good ones is a guess.
constexpr double kBandwidthFactor = 0.2;
constexpr double kMaxKernels = 100;

// P(lower <= X < upper) of a normal variable, by the tail that keeps its digits.
double normal_mass(double lower, double upper) {
  return lower > 0 ? normal_cdf(-lower) - normal_cdf(-upper)
                   : normal_cdf(upper) - normal_cdf(lower);
}

double mass_inside(double center, double bandwidth) {
  return normal_mass(-center / bandwidth, (1 - center) / bandwidth);
}

double log_sum_exp(std::span<const double> values) {
  const double top = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += std::exp(value - top);
  return top + std::log(sum);
}

}  // namespace

ParzenDensity::ParzenDensity(ParzenOptions options) : options_(std::move(options)) {
  SKIPJACK_CHECK(options_.bandwidths.size() == options_.axes.size());
  log_inside_.resize(options_.axes.size());
  for (std::size_t k = 0; k < options_.axes.size(); ++k) {
    if (options_.axes[k].kind != AxisKind::Continuous) continue;
    for (const auto& center : options_.points)
      log_inside_[k].push_back(std::log(mass_inside(center[k], options_.bandwidths[k])));
  }
}

// On an axis with cells.
double ParzenDensity::log_kernel(std::size_t k, double point, double center) const {
  const Axis& axis = options_.axes[k];
  const std::size_t cell = axis.cell(point);
  if (axis.kind == AxisKind::Categories) {
    // Each component brings its share of one count spread over the categories.
    const double a = 1.0 / static_cast<double>(options_.points.size() + 1);
    const double total = 1 + a * static_cast<double>(axis.num_cells());
    return std::log((axis.cell(center) == cell ? 1 + a : a) / total);
  }
  const double b = options_.bandwidths[k];
  const double mass =
      normal_mass((axis.edges[cell] - center) / b, (axis.edges[cell + 1] - center) / b);
  return std::log(std::max(mass / mass_inside(center, b), kMinMass));
}

void ParzenDensity::add_axis(std::size_t k, std::span<const std::vector<double>> points,
                             std::vector<std::vector<double>>& log_components) const {
  const Axis& axis = options_.axes[k];
  const auto& centers = options_.points;
  const std::size_t n = centers.size();
  if (axis.kind == AxisKind::Continuous) {
    const double b = options_.bandwidths[k], log_scale = std::log(b) + kHalfLogTwoPi;
    for (std::size_t p = 0; p < points.size(); ++p)
      for (std::size_t i = 0; i < n; ++i) {
        const double z = (points[p][k] - centers[i][k]) / b;
        log_components[p][i] -= 0.5 * z * z + log_scale + log_inside_[k][i];
      }
    return;
  }
  // Points of one cell share their kernels, and so do centers.
  std::map<double, std::size_t> slots;
  std::vector<std::size_t> slot(n);
  for (std::size_t i = 0; i < n; ++i)
    slot[i] = slots.try_emplace(centers[i][k], slots.size()).first->second;
  std::map<std::size_t, std::vector<double>> rows;
  for (std::size_t p = 0; p < points.size(); ++p) {
    const std::size_t cell = axis.cell(points[p][k]);
    auto [row, is_new] = rows.try_emplace(cell);
    if (is_new) {
      row->second.resize(slots.size());
      for (const auto& [center, s] : slots) row->second[s] = log_kernel(k, points[p][k], center);
    }
    for (std::size_t i = 0; i < n; ++i) log_components[p][i] += row->second[slot[i]];
    log_components[p][n] += axis.kind == AxisKind::Categories
                                ? -std::log(static_cast<double>(axis.num_cells()))
                                : std::log(axis.width(cell));
  }
}

std::vector<double> ParzenDensity::log_density(std::span<const std::vector<double>> points) const {
  const std::size_t n = options_.points.size();
  // The last component is the uniform one.
  std::vector<std::vector<double>> log_components(points.size(), std::vector<double>(n + 1));
  for (std::size_t k = 0; k < options_.axes.size(); ++k) add_axis(k, points, log_components);
  std::vector<double> result;
  for (const auto& components : log_components)
    result.push_back(log_sum_exp(components) - std::log(static_cast<double>(n + 1)));
  return result;
}

std::vector<double> ParzenDensity::sample(Rng& rng) const {
  const std::size_t n = options_.points.size();
  const auto component = static_cast<std::size_t>(rng.uniform_int(0, static_cast<int>(n)));
  std::vector<double> point;
  for (std::size_t k = 0; k < options_.axes.size(); ++k) {
    const Axis& axis = options_.axes[k];
    const double u = rng.uniform();
    if (component == n) {
      point.push_back(
          axis.kind == AxisKind::Categories
              ? axis.middle(static_cast<std::size_t>(u * static_cast<double>(axis.num_cells())))
              : u);
      continue;
    }
    const double center = options_.points[component][k];
    if (axis.kind == AxisKind::Categories) {
      const double a = 1.0 / static_cast<double>(n + 1);
      const auto number = static_cast<double>(axis.num_cells());
      // With the smoothing's share any category, else the center's.
      const double v = u * (1 + a * number);
      point.push_back(v < 1 ? center
                            : axis.middle(std::min(axis.num_cells() - 1,
                                                   static_cast<std::size_t>((v - 1) / a))));
      continue;
    }
    const double b = options_.bandwidths[k];
    const double below = normal_cdf(-center / b);
    const double z = normal_quantile(below + u * mass_inside(center, b));
    point.push_back(std::clamp(center + b * z, 0.0, 1.0));
  }
  return point;
}

double parzen_bandwidth(std::size_t n, std::size_t d) {
  const auto size = static_cast<double>(n);
  const double scott =
      kBandwidthFactor * std::pow(std::max(size, 1.0), -1.0 / (static_cast<double>(d) + 4));
  return std::max(scott, 1 / std::min(kMaxKernels, size + 2));
}

}  // namespace skipjack
