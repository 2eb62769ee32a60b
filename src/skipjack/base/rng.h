// Chance as an argument: a generator is a pure function of (seed, stream, number), so the same
// events in the same order give the same decisions on every machine. xoshiro256++ [Blackman2021],
// seeded through SplitMix64. The distributions are ours, since the standard library's differ
// between implementations.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace skipjack {

/// Not thread-safe; cheap to make: make one per decision.
class Rng {
 public:
  /// stream names the purpose ("suggest", "latency"), number the event within it.
  explicit Rng(std::uint64_t seed, std::string_view stream = {}, std::uint64_t number = 0);

  std::uint64_t next();
  /// Uniform on [0, 1), 53 bits.
  double uniform();
  double uniform(double lower, double upper) { return lower + (upper - lower) * uniform(); }
  /// Uniform on {lower, ..., upper}, both included; lower <= upper.
  std::int64_t uniform_int(std::int64_t lower, std::int64_t upper);
  /// Standard normal.
  double normal();
  double exponential();
  bool bernoulli(double probability) { return uniform() < probability; }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i)
      std::swap(items[i - 1],
                items[static_cast<std::size_t>(uniform_int(0, static_cast<std::int64_t>(i) - 1))]);
  }

 private:
  std::uint64_t state_[4];
};

}  // namespace skipjack
