// Of times that were measured to their end: which configuration is the best, and how much
// measurements of one configuration differ. What stops trials that can no longer win goes by it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace skipjack {

/// All in logarithms of seconds. Not thread-safe.
class BestTime {
 public:
  /// configuration: SearchSpace::key. O(log n) for n configurations.
  void add(const std::string& configuration, double logarithm);
  /// s: the pooled standard deviation between measurements of one configuration; 0 while none is
  /// repeated.
  double deviation() const;
  /// The smallest over configurations of mean + 2 s / sqrt(r), r the configuration's measurements:
  /// no single lucky value sets it. nullopt before the first. O(1) where no configuration is
  /// measured more than a few times.
  std::optional<double> upper() const;

 private:
  struct Times {
    int number = 0;
    double sum = 0, squares = 0;
    void add(double logarithm) { ++number, sum += logarithm, squares += logarithm * logarithm; }
    double mean() const { return sum / number; }
    /// Sum of squared deviations from the mean.
    double scatter() const;
  };
  std::unordered_map<std::string, Times> times_;
  /// Of the configurations measured so many times.
  std::map<int, std::multiset<double>> means_;
  double scatter_ = 0;
  int degrees_of_freedom_ = 0;
};

}  // namespace skipjack
