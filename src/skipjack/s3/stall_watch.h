// Whether an answer only trickles: so few bytes that asking again is better than waiting. Pure.
#pragma once

#include <cstdint>

#include "skipjack/base/clock.h"

namespace skipjack::s3 {

class StallWatch {
 public:
  StallWatch() = default;
  explicit StallWatch(Duration now) : begin_(now) {}

  void took(std::int64_t bytes) { bytes_ += bytes; }
  /// Fewer than 512 bytes in the last whole span of timeout (the head counts for none).
  bool is_stalled(Duration now, Duration timeout) {
    if (now - begin_ < timeout) return false;
    const bool is_stalled = bytes_ < kLeastBytes;
    *this = StallWatch(now);
    return is_stalled;
  }

 private:
  static constexpr std::int64_t kLeastBytes = 512;
  Duration begin_{0};
  std::int64_t bytes_ = 0;
};

}  // namespace skipjack::s3
