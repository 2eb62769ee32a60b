#include "skipjack/s3/requester.h"

#include <random>

#include "skipjack/s3/aws_partition.h"
#include "skipjack/s3/exchange.h"
#include "skipjack/s3/sigv4.h"

namespace skipjack::s3 {
namespace {

// A request may have the wrong region, a wrong clock and old keys, and one of them twice.
constexpr int kMostLessons = 4;

std::uint64_t seed_of(const std::optional<std::uint64_t>& seed) {
  if (seed) return *seed;
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

std::vector<std::string> secrets_of(const Credentials& keys, const HttpHeaders& headers) {
  std::vector<std::string> secrets = {keys.secret_access_key.reveal(), keys.session_token.reveal()};
  for (const auto& [name, value] : headers)
    if (name == "x-amz-server-side-encryption-customer-key") secrets.push_back(value);
  std::erase_if(secrets, [](const std::string& secret) { return secret.size() < 8; });
  return secrets;
}

void throw_cancelled(const ObjectAddress& object) {
  throw Error(ErrorCode::Cancelled, "the transfer of " + to_s3_uri(object) + " was cancelled");
}

Requester::Requester(ClientOptions options)
    : options_(std::move(options)), rng_(seed_of(options_.seed), "s3.retry") {
  transport_ = options_.make_transport            ? options_.make_transport(options_.transport)
               : options_.transport.proxy.empty() ? make_socket_transport(options_.transport)
                                                  : make_curl_transport(options_.transport);
  credentials_ = options_.credentials_provider ? options_.credentials_provider
                                               : make_static_provider(options_.credentials);
}

std::optional<TokenBucket> Requester::begin(const TransferConfig& config) {
  validate(config);
  outage_.begin();
  transport_->set_endpoint_ips(config.endpoint_ips.value_or(options_.transport.endpoint_ips));
  if (!config.max_bandwidth) return std::nullopt;
  return TokenBucket(*config.max_bandwidth);
}

EndpointOptions Requester::endpoint_of(const ObjectAddress& object) const {
  EndpointOptions endpoint = options_.endpoint;
  const auto known = region_of_bucket_.find(object.bucket);
  if (known != region_of_bucket_.end()) endpoint.region = known->second;
  return endpoint;
}

HttpRequest Requester::make_request(const RequestSpec& spec, RequestIdentity& identity,
                                    const std::stop_token& stop) {
  RequestTarget target = request_target(endpoint_of(spec.object), spec.object);
  target.query = spec.query;
  identity.region = target.region;
  identity.clock_offset = clock_offset_;
  identity.credentials = credentials_->get(stop);
  // A body is hashed unless TLS keeps it from being changed on the way.
  std::string payload_hash(kEmptyPayloadHash);
  if (!spec.body.empty() && !identity.credentials.anonymous())
    payload_hash = target.scheme == "https" ? std::string(kUnsignedPayload) : sha256_hex(spec.body);
  HttpHeaders headers =
      sign({.method = spec.method,
            .target = target,
            .headers = spec.headers,
            .payload_hash = payload_hash,
            .region = target.region,
            .unix_time = static_cast<std::int64_t>(system_clock().unix_time()) + clock_offset_},
           identity.credentials);
  return {.method = spec.method,
          .url = target.url(),
          .headers = std::move(headers),
          .body = spec.body,
          .stall_timeout = spec.stall_timeout};
}

bool Requester::take_lesson(const ObjectAddress& object, const FinalFailure& failure,
                            RequestIdentity& identity) {
  if (identity.num_lessons >= kMostLessons) return false;
  const Lesson lesson =
      lesson_of(failure, identity, static_cast<std::int64_t>(system_clock().unix_time()));
  if (const auto* elsewhere = std::get_if<OtherRegion>(&lesson)) {
    // The ARN of an access point says where it is, and is right.
    if (is_arn(object.bucket)) return false;
    log(options_.log, LogLevel::Debug,
        "bucket " + object.bucket + " is in region " + elsewhere->region + ", not in " +
            identity.region);
    region_of_bucket_[object.bucket] = elsewhere->region;
  } else if (const auto* clock = std::get_if<OtherClock>(&lesson)) {
    log(options_.log, LogLevel::Warning,
        "this machine's clock and the server's differ by " + std::to_string(clock->offset) +
            " s; requests are signed with the server's time");
    clock_offset_ = clock->offset;
  } else if (std::holds_alternative<KeysEnded>(lesson)) {
    if (!credentials_->refuse(identity.credentials)) return false;
    log(options_.log, LogLevel::Debug,
        "the keys have expired before their time; others are fetched");
  } else {
    return false;
  }
  ++identity.num_lessons;
  return true;
}

void Requester::learn(const Experience& experience) {
  const std::int64_t number = experience.requests_in_flight > 0 ? experience.requests_in_flight
                                                                : experience_.requests_in_flight;
  experience_ = experience;
  experience_.requests_in_flight = number;
}

RequestContext Requester::context_of(const ObjectAddress& object) const {
  const RequestTarget target = request_target(endpoint_of(object), object);
  return {.object = object,
          .endpoint = target.scheme + "://" + target.authority,
          .region = target.region,
          .anonymous = is_anonymous(options_)};
}

SmallAnswer Requester::exchange(const RequestSpec& spec, const std::stop_token& stop) {
  Exchange exchange(*this, spec);
  if (!drive_to_end(exchange, {.transport = *transport_, .stop = stop}))
    throw_cancelled(spec.object);
  return exchange.take();
}

}  // namespace skipjack::s3
