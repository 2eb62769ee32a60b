// The server's side of AWS Signature Version 4: is this request signed with that key, now? A pure
// function of request, key and time; made from AWS's description, sharing nothing with the client's
// signer, so that each finds the other's mistakes. Signatures of the single chunks of a signed
// streaming upload are not verified (their framing is taken off, their data accepted).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "skipjack/s3sim/http.h"

namespace skipjack::s3sim {

struct SigningKey {
  std::string access_key;
  std::string secret_key;
};

/// What S3 answers instead.
struct Refusal {
  int status = 403;
  /// S3's error code: "SignatureDoesNotMatch".
  std::string code;
  std::string message;
};

/// nullopt if the request is signed by the key, in its Authorization header or its query
/// (presigned). unix_time in seconds; a signature may be 15 minutes off, a presigned one lives as
/// long as it says (a week at most).
std::optional<Refusal> check_signature(const Request& request, const SigningKey& key,
                                       double unix_time);

/// Lower-case hexadecimal.
std::string sha256_hex(std::string_view bytes);

}  // namespace skipjack::s3sim
