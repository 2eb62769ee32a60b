// HTTP calls to those who hand out keys: the instance's metadata, the container's agent, STS, SSO.
// A transport of its own for each call, so that any thread may make one. What is sent and received
// is secret: messages name the host and the answer's status, never more.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/credentials.h"
#include "skipjack/s3/small_exchange.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

struct IdentityCall {
  std::string method = "GET";
  std::string url{};
  HttpHeaders headers{};  ///< without Host.
  std::string body{};
};

struct IdentityCallOptions {
  /// Certificates and proxy.
  TransportOptions transport{};
  /// For one attempt. S3's neighbours answer in milliseconds, STS and SSO within a second or two.
  Duration time_limit = std::chrono::seconds(10);
  /// In all, with exponential delays and full jitter. >= 1.
  std::int64_t num_attempts = 3;
  std::uint64_t seed = 0;  ///< of the jitter.
  std::stop_token stop{};
};

/// Answers such as 429 and 5xx, resets and timeouts are tried again. Returns how the last attempt
/// ended. Throws Cancelled.
SmallOutcome call_identity(const IdentityCall& call, const IdentityCallOptions& options);

/// "http://169.254.169.254" of a longer URL: what a message may show.
std::string origin_of(const std::string& url);
/// "who" did not hand out keys: the Error for an outcome that is no success. extra: the service's
/// own words, if they are fit to be shown.
Error identity_error(const std::string& who, const std::string& url, const SmallOutcome& outcome,
                     const std::string& extra = {});
/// Of an answer {"AccessKeyId": ..., "SecretAccessKey": ..., token_key: ..., "Expiration": ...},
/// the last two if there are any. Throws Corrupted for what is none.
Credentials credentials_of_json(std::string_view text, const std::string& who,
                                const std::string& token_key);
/// text without what is secret, without control characters and cut to a message's length.
std::string redacted(std::string text, const std::vector<std::string>& secrets);

}  // namespace skipjack::s3
