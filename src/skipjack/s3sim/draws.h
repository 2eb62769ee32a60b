// What chance decides of one answer, and how the link is shared out: pure functions of the profile,
// used by the server and by its twin alike. Not in here: time and sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "skipjack/s3sim/profile.h"

namespace skipjack::s3sim {

enum class Fault { SlowDown, InternalError, Reset, Truncate, Stall };

/// One answer's fate.
struct ResponseDraw {
  double first_byte_seconds = 0;
  /// Infinity where there is no limit.
  double bytes_per_second = 0;
  std::optional<Fault> fault;
  /// Where in the body a Reset, Truncate or Stall strikes, in [0, 1).
  double fault_fraction = 0;
};

/// Which answer: numbers start at 0, requests are counted on each connection.
struct ResponseNumber {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
};

/// Deterministic in (profile, seed, number). At most one fault; at request 0 connect_seconds is
/// included.
ResponseDraw draw_response(const Profile& profile, std::uint64_t seed, ResponseNumber number);

/// Factor on both rates at a time since the server's start; 1 without drift.
double drift_factor(const Profile& profile, std::uint64_t seed, double seconds);

/// Max-min fair shares: share[i] <= limits[i], sum <= link, and nobody could get more without
/// taking from somebody who has no more than he. Limits and link may be infinite. O(n log n).
std::vector<double> fair_shares(std::span<const double> limits, double link);

}  // namespace skipjack::s3sim
