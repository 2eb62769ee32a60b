// How many requests of a download are in flight, and how large their ranges are: chosen by
// measuring, unless they are given. Pure; times are arguments.
//
// Requests: begin with what fills most links, then double as long as that brings a fifth more bytes
// a second; where it doesn't, the number before was enough. From then on a quarter more is tried
// now and then, and kept if it pays. More are tried only if what is missing gives each connection
// enough to make up for its beginning. A server that asks for less (SlowDown) gets three quarters,
// and one more after each round of answers without that (additive increase, multiplicative
// decrease). Ranges: a request is worth eight times the bytes that its connection could have
// carried while waiting for the first one, between bounds, or 32 times where the number is given,
// so that no other request takes its place meanwhile, unless bytes are wanted in order; ranges are
// spread over as much, from half of that on, or those that began together would end together and
// leave the link idle until the next ones' first bytes. None is more than its share of what is
// left, so that all end together in the end (guided self-scheduling, with what is on its way
// counted in).
#pragma once

#include <cstdint>
#include <optional>

#include "skipjack/base/clock.h"

namespace skipjack::s3 {

/// What a transfer taught about an endpoint; zeros: nothing.
struct Experience {
  std::int64_t requests_in_flight = 0;
  double first_byte_seconds = 0;
  /// Of one connection among the others.
  double bytes_per_second = 0;
};

struct FlightOptions {
  /// Where it begins, [1, most_requests].
  std::int64_t requests = 32;
  std::int64_t most_requests = 128;
  /// Whether the number is given, and only SlowDown lowers it.
  enum class Number { Measured, Given } number = Number::Measured;
  /// Every range has this size; unset: measured.
  std::optional<std::int64_t> part_size{};
  /// What a range is worth until that has been measured; 0: not known.
  std::int64_t first_worth = 0;
  /// Bytes of the object, from the first one that is missing, that can be taken in where they are
  /// wanted in order; unset: all. Ranges on their way fit into it together where it has 4 MiB for
  /// each request. > 0.
  std::optional<std::int64_t> window{};
  Experience experience{};
};

class FlightControl {
 public:
  explicit FlightControl(const FlightOptions& options);

  /// Requests that may be receiving their bodies now. >= 1.
  std::int64_t requests() const;
  struct InFlight {
    std::int64_t waiting = 0;  ///< for the first byte.
    std::int64_t receiving = 0;
  };
  /// Whether another request may start. A measured number leaves those out that wait, up to an
  /// eighth of it: they use nothing of the link.
  bool may_start(const InFlight& now) const;
  /// Bytes of the next range, with so many still to come, asked for or not. >= 1.
  std::int64_t part_size(std::int64_t bytes_left) const;
  /// A range of that size is asked for: the next one's will be another.
  void began_part() { ++num_begun_; }

  struct Taken {
    std::int64_t bytes = 0;
    /// Not asked for yet. > 0.
    std::int64_t missing_bytes = 0;
  };
  /// Bytes came, while there was enough to ask for.
  void took(const Taken& taken, Duration now);
  /// A request had its first byte after so long.
  void answered(double seconds);
  /// A request ended well; its body of so many bytes took so long.
  void succeeded(std::int64_t bytes, double seconds);
  /// A request was answered by SlowDown.
  void throttled();

  /// A first byte that takes longer is of the slow tail; 0 until known.
  double patience_seconds() const { return first_byte_ + 4 * first_byte_deviation_; }
  Experience experience() const;

 private:
  void begin_window(Duration now);
  void judge(double rate, std::int64_t missing_bytes);
  std::int64_t worth() const;
  bool earns(std::int64_t number, std::int64_t missing_bytes) const;

  const FlightOptions options_;
  enum class Phase { Grow, Steady, TryMore } phase_ = Phase::Grow;
  std::int64_t target_, target_before_;
  /// What SlowDown leaves of the target.
  double allowed_;
  double rate_before_ = 0, first_rate_ = 0;
  /// What is being measured: from when, to when, and how many bytes.
  Duration window_begin_{0}, window_end_{0};
  std::int64_t window_bytes_ = 0;
  int quiet_windows_ = 0;
  std::int64_t num_begun_ = 0;
  double first_byte_ = 0, first_byte_deviation_ = 0, connection_rate_ = 0;
  /// Requests that ended since the round began, and those of them that were throttled.
  std::int64_t round_ended_ = 0, round_throttled_ = 0;
};

}  // namespace skipjack::s3
