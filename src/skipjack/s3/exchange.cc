#include "skipjack/s3/exchange.h"

#include <algorithm>

namespace skipjack::s3 {
namespace {

/// Room for an answer that does not say how long it is, to begin with.
constexpr std::size_t kFirstSpace = 4096;
/// Room for what an error says, however little is wanted of the object.
constexpr std::size_t kErrorBytes = 16 * 1024;
// How often to look whether keys that are being fetched are there.
constexpr Duration kKeysLook = std::chrono::milliseconds(10);

}  // namespace

Exchange::Exchange(Requester& requester, RequestSpec spec, const ExchangeOptions& options)
    : requester_(requester), spec_(std::move(spec)), options_(options) {}

Exchange::~Exchange() {
  if (is_in_flight_) requester_.transport().cancel(*this);
}

bool Exchange::advance(Duration now) {
  if (has_ended_) return judge(now);
  if (!is_in_flight_ && due_ <= now && requester_.is_ready() && requester_.outage().take_turn(now))
    start();
  return false;
}

Duration Exchange::next_event(Duration now) const {
  if (has_ended_) return Duration(0);
  if (is_in_flight_) return std::chrono::seconds(1);
  const Duration outage = requester_.outage().wait(now);
  return due_ <= now && outage == Duration(0) ? kKeysLook : std::max(due_ - now, outage);
}

void Exchange::start() {
  answer_ = {};
  received_ = 0;
  has_ended_ = false;
  ++num_attempts_;
  requester_.transport().start(requester_.make_request(spec_, identity_), *this);
  is_in_flight_ = true;
}

void Exchange::on_head(const HttpHead& head) {
  requester_.outage().answered();
  answer_.head = head;
  most_bytes_ =
      head.status >= 300 ? std::max(options_.most_bytes, kErrorBytes) : options_.most_bytes;
  if (spec_.method == "HEAD") return;
  const std::string* text = head.find("content-length");
  const auto length = text ? parse_size(*text) : std::nullopt;
  if (length && *length <= static_cast<std::int64_t>(most_bytes_))
    answer_.body.resize(static_cast<std::size_t>(*length));
  else
    answer_.is_cut = length.has_value();
}

std::span<std::byte> Exchange::body_space() {
  std::string& body = answer_.body;
  if (received_ == body.size() && received_ < most_bytes_ && !answer_.is_cut)
    body.resize(std::min(most_bytes_, std::max(kFirstSpace, 2 * body.size())));
  answer_.is_cut = answer_.is_cut || received_ == body.size();
  if (answer_.is_cut) return {};
  return std::as_writable_bytes(std::span(body)).subspan(received_);
}

void Exchange::on_body(std::size_t n) {
  received_ += n;
  if (options_.bandwidth != nullptr)
    options_.bandwidth->take(static_cast<std::int64_t>(n), system_clock().now());
}

void Exchange::on_end(TransportStatus status, std::string_view detail) {
  is_in_flight_ = false;
  has_ended_ = true;
  // Cut by us: the answer is what it is.
  status_ =
      answer_.is_cut && status == TransportStatus::Aborted ? TransportStatus::Complete : status;
  detail_ = detail;
  answer_.body.resize(received_);
}

bool Exchange::judge(Duration now) {
  const HttpHead& head = answer_.head;
  const auto succeed = [&] {
    requester_.quota().give(tokens_);
    return true;
  };
  const bool is_good =
      status_ == TransportStatus::Complete && head.status >= 200 && head.status < 300;
  if (is_good && options_.error_within_200 == ExchangeOptions::ErrorWithin200::No) return succeed();
  FinalFailure failure =
      describe_failure({.status = status_,
                        .detail = detail_,
                        .head = head,
                        .body = answer_.body,
                        .secrets = secrets_of(identity_.credentials, spec_.headers)});
  const std::string& code = failure.attempt.s3_code;
  if (is_good && code.empty()) return succeed();
  if (!code.empty() && code == spec_.accepted_s3_code) return succeed();
  if (options_.on_throttled && is_throttling(failure.attempt)) options_.on_throttled();
  failure.attempts_made = num_attempts_;
  if (requester_.take_lesson(spec_.object, failure, identity_)) {
    --num_attempts_;
    due_ = now;
    has_ended_ = false;
    return false;
  }
  if (status_ == TransportStatus::ConnectFailed && options_.retry.num_attempts > 1 &&
      requester_.outage().refused(now, requester_.chance())) {
    --num_attempts_;
    due_ = now;
    has_ended_ = false;
    return false;
  }
  const RetryDecision decision = decide_retry(failure.attempt, num_attempts_, requester_.chance(),
                                              options_.retry, requester_.quota());
  if (!std::holds_alternative<RetryAfter>(decision))
    throw to_error(requester_.context_of(spec_.object), failure);
  const RetryAfter& after = std::get<RetryAfter>(decision);
  tokens_ = after.tokens;
  due_ = now + after.delay;
  has_ended_ = false;
  log(requester_.log_sink(), LogLevel::Debug,
      spec_.method + " " + to_s3_uri(spec_.object) + ": attempt " + std::to_string(num_attempts_) +
          " failed (" + std::string(to_string(status_)) + ", HTTP " + std::to_string(head.status) +
          "), trying again");
  return false;
}

}  // namespace skipjack::s3
