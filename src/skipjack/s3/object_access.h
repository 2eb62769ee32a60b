// What every request for an object says beside its name: who pays for it, and the key of an object
// that is encrypted with a key of the customer's own (SSE-C).
#pragma once

#include <optional>

#include "skipjack/s3/credentials.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

struct ObjectAccess {
  /// The caller pays for requests to a bucket whose owner wants it so.
  bool is_requester_paying = false;
  /// 32 bytes, AES-256.
  std::optional<Secret> customer_key{};
};

/// Throws InvalidArgument for a key of another length.
HttpHeaders access_headers(const ObjectAccess& access);

}  // namespace skipjack::s3
