// What an answer of S3 means: Content-Range, the XML of an error, and the one place in which
// statuses and codes become Errors that say what to try. Pure; the text is hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "skipjack/base/error.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/plan.h"
#include "skipjack/s3/retry.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

struct ContentRange {
  ByteRange range;
  std::optional<std::int64_t> total;  ///< nullopt for "*".
};
/// "bytes 0-99/1000", "bytes 0-99/*"; nullopt for anything else, "bytes */0" included.
std::optional<ContentRange> parse_content_range(std::string_view text);
/// Decimal digits only, up to 2^63 - 1.
std::optional<std::int64_t> parse_size(std::string_view text);
/// Seconds of a Retry-After header; dates are not understood.
std::optional<Duration> parse_retry_after(std::string_view text);

struct S3ErrorBody {
  std::string code;
  std::string message;
};
/// Empty fields for what is no S3 error. Control characters are made spaces, lengths bounded.
S3ErrorBody parse_s3_error(std::string_view xml);

/// Whom a request was for; names in messages.
struct RequestContext {
  ObjectAddress object;
  /// "http://127.0.0.1:9000", without a path.
  std::string endpoint;
  std::string region;
  bool anonymous = false;
};

struct FinalFailure {
  FailedAttempt attempt;
  /// The rest of what is known, for the message.
  std::string s3_message;
  std::string transport_detail;
  std::string bucket_region;  ///< x-amz-bucket-region
  std::int64_t attempts_made = 1;
  /// The request said If-Match.
  bool had_if_match = false;
};
/// What an answer, or its lack, tells of a failure.
FinalFailure describe_failure(TransportStatus status, std::string_view detail, const HttpHead& head,
                              std::string_view body);
/// The Error for a request that is not tried again.
Error to_error(const RequestContext& context, const FinalFailure& failure);

}  // namespace skipjack::s3
