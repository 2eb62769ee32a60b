// How long a run takes in worlds that don't say so themselves.
#pragma once

#include <cmath>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack::benchmark {

/// Log-normal, independent of configuration and value: what makes parallel runs end out of order.
struct DurationModel {
  /// Seconds. Range (0, 10^6]; default 10: any number serves, since nothing depends on the unit.
  double median = 10;
  /// Standard deviation of the logarithm. Range [0, 3]; default 0.5: the longest of eight is then
  /// about 4 times the shortest. 0: all runs take the same time.
  double sigma = 0.5;
};

/// Throws InvalidArgument naming the field that is out of range.
inline void validate(const DurationModel& model) {
  if (!(model.median > 0 && model.median <= 1e6))
    throw Error(ErrorCode::InvalidArgument,
                "median = " + std::to_string(model.median) + " must be in (0, 1e6]");
  if (!(model.sigma >= 0 && model.sigma <= 3))
    throw Error(ErrorCode::InvalidArgument,
                "sigma = " + std::to_string(model.sigma) + " must be in [0, 3]");
}

inline double draw_seconds(const DurationModel& model, Rng& rng) {
  return model.median * std::exp(model.sigma * rng.normal());
}

}  // namespace skipjack::benchmark
