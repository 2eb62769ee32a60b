// What an answer of S3 means: Content-Range, the XML of an error, and the one place in which
// statuses and codes become Errors that say what to try. Pure; the text is hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
/// Milliseconds of an x-amz-retry-after header.
std::optional<Duration> parse_amz_retry_after(std::string_view text);

struct S3ErrorBody {
  std::string code;
  std::string message;
  std::string region;  ///< Of the bucket, in answers to requests that went to another.
};
/// Empty fields for what is no S3 error. Control characters are made spaces, lengths bounded, and
/// secrets taken out.
S3ErrorBody parse_s3_error(std::string_view xml, const std::vector<std::string>& secrets = {});

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
  std::string bucket_region;  ///< x-amz-bucket-region, or what the body says.
  /// What the Date header says: Unix time in seconds.
  std::optional<std::int64_t> server_time;
  std::int64_t attempts_made = 1;
  /// The request said If-Match.
  bool had_if_match = false;
};
struct FailedAnswer {
  TransportStatus status = TransportStatus::Complete;
  std::string_view detail{};
  const HttpHead& head;
  std::string_view body{};  ///< as much of it as there is.
  /// What the request was made with and no message may hold: servers send back what they were sent.
  std::vector<std::string> secrets{};
};
/// What a failed attempt's answer says.
FinalFailure describe_failure(const FailedAnswer& answer);
/// The Error for a request that is not tried again.
Error to_error(const RequestContext& context, const FinalFailure& failure);

}  // namespace skipjack::s3
