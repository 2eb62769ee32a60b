// Draws in a fixed order, whatever the profile switches off, so that changing one field of a
// profile leaves the other draws of the same world as they were.
#include "skipjack/s3sim/draws.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "skipjack/base/rng.h"

namespace skipjack::s3sim {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();
/// A drawn rate is at most this multiple of the median (stated in profile.h).
constexpr double kFastestFactor = 2;

}  // namespace

ResponseDraw draw_response(const Profile& profile, std::uint64_t seed, ResponseNumber number) {
  Rng connection(seed, "s3sim connection", number.connection);
  Rng rng(seed ^ connection.next(), "s3sim response", number.request);
  const double connection_normal = connection.normal();
  const double body_normal = rng.normal(), tail_normal = rng.normal(), rate_normal = rng.normal();
  const double tail_uniform = rng.uniform(), slow_uniform = rng.uniform(),
               fault_uniform = rng.uniform();

  ResponseDraw draw;
  draw.first_byte_seconds =
      tail_uniform < profile.first_byte_tail_odds
          ? profile.first_byte_tail_median_seconds *
                std::exp(profile.first_byte_tail_sigma * tail_normal)
          : profile.first_byte_median_seconds * std::exp(profile.first_byte_sigma * body_normal);
  draw.first_byte_seconds = std::max(draw.first_byte_seconds, profile.first_byte_floor_seconds);
  if (number.request == 0) draw.first_byte_seconds += profile.connect_seconds;

  draw.bytes_per_second = kUnlimited;
  if (profile.connection_bytes_per_second > 0) {
    const double factor = std::exp(profile.connection_sigma * connection_normal +
                                   profile.request_sigma * rate_normal);
    draw.bytes_per_second = profile.connection_bytes_per_second * std::min(factor, kFastestFactor);
  }
  if (slow_uniform < profile.slow_odds)
    draw.bytes_per_second = std::min(draw.bytes_per_second, profile.slow_bytes_per_second);

  draw.fault_fraction = rng.uniform();
  double below = 0;
  const auto strikes = [&](double odds) { return fault_uniform < (below += odds); };
  if (strikes(profile.slow_down_odds)) {
    draw.fault = Fault::SlowDown;
  } else if (strikes(profile.internal_error_odds)) {
    draw.fault = Fault::InternalError;
  } else if (strikes(profile.reset_odds)) {
    draw.fault = Fault::Reset;
  } else if (strikes(profile.truncate_odds)) {
    draw.fault = Fault::Truncate;
  } else if (strikes(profile.stall_odds)) {
    draw.fault = Fault::Stall;
  }
  return draw;
}

double drift_factor(const Profile& profile, std::uint64_t seed, double seconds) {
  if (profile.drift_amplitude == 0) return 1;
  const double phase = Rng(seed, "s3sim drift").uniform();
  return 1 + profile.drift_amplitude *
                 std::sin(2 * std::numbers::pi * (seconds / profile.drift_period_seconds + phase));
}

std::vector<double> fair_shares(std::span<const double> limits, double link) {
  std::vector<double> shares(limits.begin(), limits.end());
  if (std::accumulate(limits.begin(), limits.end(), 0.0) <= link) return shares;
  std::vector<std::size_t> order(limits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return limits[a] < limits[b]; });
  double left = link;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double fair = left / static_cast<double>(order.size() - i);
    shares[order[i]] = std::min(limits[order[i]], fair);
    left -= shares[order[i]];
  }
  return shares;
}

}  // namespace skipjack::s3sim
