// A cap on bytes per second over all connections: what has been taken is paid for in time. Pure;
// the time is an argument. After idling at most a tenth of a second's worth is free.
#pragma once

#include <algorithm>
#include <cstdint>

#include "skipjack/base/clock.h"

namespace skipjack::s3 {

class TokenBucket {
 public:
  /// bytes_per_second >= 1.
  explicit TokenBucket(std::int64_t bytes_per_second)
      : rate_(static_cast<double>(bytes_per_second)) {}

  void take(std::int64_t bytes, Duration now) {
    paid_until_ =
        std::max(paid_until_, now - kBurst) + from_seconds(static_cast<double>(bytes) / rate_);
  }
  /// How long to wait before more may be taken; 0 if not at all.
  Duration debt(Duration now) const { return std::max(Duration(0), paid_until_ - now); }

 private:
  static constexpr Duration kBurst = std::chrono::milliseconds(100);
  double rate_;
  Duration paid_until_ = Duration::min() / 2;
};

}  // namespace skipjack::s3
