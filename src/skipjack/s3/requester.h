// What all requests of a client share: the transport, the signing, what refusals have taught about
// regions, clock and keys, the quota and chance of retries, and, for small answers, the whole
// exchange with its retries.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/s3/answer.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/flight_control.h"
#include "skipjack/s3/lesson.h"
#include "skipjack/s3/outage.h"
#include "skipjack/s3/retry.h"
#include "skipjack/s3/small_exchange.h"
#include "skipjack/s3/token_bucket.h"
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
  /// For work that may take the server longer; default: the transport's.
  std::optional<Duration> stall_timeout{};
};

/// What no message may hold of a request: its keys' secrets and a customer's key. Without those of
/// fewer than 8 characters, which keep nothing secret and are found by chance in a store's words.
std::vector<std::string> secrets_of(const Credentials& keys, const HttpHeaders& headers);

[[noreturn]] void throw_cancelled(const ObjectAddress& object);

/// Not thread-safe.
class Requester {
 public:
  explicit Requester(ClientOptions options);

  /// What every transfer begins with: config is checked and its addresses are used from now on.
  /// Returns the bound of its bandwidth, if it has one. Throws InvalidArgument, Unsupported.
  std::optional<TokenBucket> begin(const TransferConfig& config);
  Transport& transport() { return *transport_; }
  RetryQuota& quota() { return quota_; }
  Outage& outage() { return outage_; }
  const Outage& outage() const { return outage_; }
  const LogSink& log_sink() const { return options_.log; }
  const TransportOptions& transport_options() const { return options_.transport; }
  /// What earlier downloads taught about the endpoint.
  const Experience& experience() const { return experience_; }
  void learn(const Experience& experience);
  /// Uniform on [0, 1).
  double chance() { return rng_.uniform(); }
  /// Whether make_request would not have to wait for keys; if it would, they are on their way.
  bool is_ready() { return credentials_->is_ready(); }
  /// Whether make_request would have keys at once. Where others failed to come, no.
  bool may_sign() { return credentials_->has_keys(); }
  /// Signed now; identity gets what it was made with. Throws Cancelled if it waits for keys until
  /// stop is requested, and what fetching them threw.
  HttpRequest make_request(const RequestSpec& spec, RequestIdentity& identity,
                           const std::stop_token& stop = {});
  /// Takes in what a refusal teaches. True: the request, made again, may end otherwise. Bounded by
  /// identity.num_lessons.
  bool take_lesson(const ObjectAddress& object, const FinalFailure& failure,
                   RequestIdentity& identity);
  RequestContext context_of(const ObjectAddress& object) const;
  /// The answer with a status in [200, 300); throws Error for every other end.
  SmallAnswer exchange(const RequestSpec& spec, const std::stop_token& stop);

 private:
  /// For this bucket, as far as is known.
  EndpointOptions endpoint_of(const ObjectAddress& object) const;

  ClientOptions options_;
  std::shared_ptr<CredentialsProvider> credentials_;
  std::map<std::string, std::string> region_of_bucket_;
  std::int64_t clock_offset_ = 0;
  std::unique_ptr<Transport> transport_;
  RetryQuota quota_;
  Outage outage_;
  Experience experience_;
  Rng rng_;
};

}  // namespace skipjack::s3
