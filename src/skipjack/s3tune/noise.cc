#include "skipjack/s3tune/noise.h"

#include <algorithm>
#include <cmath>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/s3tune/verdict.h"

namespace skipjack::s3tune {

double Noise::variance() const { return std::max(squares / degrees, 1e-12); }

std::optional<double> Noise::deviation() const {
  if (!(degrees > 0)) return std::nullopt;
  return std::sqrt(squares / degrees);
}

double Noise::add(const Repeats& seconds) {
  double mean = 0;
  for (const double s : seconds) {
    if (!(s > 0) || !std::isfinite(s))
      throw Error(ErrorCode::InvalidArgument,
                  "a timing of " + shortest_decimal(s) + " s must be positive and finite");
    mean += std::log(s) / static_cast<double>(seconds.size());
  }
  for (const double s : seconds) squares += std::pow(std::log(s) - mean, 2);
  degrees += static_cast<double>(seconds.size() - 1);
  return mean;
}

Scatter scatter_of(std::span<const double> means, std::span<const double> counts,
                   const Noise& noise) {
  Scatter result;
  double weight = 0, weight_squares = 0, squares = 0;
  for (std::size_t i = 0; i < means.size(); ++i) {
    weight += counts[i];
    weight_squares += counts[i] * counts[i];
    result.mean += counts[i] * means[i];
  }
  result.mean /= weight;
  if (means.size() < 2 || !noise.is_known()) return result;
  for (std::size_t i = 0; i < means.size(); ++i)
    squares += std::pow(means[i] - result.mean, 2) * counts[i];
  const double degrees = static_cast<double>(means.size() - 1);
  result.p_value = f_upper_tail(squares / degrees / noise.variance(), degrees, noise.degrees);
  const double excess = squares - degrees * noise.variance();
  if (result.p_value < 0.05 && excess > 0)
    result.variance = excess / (weight - weight_squares / weight);
  return result;
}

}  // namespace skipjack::s3tune
