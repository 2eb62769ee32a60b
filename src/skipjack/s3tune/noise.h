// What repeated measurements of one thing differ by, and whether measurements of several differ by
// more than that. Values are logarithms of times, so what differs is a factor.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace skipjack::s3tune {

/// Repeated downloads of one configuration in a row: what they differ by is noise.
using Repeats = std::vector<double>;

/// Pooled over groups of repeats: squared deviations from the groups' means, degrees of freedom.
struct Noise {
  double squares = 0, degrees = 0;
  /// Of one value, > 0; only where it is known.
  double variance() const;
  /// nullopt without repeats.
  std::optional<double> deviation() const;
  /// Whether it can carry a test.
  bool is_known() const { return degrees >= 2; }
  /// Returns the mean of the logarithms. Throws InvalidArgument for a time that is not positive and
  /// finite; seconds must not be empty.
  double add(const Repeats& seconds);
};

/// Of the means of groups.
struct Scatter {
  /// All values' mean.
  double mean = 0;
  /// Probability of such a scatter if the groups differ by noise alone; 1 if there is too little to
  /// tell.
  double p_value = 1;
  /// Variance between groups beyond noise [DerSimonian1986], where the F test finds any at 5 %,
  /// else 0.
  double variance = 0;
};
/// means and counts (values behind a mean, > 0) of the groups, at least one.
Scatter scatter_of(std::span<const double> means, std::span<const double> counts,
                   const Noise& noise);

}  // namespace skipjack::s3tune
