#include "skipjack/s3/retry.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace skipjack::s3 {
namespace {

// [botocore, retries/standard.py]
constexpr double kMostAmzSeconds = 5;

}  // namespace

bool is_throttling(const FailedAttempt& failure) {
  return failure.http_status == 503 || failure.http_status == 429 || failure.http_status == 509 ||
         failure.s3_code == "SlowDown";
}

bool is_retryable(const FailedAttempt& failure) {
  switch (failure.transport) {
    case TransportStatus::ConnectFailed:
    case TransportStatus::OutOfFiles:  // other connections may end meanwhile
    case TransportStatus::Truncated:
    case TransportStatus::Reset:
    case TransportStatus::TimedOut:
      return true;
    case TransportStatus::TlsFailed:
    case TransportStatus::Aborted:
    case TransportStatus::ProtocolError:
      return false;
    case TransportStatus::Complete:
      break;
  }
  // The statuses that boto3 tries again, and S3's codes for "not your fault" under other statuses.
  constexpr std::array kStatuses = {429, 500, 502, 503, 504, 509};
  constexpr std::array<std::string_view, 4> kCodes = {"SlowDown", "InternalError", "RequestTimeout",
                                                      "ServiceUnavailable"};
  return std::find(kStatuses.begin(), kStatuses.end(), failure.http_status) != kStatuses.end() ||
         std::find(kCodes.begin(), kCodes.end(), failure.s3_code) != kCodes.end();
}

RetryDecision decide_retry(const FailedAttempt& failure, std::int64_t attempts_made, double u,
                           const RetryOptions& options, RetryQuota& quota) {
  if (!is_retryable(failure)) return GiveUp::NotRetryable;
  if (attempts_made >= options.num_attempts) return GiveUp::AttemptsUsedUp;
  const std::int64_t tokens = failure.transport == TransportStatus::TimedOut
                                  ? RetryQuota::kTimeoutTokens
                                  : RetryQuota::kTokens;
  if (!quota.take(tokens)) return GiveUp::QuotaUsedUp;
  const double base = to_seconds(is_throttling(failure) ? options.throttled_base : options.base);
  const double doublings = static_cast<double>(std::min<std::int64_t>(attempts_made - 1, 40));
  const double cap = to_seconds(options.cap);
  double delay = u * std::min(cap, base * std::exp2(doublings));
  if (failure.amz_retry_after)
    delay = std::clamp(to_seconds(*failure.amz_retry_after), delay, delay + kMostAmzSeconds);
  else if (failure.retry_after)
    delay = std::min(cap, std::max(delay, to_seconds(*failure.retry_after)));
  return RetryAfter{from_seconds(delay), tokens};
}

}  // namespace skipjack::s3
