// The requests of a download: when one starts, when a second one helps, and what comes of each end.
#include <algorithm>
#include <utility>

#include "skipjack/s3/download_machine.h"
#include "skipjack/s3/hedge.h"

namespace skipjack::s3 {
namespace {

// Lanes that never had an answer and wait for one, so, as a rule, for a new connection. Of a
// thousand handshakes at a time the last one is late, and none is shortened by what the first has
// agreed on (tls.cc).
constexpr std::int64_t kMostFresh = 128;

}  // namespace

/// One that has answered before, if there is one.
Download::Lane& Download::idle_lane() {
  Lane* idle = nullptr;
  for (Lane& lane : lanes_) {
    if (!lane.is_idle()) continue;
    if (lane.has_answered) return lane;
    if (idle == nullptr) idle = &lane;
  }
  return idle != nullptr ? *idle : lanes_.emplace_back(*this);
}

FlightControl::InFlight Download::in_flight() const {
  FlightControl::InFlight now{.waiting = checksum_.is_looking_up() ? 1 : 0};
  for (const Lane& lane : lanes_)
    if (!lane.is_idle()) ++(lane.carries_data ? now.receiving : now.waiting);
  return now;
}

/// One at a time until the object is known.
bool Download::may_start() const {
  const FlightControl::InFlight now = in_flight();
  if (!flight_) return now.waiting + now.receiving == 0;
  if (!flight_->may_start(now)) return false;
  std::int64_t fresh = 0;
  for (const Lane& lane : lanes_) {
    if (lane.is_idle() && lane.has_answered) return true;
    if (!lane.is_idle() && !lane.has_answered) ++fresh;
  }
  return fresh < kMostFresh;
}

void Download::start_requests(Duration now) {
  // Bodies on their way don't wait for keys.
  if (!requester_.is_ready()) return;
  while (may_start() && requester_.outage().take_turn(now)) {
    // The question for the checksum takes the place of a part. The first part ends before those
    // that were asked for after it, so this delays nothing.
    if (const auto due = checksum_.lookup_due();
        due && *due <= now && has_ended_part_ && !requester_.outage().is_on(now)) {
      checksum_.look_up(requester_, request_for_object());
      ++result_.num_requests;
      continue;
    }
    const std::int64_t size = flight_ ? flight_->part_size(*size_ - bytes_received_) : 1;
    Part* const part = parts_.take(size, now, sink_->room());
    if (part == nullptr) return;
    if (part->attempts == 0) {
      ++result_.num_parts;
      if (flight_) flight_->began_part();
    }
    largest_part_ = std::max(largest_part_, part->range.size());
    part->is_hedge_refused = false;
    start(idle_lane(), *part);
  }
}

RequestSpec Download::request_for_object() const {
  RequestSpec spec{.object = options_.object, .headers = access_headers_};
  if (!options_.version_id.empty()) spec.query.emplace_back("versionId", options_.version_id);
  if (!result_.etag.empty()) spec.headers.emplace_back("If-Match", result_.etag);
  checksum_.ask(spec.headers);
  return spec;
}

void Download::start(Lane& lane, Part& part) {
  RequestSpec spec = request_for_object();
  if (!whole_)
    spec.headers.emplace_back("Range", "bytes=" + std::to_string(first_byte_ + part.frontier()) +
                                           "-" + std::to_string(first_byte_ + part.range.end - 1));
  lane.had_if_match = !result_.etag.empty();
  lane.checksum.reset();
  lane.head = {};
  lane.carries_data = lane.leads = false;
  lane.error_body.clear();
  lane.at = whole_ ? 0 : part.frontier();
  lane.body_bytes = 0;
  lane.started = lane.last_byte = system_clock().now();
  lane.watch = StallWatch(lane.started);
  ++part.attempts;
  ++result_.num_requests;
  HttpRequest request = requester_.make_request(spec, lane.identity, options_.stop);
  lane.part = &part;
  requester_.transport().start(std::move(request), lane);
  const FlightControl::InFlight now = in_flight();
  most_in_flight_ = std::max(most_in_flight_, now.waiting + now.receiving);
}

/// The other request for the same part; nullptr if there is none.
Download::Lane* Download::companion(const Lane& lane) {
  for (Lane& other : lanes_)
    if (&other != &lane && other.part == lane.part) return &other;
  return nullptr;
}

/// Its part needs it no longer. The request is taken back by the next advance(), since the
/// transport may be in the midst of it.
void Download::beat(Lane& lane) {
  lane.part = nullptr;
  lane.is_beaten = true;
}

void Download::take_back_beaten() {
  for (Lane& lane : lanes_) {
    if (!lane.is_beaten) continue;
    requester_.transport().cancel(lane);
    flush(lane);
    lane.is_beaten = false;
  }
}

/// At the end, when there is nothing more to ask for, but connections to ask with.
bool Download::may_hedge() const {
  return flight_ && config_.hedge.value_or(true) && !whole_ && parts_.missing_bytes() == 0 &&
         result_.hedged_bytes * kHedgedShare < *size_ && may_start();
}

void Download::start_hedges(Duration now) {
  // A second request is a luxury: it neither waits for keys nor fails for the lack of them.
  while (may_hedge() && requester_.may_sign() && !requester_.outage().is_on(now)) {
    std::vector<LoneRequest> requests;
    std::vector<Lane*> lanes;
    for (Lane& lane : lanes_) {
      if (lane.part == nullptr || lane.part->left() == 0 || lane.part->is_hedge_refused ||
          companion(lane) != nullptr)
        continue;
      const double seconds = to_seconds(now - lane.body_began);
      const double rate =
          lane.body_bytes > 0 && seconds > 0 ? static_cast<double>(lane.body_bytes) / seconds : 0;
      lanes.push_back(&lane);
      requests.push_back({.bytes_left = lane.part->left(),
                          .silent_seconds = to_seconds(now - lane.last_byte),
                          .is_answered = lane.carries_data,
                          .bytes_per_second = rate});
    }
    const auto late =
        choose_late_request(requests, flight_->experience(), flight_->patience_seconds());
    if (!late) return;
    ++result_.num_hedges;
    Part& part = *lanes[*late]->part;
    start(idle_lane(), part);
    --part.attempts;  // no attempt after a failure
  }
}

/// Answers that trickle: the transport ends those that are silent.
void Download::end_stalled(Duration now) {
  // Away for so long (a slow disk, a slow consumer), what is not there is not the servers' fault.
  const bool was_away = now - std::exchange(last_advance_, now) > std::chrono::seconds(2);
  const Duration timeout = requester_.transport_options().stall_timeout;
  for (Lane& lane : lanes_) {
    if (lane.part == nullptr) continue;
    if (was_away || bandwidth_ != nullptr) lane.watch = StallWatch(now);
    // Before the head there may be a connection to be made.
    if (!lane.watch.is_stalled(now, lane.carries_data ? timeout : 2 * timeout)) continue;
    requester_.transport().cancel(lane);
    flush(lane);
    fail_attempt(lane, TransportStatus::TimedOut, "the answer only trickles");
  }
}

void Download::take_head(Lane& lane, const HttpHead& head) {
  lane.has_answered = true;
  requester_.outage().answered();
  if (lane.is_beaten) return;
  lane.head = head;
  if (head.status != 200 && head.status != 206) return;
  Part& part = *lane.part;
  AskedFor asked{.context = context_, .etag = result_.etag};
  if (!whole_) asked.range = {first_byte_ + lane.at, first_byte_ + part.range.end};
  asked.may_be_whole = !options_.range && (!size_ || part.range == ByteRange{0, *size_});
  if (size_) asked.object_size = object_size_;
  const AnsweredBody body = read_object_head(head, asked);
  if (body.is_whole) {
    // A retried body begins again.
    lane.at = 0;
    whole_ = whole_ || !size_;
  }
  lane.body_began = lane.last_byte = system_clock().now();
  lane.watch = StallWatch(lane.body_began);
  if (!size_) learn_object(head, body, part);
  lane.checksum = checksum_.of_answer(head, body.range);
  flight_->answered(to_seconds(lane.body_began - lane.started));
  lane.carries_data = true;
}

void Download::complete(Lane& lane) {
  Part& part = *lane.part;
  has_ended_part_ = true;
  if (lane.checksum) checksum_.finish_answer(*lane.checksum);
  flight_->succeeded(lane.body_bytes, to_seconds(system_clock().now() - lane.body_began));
  requester_.quota().give(part.tokens);
  if (Lane* const other = companion(lane)) beat(*other);
  lane.part = nullptr;
  parts_.finish(part);
}

void Download::take_end(Lane& lane, TransportStatus status, std::string_view detail) {
  flush(lane);
  if (std::exchange(lane.is_beaten, false)) return;
  Part& part = *lane.part;
  if (status == TransportStatus::Complete && lane.carries_data) {
    if (part.left() == 0) return complete(lane);
    status = TransportStatus::Truncated;
    detail = "the answer ended early";
  }
  const bool is_other_object = lane.head.status == 412 || lane.head.status == 416;
  if (status == TransportStatus::Complete && is_other_object && is_resuming_ && !size_) {
    // Not the object that an earlier download has begun: from the beginning.
    is_resuming_ = false;
    partial_->forget();
    result_.etag = options_.if_match;
    part.range = plain_first_;
    part.attempts = 0;
    lane.part = nullptr;
    parts_.put_back(part, Duration(0));
    return;
  }
  if (status == TransportStatus::Complete && lane.head.status == 416 && !size_) {
    if (first_byte_ > 0)
      throw Error(ErrorCode::InvalidArgument,
                  "the range begins at byte " + std::to_string(first_byte_) +
                      ", after the end of " + to_s3_uri(options_.object),
                  "give an earlier one");
    // An empty object has no first byte to give: ask for all of it.
    if (!whole_) {
      whole_ = true;
      --part.attempts;
      lane.part = nullptr;
      parts_.put_back(part, Duration(0));
      return;
    }
  }
  fail_attempt(lane, status, detail);
}

void Download::fail_attempt(Lane& lane, TransportStatus status, std::string_view detail) {
  Part& part = *lane.part;
  // Only the answer's end is missing.
  if (lane.carries_data && part.left() == 0) return complete(lane);
  FinalFailure failure =
      describe_failure({.status = status,
                        .detail = detail,
                        .head = lane.head,
                        .body = lane.error_body,
                        .secrets = secrets_of(lane.identity.credentials, access_headers_)});
  failure.attempts_made = part.attempts;
  failure.had_if_match = lane.had_if_match;
  if (flight_ && is_throttling(failure.attempt)) flight_->throttled();
  const bool has_companion = companion(lane) != nullptr;
  lane.part = nullptr;
  lane.identity.num_lessons = part.num_lessons;
  if (requester_.take_lesson(options_.object, failure, lane.identity)) {
    part.num_lessons = lane.identity.num_lessons;
    --part.attempts;
    if (!has_companion) parts_.put_back(part, Duration(0));
    return;
  }
  // The other request for these bytes goes on.
  if (has_companion && is_retryable(failure.attempt)) {
    part.is_hedge_refused = true;
    return;
  }
  const Duration now = system_clock().now();
  const RetryOptions retry{.num_attempts = *with_boto3_defaults(config_).num_download_attempts};
  if (status == TransportStatus::ConnectFailed && retry.num_attempts > 1 &&
      requester_.outage().refused(now, requester_.chance())) {
    --part.attempts;
    ++result_.num_retries;
    parts_.put_back(part, now);
    return;
  }
  const RetryDecision decision =
      decide_retry(failure.attempt, part.attempts, requester_.chance(), retry, requester_.quota());
  if (!std::holds_alternative<RetryAfter>(decision))
    throw to_error(requester_.context_of(options_.object), failure);
  const RetryAfter& after = std::get<RetryAfter>(decision);
  ++result_.num_retries;
  part.tokens = after.tokens;
  log(requester_.log_sink(), LogLevel::Debug,
      "bytes " + std::to_string(part.frontier()) + "-" + std::to_string(part.range.end - 1) +
          " of " + to_s3_uri(options_.object) + ": attempt " + std::to_string(part.attempts) +
          " failed (" + std::string(to_string(status)) + ", HTTP " +
          std::to_string(lane.head.status) + "), trying again");
  parts_.put_back(part, now + after.delay);
}

}  // namespace skipjack::s3
