#include "skipjack/s3/lesson.h"

#include <cmath>

#include "skipjack/base/error.h"
#include "skipjack/s3/aws_partition.h"
#include "skipjack/s3/dates.h"

namespace skipjack::s3 {
namespace {

/// S3 takes signatures that are up to 15 minutes off; other stores are less patient. What is closer
/// than this is no reason for a signature not to match.
constexpr double kClockTolerance = 300;
/// Where the server says itself that it is the clock.
constexpr double kSmallestSkew = 2;

bool is_region(const std::string& text) {
  try {
    check_region(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

Lesson lesson_of(const FinalFailure& failure, const RequestIdentity& made_with,
                 std::int64_t unix_time) {
  const FailedAttempt& attempt = failure.attempt;
  if (attempt.transport != TransportStatus::Complete) return {};
  const int status = attempt.http_status;
  const bool may_be_elsewhere =
      status == 301 || status == 302 || status == 307 || status == 308 || status == 400;
  if (may_be_elsewhere && failure.bucket_region != made_with.region &&
      is_region(failure.bucket_region))
    return OtherRegion{failure.bucket_region};
  if (made_with.credentials.anonymous() || (status != 400 && status != 403)) return {};

  const std::string& code = attempt.s3_code;
  // A HEAD's answer has no body that would name the reason.
  const bool is_unnamed = code.empty();
  if (failure.server_time && is_plausible_now(*failure.server_time)) {
    const std::int64_t offset = *failure.server_time - unix_time;
    const double news = std::abs(static_cast<double>(offset - made_with.clock_offset));
    if ((code == "RequestTimeTooSkewed" && news > kSmallestSkew) ||
        ((code == "SignatureDoesNotMatch" || is_unnamed) && news > kClockTolerance))
      return OtherClock{offset};
  }
  if (code == "ExpiredToken" || code == "ExpiredTokenException" || code == "TokenRefreshRequired" ||
      (is_unnamed && status == 400 && !made_with.credentials.session_token.empty()))
    return KeysEnded{};
  return {};
}

}  // namespace skipjack::s3
