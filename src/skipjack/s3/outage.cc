#include "skipjack/s3/outage.h"

#include <algorithm>

namespace skipjack::s3 {
namespace {

// Between two tries.
constexpr Duration kShortestWait = std::chrono::milliseconds(50);
constexpr Duration kLongestWait = std::chrono::seconds(1);

}  // namespace

void Outage::answered() {
  has_answered_ = true;
  since_.reset();
}

bool Outage::refused(Duration now, double u) {
  if (!has_answered_) return false;
  if (!since_) {
    since_ = now;
    next_turn_ = now + kShortestWait;
  }
  jitter_ = 0.5 + u / 2;
  return is_on(now);
}

bool Outage::take_turn(Duration now) {
  if (!is_on(now)) return true;
  if (now < next_turn_) return false;
  const Duration step = std::clamp(now - *since_, kShortestWait, kLongestWait);
  next_turn_ = now + from_seconds(jitter_ * to_seconds(step));
  return true;
}

Duration Outage::wait(Duration now) const {
  return is_on(now) ? std::max(next_turn_ - now, Duration(0)) : Duration(0);
}

}  // namespace skipjack::s3
