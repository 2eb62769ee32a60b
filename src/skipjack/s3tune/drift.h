// Drift: a slow change of the whole environment while a tuning runs (other tenants, the hour, a
// link that recovers), seen because one configuration, the baseline, is measured again and again.
// The logarithm of its time is smoothed by an Ornstein-Uhlenbeck process (a Kalman filter and
// smoother, O(n)), whose amplitude is what the baseline shows beyond its noise; a value is divided
// by the smoothed factor at its time. Where the baseline shows nothing beyond its noise (F test at
// 5 %) nothing is corrected, so a quiet environment is not made noisier. Does not see drift that
// leaves the baseline untouched.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "skipjack/s3tune/noise.h"

namespace skipjack::s3tune {

/// Downloads of the baseline, one after the other, at about one time.
struct BaselineMeasurement {
  /// Middle of the measurement; any origin, any unit as long as it is one.
  double time = 0;
  /// Each > 0; at least one.
  std::vector<double> seconds;
};

class DriftModel {
 public:
  /// Measurements in order of time. repeats: of any configurations, for the noise; the baseline's
  /// own are counted too and need not be among them. Throws InvalidArgument for a time that is not
  /// positive.
  DriftModel(std::span<const BaselineMeasurement> measurements, std::span<const Repeats> repeats);

  /// Whether there is drift beyond noise; without, factor() is 1.
  bool corrects() const { return corrects_; }
  /// Probability of a scatter like the baseline's without drift; 1 if there is too little to tell.
  double p_value() const { return p_value_; }
  /// Standard deviation of the logarithm of one download, from repeats; nullopt without any.
  std::optional<double> noise() const { return noise_; }
  /// How much slower than on average downloads were at that time: a value divided by it is
  /// corrected. Between measurements by the smoother, outside it falls back to 1 over the process's
  /// length.
  double factor(double time) const;

 private:
  struct Point {
    double time = 0, value = 0, variance = 0;
  };
  std::vector<Point> points_;
  double mean_ = 0, amplitude_squared_ = 0, length_ = 1;
  std::optional<double> noise_;
  double p_value_ = 1;
  bool corrects_ = false;
};

}  // namespace skipjack::s3tune
