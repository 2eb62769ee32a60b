#include "skipjack/s3/flight_control.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

// Of a doubling: half of it would come from a link that is half full.
constexpr double kWorthDoubling = 1.2;
// The first request runs all but alone. Where each of the others gets less than this share of what
// it got, they fill the link.
constexpr double kFull = 0.8;
constexpr double kWorthAQuarter = 1.08;
constexpr int kQuietWindows = 16;
// A number of requests shows its worth when the new ones have had their first bytes; then so long
// is measured that bursts even out.
constexpr double kShortestSettling = 0.05, kShortestWindow = 0.15;
// Share of requests that SlowDown may answer before the number is lowered: a bad day at S3 answers
// one in a hundred so whatever the load.
constexpr double kTolerated = 0.125;
constexpr double kDecrease = 0.75;
// Request bytes in units of (time to first byte x rate): 8 leave a connection idle a ninth of the
// time, so that an eighth more of them are as many as receive. Where there may be no more than a
// given number, what is idle is lost: a 33rd.
constexpr std::int64_t kWorth = 8, kWorthOfGiven = 32;
// What a connection more should bring, in the same units: it costs its handshakes, a slow start and
// a buffer of fresh memory.
constexpr double kEarned = 4;
// Of ranges far from the end, spread as they are: smaller ones cost CPU for each request, larger
// ones are not worth a late end.
constexpr std::int64_t kSmallestBulk = 8 * kMiB, kLargest = 64 * kMiB;
// Near the end.
constexpr std::int64_t kSmallest = kMiB;
// Where a narrow window is shared: with smaller ones more are on their way, and wait as much more.
constexpr std::int64_t kSmallestInWindow = 4 * kMiB;
// What ranges are multiples of: whole writes, whole pages where a MiB would be much of a share and
// the rest another wave of requests.
constexpr std::int64_t kBulkUnit = kMiB, kUnit = 64 * kKiB;
// Multiples of it, modulo one, are spread evenly however many there are.
constexpr double kGoldenRatio = std::numbers::phi;
// Weights of a new value in the running means [RFC 6298].
constexpr double kMeanWeight = 0.125, kDeviationWeight = 0.25;

}  // namespace

FlightControl::FlightControl(const FlightOptions& options)
    : options_(options),
      target_(options.requests),
      target_before_(options.requests),
      allowed_(static_cast<double>(options.requests)) {
  SKIPJACK_CHECK(options.requests >= 1 && options.most_requests >= 1);
  const Experience& earlier = options.experience;
  first_byte_ = earlier.first_byte_seconds;
  connection_rate_ = earlier.bytes_per_second;
  if (options.number == FlightOptions::Number::Given) {
    phase_ = Phase::Steady;
  } else if (earlier.requests_in_flight > 0) {
    target_ = std::min(earlier.requests_in_flight, options.most_requests);
    phase_ = Phase::Steady;
  }
  target_ = std::min(target_, options.most_requests);
  allowed_ = static_cast<double>(target_);
}

std::int64_t FlightControl::requests() const {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(allowed_));
}

bool FlightControl::may_start(const InFlight& now) const {
  const std::int64_t waiting =
      options_.number == FlightOptions::Number::Given ? 0 : (requests() + kWorth - 1) / kWorth;
  const std::int64_t most = std::min(requests() + waiting, options_.most_requests);
  return now.receiving < requests() && now.receiving + now.waiting < most;
}

/// Of a range; what S3 usually gives until it has been measured.
std::int64_t FlightControl::worth() const {
  // In order, the longer ranges are the more is held back, in fresh memory: that costs more.
  const bool is_long = options_.number == FlightOptions::Number::Given && !options_.window;
  const std::int64_t units = is_long ? kWorthOfGiven : kWorth;
  const auto measured =
      static_cast<std::int64_t>(static_cast<double>(units) * (first_byte_ * connection_rate_));
  if (measured > 0) return measured;
  return options_.first_worth > 0 ? options_.first_worth : units / kWorth * kSmallestBulk;
}

/// Whether so many connections would bring enough of what is missing.
bool FlightControl::earns(std::int64_t number, std::int64_t missing_bytes) const {
  return static_cast<double>(missing_bytes) >=
         kEarned * first_byte_ * connection_rate_ * static_cast<double>(number);
}

std::int64_t FlightControl::part_size(std::int64_t bytes_left) const {
  if (options_.part_size) return *options_.part_size;
  std::int64_t share = bytes_left / requests();
  if (options_.window)
    share = std::min(share, std::max(*options_.window / requests(), kSmallestInWindow));
  std::int64_t size = std::min(std::clamp(worth(), kSmallestBulk, kLargest),
                               std::max(share / 2, std::min(share, worth())));
  const std::int64_t unit = size < kSmallestBulk ? kUnit : kBulkUnit;
  if (size < share) {
    // From half to half as much again, moved into the bounds.
    const std::int64_t least = size < kSmallestBulk ? size / 2 : std::max(size / 2, kSmallestBulk);
    const std::int64_t most = std::min({least + size, kLargest, share});
    const double fraction = std::fmod(0.5 + kGoldenRatio * static_cast<double>(num_begun_), 1);
    size = least + static_cast<std::int64_t>(fraction * static_cast<double>(most - least));
  }
  return std::max(kSmallest, size / unit * unit);
}

void FlightControl::begin_window(Duration now) {
  window_begin_ = now + from_seconds(std::max(kShortestSettling, 1.5 * first_byte_));
  window_end_ = window_begin_ + from_seconds(std::max(kShortestWindow, first_byte_));
  window_bytes_ = 0;
}

void FlightControl::took(const Taken& taken, Duration now) {
  if (options_.number == FlightOptions::Number::Given) return;
  if (window_end_ == Duration(0)) begin_window(now);
  if (now < window_begin_) return;
  window_bytes_ += taken.bytes;
  if (now < window_end_) return;
  // Under SlowDown the number is not ours to choose.
  if (requests() == target_)
    judge(static_cast<double>(window_bytes_) / to_seconds(now - window_begin_),
          taken.missing_bytes);
  begin_window(now);
}

/// The target has been measured.
void FlightControl::judge(double rate, std::int64_t missing_bytes) {
  const auto try_number = [&](Phase phase, std::int64_t number) {
    if (!earns(std::min(number, options_.most_requests), missing_bytes)) return;
    phase_ = phase;
    target_before_ = target_;
    target_ = std::min(number, options_.most_requests);
    rate_before_ = rate;
    if (target_ == target_before_) phase_ = Phase::Steady;
  };
  switch (phase_) {
    case Phase::Grow:
      if (first_rate_ == 0) return;
      if (rate_before_ == 0 && rate < kFull * first_rate_ * static_cast<double>(target_))
        phase_ = Phase::Steady;
      else if (rate_before_ == 0 || rate > kWorthDoubling * rate_before_)
        try_number(Phase::Grow, 2 * target_);
      else
        target_ = target_before_, phase_ = Phase::Steady;
      break;
    case Phase::Steady:
      if (++quiet_windows_ % kQuietWindows == 0)
        try_number(Phase::TryMore, target_ + std::max<std::int64_t>(1, target_ / 4));
      break;
    case Phase::TryMore:
      if (rate < kWorthAQuarter * rate_before_) target_ = target_before_;
      phase_ = Phase::Steady;
      break;
  }
  allowed_ = static_cast<double>(target_);
}

void FlightControl::answered(double seconds) {
  if (first_byte_ == 0) {
    first_byte_ = seconds;
    first_byte_deviation_ = seconds / 2;
    return;
  }
  first_byte_deviation_ +=
      kDeviationWeight * (std::abs(seconds - first_byte_) - first_byte_deviation_);
  first_byte_ += kMeanWeight * (seconds - first_byte_);
}

void FlightControl::succeeded(std::int64_t bytes, double seconds) {
  if (seconds > 0) {
    const double rate = static_cast<double>(bytes) / seconds;
    if (first_rate_ == 0) first_rate_ = rate;
    connection_rate_ += (connection_rate_ == 0 ? 1 : kMeanWeight) * (rate - connection_rate_);
  }
  ++round_ended_;
  const auto tolerated = static_cast<std::int64_t>(kTolerated * allowed_);
  if (round_ended_ < requests()) return;
  if (round_throttled_ <= tolerated)
    allowed_ = std::min(static_cast<double>(target_), allowed_ + 1);
  round_ended_ = round_throttled_ = 0;
}

void FlightControl::throttled() {
  ++round_ended_;
  ++round_throttled_;
  if (round_throttled_ <=
      std::max<std::int64_t>(1, static_cast<std::int64_t>(kTolerated * allowed_)))
    return;
  allowed_ = std::max(1.0, allowed_ * kDecrease);
  round_ended_ = round_throttled_ = 0;
}

Experience FlightControl::experience() const {
  // A number that was never compared says nothing.
  const std::int64_t number = phase_ == Phase::Grow     ? 0
                              : phase_ == Phase::Steady ? target_
                                                        : target_before_;
  return {.requests_in_flight = options_.number == FlightOptions::Number::Given ? 0 : number,
          .first_byte_seconds = first_byte_,
          .bytes_per_second = connection_rate_};
}

}  // namespace skipjack::s3
