#include "skipjack/s3/http_connection.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

constexpr std::size_t kHeadBytes = 16 * 1024;
/// What one connection may take in before the others get their turn.
constexpr std::int64_t kTurnBytes = std::int64_t{4} << 20;

}  // namespace

void HttpConnection::take(Exchange exchange) { exchange_.emplace(std::move(exchange)); }

void HttpConnection::begin() {
  state_ = channel_.is_secure() && !has_served_ ? State::Handshake : State::Sending;
  reader_.begin(exchange_->method);
  has_answer_begun_ = is_broken_ = false;
  input_begin_ = input_end_ = 0;
}

Next HttpConnection::advance(Duration now, std::int64_t receive_buffer) {
  now_ = now;
  receive_buffer_ = receive_buffer;
  try {
    return step();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Network) throw;
    return ended(TransportStatus::ProtocolError, error.what());
  }
}

Next HttpConnection::step() {
  switch (state_) {
    case State::Handshake:
      return shake_hands();
    case State::Sending:
      return send_request();
    case State::Head:
      return read_head();
    case State::Body:
      return read_body();
    case State::Chunks:
      return read_chunks();
    case State::Unconnected:
    case State::Idle:
      break;
  }
  SKIPJACK_CHECK(!"an exchange that has begun");
  return Next::Gone;
}

bool HttpConnection::may_repeat() const {
  return is_broken_ && has_served_ && !has_answer_begun_ &&
         (exchange_->method == "GET" || exchange_->method == "HEAD");
}

bool HttpConnection::may_stay() const {
  return end_.status == TransportStatus::Complete && reader_.keeps_alive() &&
         input_begin_ == input_end_;
}

void HttpConnection::drop_exchange() {
  exchange_.reset();
  state_ = State::Idle;
}

void HttpConnection::disconnect() {
  channel_.close();
  state_ = State::Unconnected;
  has_served_ = false;
  if (exchange_) exchange_->sent = 0;
}

Next HttpConnection::ended(TransportStatus status, std::string detail) {
  end_ = {.status = status, .detail = std::move(detail)};
  return Next::Ended;
}

Next HttpConnection::complete() {
  channel_.wait_for_any();
  has_served_ = true;
  return ended(TransportStatus::Complete, {});
}

Next HttpConnection::shake_hands() {
  switch (channel_.handshake()) {
    case IoStep::WantRead:
      return Next::Readable;
    case IoStep::WantWrite:
      return Next::Writable;
    case IoStep::Closed:
    case IoStep::Failed:
      return ended(TransportStatus::TlsFailed, channel_.error());
    case IoStep::Done:
      break;
  }
  exchange_->last_progress = now_;
  state_ = State::Sending;
  return send_request();
}

/// Unsent bytes of the request, head before body.
static std::string_view unsent(const Exchange& exchange) {
  const std::size_t head = exchange.head.size();
  if (exchange.sent < head) return std::string_view(exchange.head).substr(exchange.sent);
  return exchange.body.substr(exchange.sent - head);
}

Next HttpConnection::send_request() {
  Exchange& exchange = *exchange_;
  while (exchange.sent < exchange.head.size() + exchange.body.size()) {
    std::size_t size = 0;
    const IoStep step = channel_.send(unsent(exchange), size);
    if (step == IoStep::WantRead) return Next::Readable;
    if (step == IoStep::WantWrite) return Next::Writable;
    if (step != IoStep::Done) {
      // The answer may be there already: a refusal, before the body has gone out.
      if (exchange.sent > 0 && !channel_.is_secure()) break;
      is_broken_ = true;
      return ended(TransportStatus::Reset, channel_.error());
    }
    exchange.sent += size;
    exchange.last_progress = now_;
  }
  state_ = State::Head;
  return channel_.is_secure() ? read_head() : Next::Readable;
}

/// One reception. n > 0 for Bytes.
HttpConnection::Got HttpConnection::receive(std::span<std::byte> space, std::size_t& n) {
  switch (channel_.receive(space, n)) {
    case IoStep::Done:
      return Got::Bytes;
    case IoStep::WantRead:
    case IoStep::WantWrite:
      return Got::Nothing;
    case IoStep::Closed:
      return Got::End;
    case IoStep::Failed:
      break;
  }
  return Got::Error;
}

/// More into the connection's own input, or what to do when there is nothing to go on with.
std::optional<Next> HttpConnection::fill_input() {
  input_.resize(kHeadBytes);
  input_begin_ = input_end_ = 0;
  std::size_t n = 0;
  switch (receive(input_, n)) {
    case Got::Nothing:
      return Next::Readable;
    case Got::Bytes:
      input_end_ = n;
      has_answer_begun_ = true;
      exchange_->last_progress = now_;
      return std::nullopt;
    case Got::End:
      if (state_ != State::Head)
        return ended(TransportStatus::Truncated, "the connection ended within the answer");
      is_broken_ = true;
      return ended(TransportStatus::Reset, "the connection ended before the answer");
    case Got::Error:
      break;
  }
  is_broken_ = true;
  return ended(TransportStatus::Reset, channel_.error());
}

std::span<const std::byte> HttpConnection::input() const {
  return std::span(input_).subspan(input_begin_, input_end_ - input_begin_);
}

Next HttpConnection::read_head() {
  while (!reader_.has_head()) {
    if (input_begin_ == input_end_)
      if (const auto next = fill_input()) return *next;
    input_begin_ += reader_.read_head(input());
  }
  exchange_->body_began = now_;
  exchange_->receiver->on_head(reader_.head());
  if (is_gone()) return Next::Gone;
  const BodyEnd end = reader_.body_end();
  if (end == BodyEnd::None) return complete();
  owed_ = end == BodyEnd::Length ? reader_.body_length() : -1;
  state_ = end == BodyEnd::Chunks ? State::Chunks : State::Body;
  if (end == BodyEnd::Chunks) return read_chunks();
  if (const auto next = hand_over_input()) return *next;
  return read_body();
}

/// What came with the head; nothing when the exchange goes on.
std::optional<Next> HttpConnection::hand_over_input() {
  while (input_begin_ < input_end_ && owed_ != 0) {
    const std::span<std::byte> space = exchange_->receiver->body_space();
    if (is_gone()) return Next::Gone;
    if (space.empty()) return ended(TransportStatus::Aborted, "the receiver wants no more");
    std::size_t size = std::min(space.size(), input().size());
    if (owed_ > 0) size = std::min(size, static_cast<std::size_t>(owed_));
    std::memcpy(space.data(), input().data(), size);
    input_begin_ += size;
    took(size);
    if (is_gone()) return Next::Gone;
  }
  return std::nullopt;
}

void HttpConnection::took(std::size_t size) {
  if (owed_ > 0) owed_ -= static_cast<std::int64_t>(size);
  exchange_->body_bytes += static_cast<std::int64_t>(size);
  exchange_->last_progress = now_;
  exchange_->receiver->on_body(size);
}

Next HttpConnection::read_body() {
  std::int64_t taken = 0;
  while (owed_ != 0) {
    const std::span<std::byte> space = exchange_->receiver->body_space();
    if (is_gone()) return Next::Gone;
    if (space.empty()) return ended(TransportStatus::Aborted, "the receiver wants no more");
    const std::size_t wanted =
        owed_ > 0 ? std::min(space.size(), static_cast<std::size_t>(owed_)) : space.size();
    std::size_t n = 0;
    switch (receive(space.first(wanted), n)) {
      case Got::Bytes:
        took(n);
        if (is_gone()) return Next::Gone;
        taken += static_cast<std::int64_t>(n);
        // A reception that was not full has emptied the socket.
        if (owed_ != 0 && (n < wanted || taken >= kTurnBytes)) return wait_for_more();
        continue;
      case Got::Nothing:
        return wait_for_more();
      case Got::End:
        if (owed_ < 0) return complete();
        return ended_early();
      case Got::Error:
        return ended(TransportStatus::Reset, channel_.error());
    }
  }
  return complete();
}

std::optional<Reception> HttpConnection::reception() {
  if (state_ != State::Body || owed_ <= 0 || channel_.is_secure()) return std::nullopt;
  const std::span<std::byte> space = exchange_->receiver->body_space();
  if (is_gone() || space.empty()) return std::nullopt;
  return Reception{.socket = channel_.socket(),
                   .space = space.first(std::min(space.size(), static_cast<std::size_t>(owed_)))};
}

Next HttpConnection::received(Duration now, std::int64_t receive_buffer, std::int64_t result) {
  now_ = now;
  receive_buffer_ = receive_buffer;
  if (result == -EAGAIN || result == -EINTR) return wait_for_more();
  if (result < 0) return ended(TransportStatus::Reset, std::strerror(static_cast<int>(-result)));
  if (result == 0) return ended_early();
  took(static_cast<std::size_t>(result));
  if (is_gone()) return Next::Gone;
  return owed_ == 0 ? complete() : wait_for_more();
}

Next HttpConnection::ended_early() {
  return ended(TransportStatus::Truncated,
               "the connection ended with " + std::to_string(owed_) + " bytes to come");
}

Next HttpConnection::wait_for_more() {
  if (channel_.has_pending()) return Next::Turn;
  channel_.wait_for_bytes(receive_buffer_, owed_);
  return Next::Readable;
}

Next HttpConnection::read_chunks() {
  for (;;) {
    if (input_begin_ == input_end_) {
      if (const auto next = fill_input()) return *next;
      continue;
    }
    bool is_refused = false;
    input_begin_ += reader_.read_chunks(input(), [&](std::span<const std::byte> bytes) {
      while (!bytes.empty() && !is_gone()) {
        const std::span<std::byte> space = exchange_->receiver->body_space();
        if (is_gone()) return false;
        is_refused = space.empty();
        if (is_refused) return false;
        const std::size_t size = std::min(space.size(), bytes.size());
        std::memcpy(space.data(), bytes.data(), size);
        exchange_->receiver->on_body(size);
        bytes = bytes.subspan(size);
      }
      return !is_gone();
    });
    if (is_gone()) return Next::Gone;
    if (is_refused) return ended(TransportStatus::Aborted, "the receiver wants no more");
    if (reader_.chunks_ended()) return complete();
  }
}

}  // namespace skipjack::s3
