// What all requests of a client share: the transport, the signing, the quota and chance of retries,
// and, for small answers, the whole exchange with its retries.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/s3/answer.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/retry.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

struct RequestSpec {
  std::string method = "GET";
  ObjectAddress object{};
  std::vector<std::pair<std::string, std::string>> query{};
  HttpHeaders headers{};
  std::string_view body{};
  /// An error code that is as good as success.
  std::string accepted_s3_code{};
};

struct SmallAnswer {
  HttpHead head;
  std::string body;
  /// The body is longer than was wanted; what is here is of no use.
  bool is_cut = false;
};

/// Waits so long, or until stop is requested.
void wait_or_stop(Duration duration, const std::stop_token& stop);
[[noreturn]] void throw_cancelled(const ObjectAddress& object);

/// Not thread-safe.
class Requester {
 public:
  explicit Requester(ClientOptions options);

  Transport& transport() { return *transport_; }
  RetryQuota& quota() { return quota_; }
  const LogSink& log_sink() const { return options_.log; }
  /// Uniform on [0, 1).
  double chance() { return rng_.uniform(); }
  /// Signed now.
  HttpRequest make_request(const RequestSpec& spec) const;
  RequestContext context_of(const ObjectAddress& object) const;
  /// The answer with a status in [200, 300); throws Error for every other end.
  SmallAnswer exchange(const RequestSpec& spec, const std::stop_token& stop);

 private:
  ClientOptions options_;
  std::unique_ptr<Transport> transport_;
  RetryQuota quota_;
  Rng rng_;
};

}  // namespace skipjack::s3
