#include "skipjack/s3/requester.h"

#include <condition_variable>
#include <mutex>
#include <random>

#include "skipjack/s3/exchange.h"
#include "skipjack/s3/sigv4.h"

namespace skipjack::s3 {
namespace {

std::uint64_t seed_of(const std::optional<std::uint64_t>& seed) {
  if (seed) return *seed;
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

void wait_or_stop(Duration duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(lock, stop, duration, [] { return false; });
}

void throw_cancelled(const ObjectAddress& object) {
  throw Error(ErrorCode::Cancelled, "the transfer of " + to_s3_uri(object) + " was cancelled");
}

Requester::Requester(ClientOptions options)
    : options_(std::move(options)), rng_(seed_of(options_.seed), "s3.retry") {
  transport_ = options_.make_transport            ? options_.make_transport(options_.transport)
               : options_.transport.proxy.empty() ? make_socket_transport(options_.transport)
                                                  : make_curl_transport(options_.transport);
}

HttpRequest Requester::make_request(const RequestSpec& spec) const {
  RequestTarget target = request_target(options_.endpoint, spec.object);
  target.query = spec.query;
  // A body is hashed unless TLS keeps it from being changed on the way.
  std::string payload_hash(kEmptyPayloadHash);
  if (!spec.body.empty() && !options_.credentials.anonymous())
    payload_hash = target.scheme == "https" ? std::string(kUnsignedPayload) : sha256_hex(spec.body);
  HttpHeaders headers = sign({.method = spec.method,
                              .target = target,
                              .headers = spec.headers,
                              .payload_hash = payload_hash,
                              .region = options_.endpoint.region,
                              .unix_time = static_cast<std::int64_t>(system_clock().unix_time())},
                             options_.credentials);
  return {
      .method = spec.method, .url = target.url(), .headers = std::move(headers), .body = spec.body};
}

RequestContext Requester::context_of(const ObjectAddress& object) const {
  const RequestTarget target = request_target(options_.endpoint, object);
  return {.object = object,
          .endpoint = target.scheme + "://" + target.authority,
          .region = options_.endpoint.region,
          .anonymous = options_.credentials.anonymous()};
}

SmallAnswer Requester::exchange(const RequestSpec& spec, const std::stop_token& stop) {
  Exchange exchange(*this, spec);
  if (!drive_to_end(exchange, {.transport = *transport_, .stop = stop}))
    throw_cancelled(spec.object);
  return exchange.take();
}

}  // namespace skipjack::s3
