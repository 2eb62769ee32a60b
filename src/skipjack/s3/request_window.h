// How many small requests may be on their way at a time. Begins low and doubles with each round of
// successes, so that a store that has enough says so before much is lost; halves when the store
// asks for less, and then grows by one a round [Jacobson1988, in requests instead of packets].
// Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "skipjack/base/clock.h"

namespace skipjack::s3 {

class RequestWindow {
 public:
  /// most >= 1.
  explicit RequestWindow(std::int64_t most)
      : most_(static_cast<double>(most)), limit_(std::min(most_, kFirst)) {}

  std::int64_t size() const { return static_cast<std::int64_t>(limit_); }
  void succeeded() { limit_ = std::min(most_, limit_ + (is_doubling_ ? 1.0 : 1.0 / limit_)); }
  /// Answers that come together are one wish: what was sent before the last halving says nothing
  /// new.
  void throttled(Duration now) {
    if (now < deaf_until_) return;
    is_doubling_ = false;
    limit_ = std::max(1.0, limit_ / 2);
    deaf_until_ = now + kRound;
  }

 private:
  static constexpr double kFirst = 16;
  /// Longer than an answer takes.
  static constexpr Duration kRound = std::chrono::milliseconds(200);

  double most_, limit_;
  bool is_doubling_ = true;
  Duration deaf_until_ = Duration::min();
};

}  // namespace skipjack::s3
