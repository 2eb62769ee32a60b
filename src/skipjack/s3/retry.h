// Whether a failed attempt is made again, and when. Pure: chance and quota come in as arguments.
// Exponential delays with full jitter ("Exponential Backoff and Jitter", AWS architecture blog),
// and a quota as in the AWS SDKs' standard mode, so that a broken store is not stormed. Does no
// waiting.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "skipjack/base/clock.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

struct RetryOptions {
  /// Attempts in all, the first included. >= 1; boto3's default.
  std::int64_t num_attempts = 5;
  /// The n-th retry waits uniform(0, min(cap, base * 2^(n-1))). Resets and broken bodies: nothing
  /// says that the server is overloaded, so short (botocore's newer scheme).
  Duration base = std::chrono::milliseconds(50);
  /// The same after a throttling answer (503 SlowDown, 429).
  Duration throttled_base = std::chrono::milliseconds(500);
  /// No wait is longer, what the server asks for included.
  Duration cap = std::chrono::seconds(20);
};

/// Tokens for retries, shared by all parts of a client: 500, a retry takes 5 (10 after a timeout)
/// and gives them back when it succeeds; a first attempt that succeeds gives 1 [AWS SDK standard
/// mode].
/// Deviation: more where many requests are in flight, which one outage strikes together.
class RetryQuota {
 public:
  /// Room for so many requests to time out twice, or for kMostRequests.
  void make_room(std::int64_t requests) {
    const std::int64_t more = 2 * kTimeoutTokens * std::min(requests, kMostRequests) - capacity_;
    if (more <= 0) return;
    capacity_ += more;
    tokens_ += more;
  }
  bool take(std::int64_t tokens) {
    if (tokens > tokens_) return false;
    tokens_ -= tokens;
    return true;
  }
  void give(std::int64_t tokens) { tokens_ = std::min(capacity_, tokens_ + tokens); }
  std::int64_t tokens() const { return tokens_; }

  static constexpr std::int64_t kTokens = 5, kTimeoutTokens = 10, kMostRequests = 1024;

 private:
  std::int64_t capacity_ = 500, tokens_ = capacity_;
};

/// How an attempt ended, if it did not succeed.
struct FailedAttempt {
  TransportStatus transport = TransportStatus::Complete;
  /// 0 if no answer came.
  int http_status = 0;
  /// <Code> of S3's answer; empty if there is none.
  std::string s3_code{};
  /// What Retry-After asks for: at least this, up to RetryOptions::cap.
  std::optional<Duration> retry_after{};
  /// What x-amz-retry-after asks for: at most 5 s beyond the wait that was drawn, as in the AWS
  /// SDKs. Goes before retry_after.
  std::optional<Duration> amz_retry_after{};
};

struct RetryAfter {
  Duration delay;
  /// Taken from the quota; given back on success.
  std::int64_t tokens;
};
enum class GiveUp { NotRetryable, AttemptsUsedUp, QuotaUsedUp };
using RetryDecision = std::variant<RetryAfter, GiveUp>;

/// The server asks for fewer requests.
bool is_throttling(const FailedAttempt& failure);
bool is_retryable(const FailedAttempt& failure);
/// attempts_made >= 1 counts the one that failed. u is uniform on [0, 1).
RetryDecision decide_retry(const FailedAttempt& failure, std::int64_t attempts_made, double u,
                           const RetryOptions& options, RetryQuota& quota);

}  // namespace skipjack::s3
