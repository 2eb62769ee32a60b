// Time as an argument. Decisions use the times of events; only the edges of the system ask a clock.
#pragma once

#include <atomic>
#include <chrono>

namespace skipjack {

using Duration = std::chrono::nanoseconds;

constexpr double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr Duration from_seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

/// A source of time. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic; the origin means nothing.
  virtual Duration now() const = 0;
  /// Seconds since the Unix epoch; may jump.
  virtual double unix_time() const = 0;
};

/// The machine's clock; lives for ever.
const Clock& system_clock();

/// A clock that tests and simulations move by hand. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(double unix_epoch = 1.7e9) : epoch_(unix_epoch) {}
  Duration now() const override { return Duration(now_.load()); }
  double unix_time() const override { return epoch_ + to_seconds(now()); }
  void advance(Duration by) { now_ += by.count(); }
  void set(Duration now) { now_ = now.count(); }

 private:
  std::atomic<Duration::rep> now_{0};
  double epoch_;
};

}  // namespace skipjack
