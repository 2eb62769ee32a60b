// Notation: y_i mean log time of measurement i with n_i downloads at t_i; s2 noise variance of one
// log time; x(t) the drift, stationary with variance a2 and correlation exp(-|t - t'| / length). a2
// by moments, from the excess of the scatter of the y_i over s2 / n_i; length by the likelihood on
// a coarse grid.
#include "skipjack/s3tune/drift.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "skipjack/base/error.h"

namespace skipjack::s3tune {
namespace {

/// Fewer measurements than this say nothing about drift.
constexpr std::size_t kLeastMeasurements = 3;
/// Filtered or smoothed belief about x at one time.
struct Belief {
  double mean = 0, variance = 0;
};

struct Observation {
  double time = 0, value = 0;
  double variance = 0;  ///< infinite: nothing was observed, only the belief is wanted
};

struct Smoothed {
  std::vector<Belief> beliefs;
  double log_likelihood = 0;
};

/// Kalman filter forwards, Rauch-Tung-Striebel smoother backwards; observations in order of time,
/// values relative to the mean.
Smoothed smooth(const std::vector<Observation>& observations, double a2, double length) {
  const std::size_t n = observations.size();
  std::vector<Belief> filtered(n), predicted(n);
  Smoothed result;
  for (std::size_t i = 0; i < n; ++i) {
    const double decay =
        i == 0 ? 0 : std::exp(-(observations[i].time - observations[i - 1].time) / length);
    const Belief before = i == 0 ? Belief{} : filtered[i - 1];
    predicted[i] = {decay * before.mean,
                    decay * decay * before.variance + a2 * (1 - decay * decay)};
    filtered[i] = predicted[i];
    if (std::isinf(observations[i].variance)) continue;
    const double total = predicted[i].variance + observations[i].variance;
    const double surprise = observations[i].value - predicted[i].mean;
    if (total <= 0) continue;
    const double gain = predicted[i].variance / total;
    filtered[i] = {predicted[i].mean + gain * surprise, (1 - gain) * predicted[i].variance};
    result.log_likelihood -= 0.5 * (std::log(total) + surprise * surprise / total);
  }
  result.beliefs = filtered;
  for (std::size_t i = n; i-- > 1;) {
    const double decay = std::exp(-(observations[i].time - observations[i - 1].time) / length);
    if (predicted[i].variance <= 0) continue;
    const double back = filtered[i - 1].variance * decay / predicted[i].variance;
    result.beliefs[i - 1].mean += back * (result.beliefs[i].mean - predicted[i].mean);
    result.beliefs[i - 1].variance +=
        back * back * (result.beliefs[i].variance - predicted[i].variance);
  }
  return result;
}

}  // namespace

DriftModel::DriftModel(std::span<const BaselineMeasurement> measurements,
                       std::span<const Repeats> repeats) {
  Noise noise;
  for (const Repeats& group : repeats)
    if (!group.empty()) noise.add(group);
  std::vector<double> means, counts;
  for (const BaselineMeasurement& m : measurements) {
    if (m.seconds.empty())
      throw Error(ErrorCode::InvalidArgument, "a measurement of the baseline without a timing");
    means.push_back(noise.add(m.seconds));
    counts.push_back(static_cast<double>(m.seconds.size()));
    points_.push_back({m.time, means.back(), 1 / counts.back()});
  }
  if (points_.empty()) return;
  noise_ = noise.deviation();
  const Scatter scatter = scatter_of(means, counts, noise);
  mean_ = scatter.mean;
  if (points_.size() < kLeastMeasurements || !noise.is_known()) return;
  p_value_ = scatter.p_value;
  if (scatter.variance <= 0) return;
  corrects_ = true;
  amplitude_squared_ = scatter.variance;
  const double s2 = noise.variance();
  std::vector<Observation> observations;
  for (Point& p : points_) {
    p.variance *= s2;
    observations.push_back({p.time, p.value - mean_, p.variance});
  }
  const double span = points_.back().time - points_.front().time;
  double best = -std::numeric_limits<double>::infinity();
  for (double fraction : {0.1, 0.2, 0.4, 0.8, 1.6}) {
    const double length = std::max(span * fraction, 1e-9);
    const double likelihood = smooth(observations, amplitude_squared_, length).log_likelihood;
    if (likelihood > best) {
      best = likelihood;
      length_ = length;
    }
  }
}

double DriftModel::factor(double time) const {
  if (!corrects_) return 1;
  std::vector<Observation> observations;
  std::optional<std::size_t> wanted;
  const auto ask = [&] {
    wanted = observations.size();
    observations.push_back({time, 0, std::numeric_limits<double>::infinity()});
  };
  for (const Point& p : points_) {
    if (!wanted && p.time > time) ask();
    observations.push_back({p.time, p.value - mean_, p.variance});
  }
  if (!wanted) ask();
  return std::exp(smooth(observations, amplitude_squared_, length_).beliefs[*wanted].mean);
}

}  // namespace skipjack::s3tune
