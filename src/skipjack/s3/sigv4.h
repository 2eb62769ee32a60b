// AWS Signature Version 4 for S3, as a pure function of request, keys and time. Checked against the
// examples that AWS prints. Header signatures only: no presigned URLs, no chunked uploads, no
// SigV4a. Source: "Authenticating Requests (AWS Signature Version 4)" in the S3 API reference.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "skipjack/s3/credentials.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

/// SHA-256 of no bytes, in hexadecimal: the payload of a GET.
inline constexpr std::string_view kEmptyPayloadHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

std::string sha256_hex(std::string_view bytes);

struct SigningInput {
  std::string_view method;
  const RequestTarget& target;
  /// Signed all of them; Host, x-amz-date, x-amz-content-sha256 and the token are added.
  HttpHeaders headers{};
  /// Hexadecimal SHA-256 of the body, or kUnsignedPayload.
  std::string_view payload_hash = kEmptyPayloadHash;
  std::string_view region{};
  std::string_view service = "s3";
  /// Seconds since the Unix epoch.
  std::int64_t unix_time = 0;
};

/// The headers to send: those of the input, those added, and Authorization. Anonymous credentials
/// give the input's headers and Host. Throws InvalidArgument for line breaks in a header or the
/// access key id.
HttpHeaders sign(const SigningInput& input, const Credentials& credentials);

}  // namespace skipjack::s3
