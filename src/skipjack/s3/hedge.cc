#include "skipjack/s3/hedge.h"

#include <algorithm>
#include <limits>

namespace skipjack::s3 {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
// A second request must promise to end in half of the time, and by more than what a request costs.
constexpr double kGain = 2, kLeastGainSeconds = 0.03;
// A body comes in pieces of so many bytes at most (SO_RCVLOWAT); a pause of several times what one
// usually takes is none.
constexpr double kPieceBytes = 512 * 1024, kPieces = 10;

double expected_seconds(const LoneRequest& request, const Experience& typical,
                        double patience_seconds) {
  const double patience =
      request.is_answered ? kPieces * kPieceBytes / typical.bytes_per_second : patience_seconds;
  if (request.silent_seconds > std::max(patience, kLeastGainSeconds)) return kNever;
  return request.bytes_per_second > 0
             ? static_cast<double>(request.bytes_left) / request.bytes_per_second
             : 0;
}

}  // namespace

std::optional<std::size_t> choose_late_request(std::span<const LoneRequest> requests,
                                               const Experience& typical, double patience_seconds) {
  if (typical.bytes_per_second <= 0 || patience_seconds <= 0) return std::nullopt;
  std::optional<std::size_t> latest;
  double latest_seconds = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const double seconds = expected_seconds(requests[i], typical, patience_seconds);
    const double anew = typical.first_byte_seconds +
                        static_cast<double>(requests[i].bytes_left) / typical.bytes_per_second;
    if (seconds <= kGain * anew + kLeastGainSeconds || seconds <= latest_seconds) continue;
    latest = i;
    latest_seconds = seconds;
  }
  return latest;
}

}  // namespace skipjack::s3
