#include "skipjack/s3/requester.h"

#include <array>
#include <condition_variable>
#include <mutex>
#include <random>

#include "skipjack/s3/sigv4.h"

namespace skipjack::s3 {
namespace {

// Errors and confirmations are a few hundred bytes; what is longer is cut.
constexpr std::size_t kLongestBody = 256 * 1024;

/// Collects one small answer.
class SmallReceiver final : public ResponseReceiver {
 public:
  void on_head(const HttpHead& head) override { answer.head = head; }
  std::span<std::byte> body_space() override { return space_; }
  void on_body(std::size_t n) override {
    const std::size_t room = kLongestBody - std::min(kLongestBody, answer.body.size());
    answer.body.append(reinterpret_cast<const char*>(space_.data()), std::min(n, room));
  }
  void on_end(TransportStatus end, std::string_view end_detail) override {
    ended = true;
    status = end;
    detail = end_detail;
  }

  SmallAnswer answer;
  bool ended = false;
  TransportStatus status = TransportStatus::Complete;
  std::string detail;

 private:
  std::array<std::byte, 4096> space_;
};

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

void Requester::learn(const Experience& experience) {
  const std::int64_t number = experience.requests_in_flight > 0 ? experience.requests_in_flight
                                                                : experience_.requests_in_flight;
  experience_ = experience;
  experience_.requests_in_flight = number;
}

RequestContext Requester::context_of(const ObjectAddress& object) const {
  const RequestTarget target = request_target(options_.endpoint, object);
  return {.object = object,
          .endpoint = target.scheme + "://" + target.authority,
          .region = options_.endpoint.region,
          .anonymous = options_.credentials.anonymous()};
}

SmallAnswer Requester::exchange(const RequestSpec& spec, const std::stop_token& stop) {
  const RetryOptions retry;
  std::int64_t tokens = 1;
  for (std::int64_t attempt = 1;; ++attempt) {
    SmallReceiver receiver;
    transport_->start(make_request(spec), receiver);
    {
      const std::stop_callback wake(stop, [this] { transport_->wake(); });
      try {
        while (!receiver.ended && !stop.stop_requested())
          transport_->drive(std::chrono::seconds(1));
      } catch (...) {
        transport_->cancel(receiver);
        throw;
      }
    }
    if (!receiver.ended) {
      transport_->cancel(receiver);
      throw_cancelled(spec.object);
    }
    const HttpHead& head = receiver.answer.head;
    if (receiver.status == TransportStatus::Complete && head.status >= 200 && head.status < 300) {
      quota_.give(tokens);
      return std::move(receiver.answer);
    }
    FinalFailure failure;
    failure.attempts_made = attempt;
    failure.transport_detail = receiver.detail;
    failure.attempt.transport = receiver.status;
    failure.attempt.http_status = head.status;
    const S3ErrorBody error = parse_s3_error(receiver.answer.body);
    failure.attempt.s3_code = error.code;
    failure.s3_message = error.message;
    if (!error.code.empty() && error.code == spec.accepted_s3_code)
      return std::move(receiver.answer);
    if (const std::string* region = head.find("x-amz-bucket-region"))
      failure.bucket_region = *region;
    if (const std::string* after = head.find("retry-after"))
      failure.attempt.retry_after = parse_retry_after(*after);
    const RetryDecision decision = decide_retry(failure.attempt, attempt, chance(), retry, quota_);
    if (!std::holds_alternative<RetryAfter>(decision))
      throw to_error(context_of(spec.object), failure);
    tokens = std::get<RetryAfter>(decision).tokens;
    wait_or_stop(std::get<RetryAfter>(decision).delay, stop);
    if (stop.stop_requested()) throw_cancelled(spec.object);
  }
}

}  // namespace skipjack::s3
