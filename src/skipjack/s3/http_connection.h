// One connection's exchanges, one after another: a state machine from handshake to the body's last
// byte, taken on by whoever learns that its socket is ready. Bodies of known length are received
// straight into the space that the receiver hands out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/s3/http_reader.h"
#include "skipjack/s3/io_ring.h"
#include "skipjack/s3/socket_channel.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

/// A request and its answer.
struct Exchange {
  std::string method, head;
  std::string_view body;
  ResponseReceiver* receiver = nullptr;
  Duration began{0}, last_progress{0}, stall_timeout{0};
  std::size_t sent = 0;
  /// Of an answer's body whose length is known.
  std::int64_t body_bytes = 0;
  Duration body_began{0};
};

/// What an exchange goes on with.
enum class Next {
  Readable,  ///< when the socket is readable
  Writable,  ///< when the socket is writable
  Turn,      ///< at once, after the others have had their turn: the socket will not tell
  Ended,     ///< not at all: see end()
  Gone,      ///< not at all: the receiver has cancelled it from within a call
};

/// Not thread-safe. Calls the receiver's functions, except on_end(), from within
/// advance(), reception() and received().
class HttpConnection {
 public:
  enum class State { Unconnected, Handshake, Sending, Head, Body, Chunks, Idle };
  struct End {
    TransportStatus status = TransportStatus::Complete;
    std::string detail;
  };

  /// Unconnected or idle.
  void take(Exchange exchange);
  /// Stands: the channel is connected, or idle since the last exchange.
  void begin();
  /// receive_buffer: bytes that a reception waits for.
  Next advance(Duration now, std::int64_t receive_buffer);
  /// A reception that advance() would begin with, for who makes many at a time; nullopt where that
  /// is not all that it would do. Its result is for received(), instead of advance().
  std::optional<Reception> reception();
  Next received(Duration now, std::int64_t receive_buffer, std::int64_t result);
  const End& end() const { return end_; }
  /// Ended before the answer began, by the connection: a server may close an idle one just when it
  /// is used again. Sure to do no harm if sent again.
  bool may_repeat() const;
  /// Ended with an answer after which the connection may serve again.
  bool may_stay() const;
  /// Nothing is left of the exchange.
  void drop_exchange();
  /// Closes the channel; the exchange begins anew.
  void disconnect();

  SocketChannel& channel() { return channel_; }
  State state() const { return state_; }
  bool has_exchange() const { return exchange_.has_value(); }
  Exchange& exchange() { return *exchange_; }

 private:
  enum class Got { Bytes, Nothing, End, Error };

  Next step();
  Next shake_hands();
  Next send_request();
  Next read_head();
  Next read_body();
  Next read_chunks();
  Next wait_for_more();
  Next ended_early();
  Next ended(TransportStatus status, std::string detail);
  Next complete();
  Got receive(std::span<std::byte> space, std::size_t& n);
  std::optional<Next> fill_input();
  std::optional<Next> hand_over_input();
  std::span<const std::byte> input() const;
  void took(std::size_t size);
  bool is_gone() const { return !exchange_; }

  State state_ = State::Unconnected;
  SocketChannel channel_;
  HttpReader reader_;
  std::optional<Exchange> exchange_;
  End end_;
  Duration now_{0};
  std::int64_t receive_buffer_ = 0;
  /// Received and not consumed: heads and chunked bodies pass through here.
  std::vector<std::byte> input_;
  std::size_t input_begin_ = 0, input_end_ = 0;
  /// Bytes of the body still to come; -1: until the connection closes.
  std::int64_t owed_ = 0;
  bool has_served_ = false, has_answer_begun_ = false, is_broken_ = false;
};

}  // namespace skipjack::s3
