// Which request of a download is worth a second one for the same bytes: one that will end late, by
// what is known of the others. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "skipjack/s3/flight_control.h"

namespace skipjack::s3 {

/// A request in flight, the only one for its bytes.
struct LoneRequest {
  /// Bytes that it owes.
  std::int64_t bytes_left = 0;
  /// Since its last byte, or since it began.
  double silent_seconds = 0;
  /// The head of its answer has come.
  bool is_answered = false;
  /// Of its body so far; 0: no byte of it has come.
  double bytes_per_second = 0;
};

/// Index of the one that a second request should help the most; nullopt if none is late enough, or
/// nothing is known to compare with. patience_seconds: see FlightControl.
std::optional<std::size_t> choose_late_request(std::span<const LoneRequest> requests,
                                               const Experience& typical, double patience_seconds);

}  // namespace skipjack::s3
