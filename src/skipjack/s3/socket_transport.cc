// Transport on plain sockets and epoll, built for few and large receptions: the body of an answer
// is received straight into the space that its receiver hands out, and the kernel is told to wake
// us when so many bytes are there as are worth it (SO_RCVLOWAT), never more than the answer still
// owes. A gigabyte at 90 MB/s a connection then takes some thousand system calls and no copy.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/s3/file_limit.h"
#include "skipjack/s3/http_reader.h"
#include "skipjack/s3/resolver.h"
#include "skipjack/s3/tls.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(250);
/// An address that has not answered for so long makes room for the next one, if there is one.
constexpr Duration kNextAddress = std::chrono::seconds(1);
/// Away from the network for longer than this: it is taken off the stall clock.
constexpr Duration kAway = std::chrono::milliseconds(10);
constexpr std::size_t kHeadBytes = 16 * 1024;
/// What one connection may take in before the others get their turn.
constexpr std::int64_t kTurnBytes = std::int64_t{4} << 20;
/// What OpenSSL may hold of a record that has not come in whole: bytes that the kernel will not
/// announce again.
constexpr std::int64_t kTlsHeld = 32 * 1024;

struct Origin {
  bool is_tls = false;
  std::string host;
  std::uint16_t port = 0;
  auto operator<=>(const Origin&) const = default;
};

struct Url {
  Origin origin;
  std::string target;
};

/// Of "http://host:port/path?query"; what the engine makes is well-formed.
Url parse_url(const std::string& text) {
  const auto bad = [&] {
    return Error(ErrorCode::InvalidArgument, "'" + text + "' is no URL of http or https");
  };
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://"))
    url.origin.is_tls = true, rest.remove_prefix(8);
  else if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else
    throw bad();
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  url.target = rest.substr(path);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  url.origin.port = url.origin.is_tls ? 443 : 80;
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view port = authority.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(port.data(), port.data() + port.size(), url.origin.port);
    if (error != std::errc() || end != port.data() + port.size()) throw bad();
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']'))
    authority = authority.substr(1, authority.size() - 2);
  if (authority.empty()) throw bad();
  url.origin.host = authority;
  return url;
}

/// What would begin a line of its own is refused, wherever it comes from.
void require_one_line(std::string_view text) {
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    throw Error(ErrorCode::InvalidArgument,
                "a request's address and headers must be one line each");
}

std::string head_text(const HttpRequest& request, const Url& url) {
  require_one_line(url.target);
  for (const auto& [name, value] : request.headers) require_one_line(name), require_one_line(value);
  std::string text = request.method + " " + url.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers) text += name + ": " + value + "\r\n";
  text += "User-Agent: skipjack\r\n";
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST")
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n";
}

class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(const TransportOptions& options)
      : options_(options),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        resolver_(wake_) {
    ::epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (epoll_ >= 0 && wake_ >= 0 && ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0) return;
    const int error = errno;
    close_loop();
    throw errno_error(error, "can't set up the network loop");
  }

  ~SocketTransport() override {
    for (Connection& c : connections_) close_socket(c);
    close_loop();
  }

  void start(HttpRequest request, ResponseReceiver& receiver) override {
    Exchange exchange;
    exchange.url = parse_url(request.url);
    exchange.head = head_text(request, exchange.url);
    exchange.body = request.body;
    exchange.method = std::move(request.method);
    exchange.receiver = &receiver;
    exchange.began = now_ = system_clock().now();
    exchange.last_progress = now_;
    if (Connection* idle = take_idle(exchange.url.origin)) {
      give(*idle, std::move(exchange));
    } else {
      Connection& fresh = connections_.emplace_back();
      fresh.self = std::prev(connections_.end());
      fresh.exchange.emplace(std::move(exchange));
      fresh.state = State::Resolving;
      has_work_ = true;
    }
    // Carried out by drive(): nothing is handed to receivers from here.
  }

  void cancel(ResponseReceiver& receiver) override {
    for (Connection& c : connections_)
      if (c.exchange && c.exchange->receiver == &receiver) {
        c.exchange.reset();
        doom(c);
      }
    if (!is_driving_) bury();
  }

  void drive(Duration timeout) override {
    const Duration begin = now_ = system_clock().now();
    is_driving_ = true;
    // Time in which nobody looked (a bandwidth to keep) is not the servers' fault.
    if (const Duration away = begin - last_left_; away > kAway)
      for (Connection& c : connections_)
        if (c.exchange)
          c.exchange->last_progress = std::min(begin, c.exchange->last_progress + away);
    advance_waiting();
    std::array<::epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                   wait_milliseconds(timeout));
    if (count < 0 && errno != EINTR) throw errno_error(errno, "can't wait for the network");
    const Duration woken = now_ = system_clock().now();
    for (int i = 0; i < count; ++i) {
      const ::epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr == nullptr) {
        std::uint64_t number = 0;
        [[maybe_unused]] const ssize_t ignored = ::read(wake_, &number, sizeof number);
        has_work_ = true;  // A name may have been found.
        continue;
      }
      auto& connection = *static_cast<Connection*>(event.data.ptr);
      if (!connection.is_doomed) advance(connection);
    }
    advance_waiting();
    // After a long pass (the engine waited for the disk) the sockets have not been looked at yet.
    if (now_ - woken < std::chrono::seconds(1)) look_at_all();
    is_driving_ = false;
    bury();
    last_left_ = system_clock().now();
  }

  void wake() noexcept override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(wake_, &one, sizeof one);
  }

  void set_receive_buffer(std::int64_t bytes) override {
    options_.receive_buffer = bytes;
    if (tls_) tls_->set_receive_buffer(bytes);
  }
  std::int64_t num_connections() const override { return num_connected_; }

 private:
  enum class State { Resolving, Connecting, Handshake, Sending, Head, Body, Chunks, Idle };

  struct Exchange {
    Url url;
    std::string method, head;
    std::string_view body;
    ResponseReceiver* receiver = nullptr;
    std::size_t sent = 0;
    Duration began{0}, last_progress{0};
    /// Addresses that were tried, of those that there are; when the last one was.
    std::size_t num_tried = 0, num_addresses = 0;
    Duration tried{0};
    std::string why_not;
    /// Tried on a connection that had served before, which the server may have closed meanwhile.
    bool is_on_used = false;
  };

  struct Connection {
    std::list<Connection>::iterator self;
    State state = State::Resolving;
    int fd = -1;
    Origin origin;
    std::unique_ptr<TlsSession> tls;
    HttpReader reader;
    std::optional<Exchange> exchange;
    /// Received and not consumed: heads and chunked bodies pass through here.
    std::vector<std::byte> input;
    std::size_t input_begin = 0, input_end = 0;
    /// Bytes of the body still to come; -1: until the connection closes.
    std::int64_t owed = 0;
    int low_water = 1;
    std::uint32_t interest = 0;
    bool has_answer_begun = false;
    /// To go at the end of the pass; events in hand may still point to it.
    bool is_doomed = false;
  };

  void close_loop() {
    if (epoll_ >= 0) ::close(epoll_);
    if (wake_ >= 0) ::close(wake_);
  }

  void close_socket(Connection& c) {
    c.tls.reset();
    if (c.fd >= 0) ::close(std::exchange(c.fd, -1));
    c.interest = 0;
    c.low_water = 1;
  }

  void doom(Connection& c) {
    close_socket(c);
    if (std::exchange(c.is_doomed, true)) return;
    std::erase(idle_, &c);
    std::erase(ready_, &c);
    doomed_.push_back(&c);
  }

  void bury() {
    for (Connection* c : doomed_) connections_.erase(c->self);
    doomed_.clear();
  }

  Connection* take_idle(const Origin& origin) {
    // The warmest first.
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                    [&](const Connection* c) { return c->origin == origin; });
    if (found == idle_.rend()) return nullptr;
    Connection* const c = *found;
    idle_.erase(std::next(found).base());
    return c;
  }

  void give(Connection& c, Exchange exchange) {
    c.exchange.emplace(std::move(exchange));
    c.exchange->is_on_used = true;
    c.state = State::Sending;
    prepare_answer(c);
    ready_.push_back(&c);
  }

  void prepare_answer(Connection& c) {
    c.reader.begin(c.exchange->method);
    c.has_answer_begun = false;
    c.input_begin = c.input_end = 0;
  }

  void watch(Connection& c, std::uint32_t events) {
    if (c.interest == events) return;
    ::epoll_event event{.events = events, .data = {.ptr = &c}};
    const int operation = c.interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (::epoll_ctl(epoll_, operation, c.fd, &event) != 0)
      throw errno_error(errno, "can't watch a connection");
    c.interest = events;
  }

  /// Wakes us no sooner than so many bytes are there.
  void set_low_water(Connection& c, std::int64_t bytes) {
    const int value = static_cast<int>(std::clamp<std::int64_t>(bytes, 1, kTurnBytes));
    if (value == c.low_water) return;
    // Refused, it stays at one byte: more wake-ups, nothing worse.
    if (::setsockopt(c.fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value) == 0) c.low_water = value;
  }

  // Ends ------------------------------------------------------------------------------------------

  /// The exchange is over and the connection with it.
  void fail(Connection& c, TransportStatus status, std::string detail) {
    ResponseReceiver* const receiver = c.exchange ? c.exchange->receiver : nullptr;
    c.exchange.reset();
    doom(c);
    if (receiver != nullptr) receiver->on_end(status, detail);
  }

  /// The connection broke. A server may close one that had been idle just when it is used again:
  /// then the request is sent on a fresh one, where that is sure to do no harm.
  void broken(Connection& c, TransportStatus status, std::string detail) {
    Exchange& exchange = *c.exchange;
    const bool may_repeat = exchange.is_on_used && !c.has_answer_begun &&
                            (exchange.method == "GET" || exchange.method == "HEAD");
    if (!may_repeat) return fail(c, status, std::move(detail));
    close_socket(c);
    exchange.sent = 0;
    exchange.is_on_used = false;
    exchange.num_tried = 0;
    c.state = State::Resolving;
    has_work_ = true;
  }

  void complete(Connection& c) {
    ResponseReceiver* const receiver = c.exchange->receiver;
    const bool may_stay = c.reader.keeps_alive() && c.input_begin == c.input_end &&
                          static_cast<std::int64_t>(idle_.size()) < options_.max_idle_connections;
    c.exchange.reset();
    if (may_stay) {
      set_low_water(c, 1);
      c.state = State::Idle;
      idle_.push_back(&c);
    } else {
      doom(c);
    }
    receiver->on_end(TransportStatus::Complete, {});
  }

  // Steps -----------------------------------------------------------------------------------------

  void advance(Connection& c) {
    try {
      switch (c.state) {
        case State::Resolving:
          return connect(c);
        case State::Connecting:
          return finish_connect(c);
        case State::Handshake:
          return shake_hands(c);
        case State::Sending:
          return send_request(c);
        case State::Head:
          return read_head(c);
        case State::Body:
          return read_body(c);
        case State::Chunks:
          return read_chunks(c);
        case State::Idle:
          return doom(c);  // Closed by the server, or it says something that nobody asked.
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::Network) throw;
      fail(c, TransportStatus::ProtocolError, error.what());
    }
  }

  /// What no event will wake: new requests, names that are known by now, requests on warm
  /// connections. Those that on_end() starts come in while it runs.
  void advance_waiting() {
    while (has_work_ || !ready_.empty()) {
      has_work_ = false;
      for (Connection* c : std::exchange(ready_, {}))
        if (!c->is_doomed) advance(*c);
      for (auto at = connections_.begin(); at != connections_.end(); ++at)
        if (at->state == State::Resolving && !at->is_doomed) advance(*at);
    }
  }

  void connect(Connection& c) {
    Exchange& exchange = *c.exchange;
    const Origin& origin = exchange.url.origin;
    const Resolver::Answer known = resolver_.find(origin.host, origin.port, now_);
    if (!known.is_known) return;
    if (known.addresses.empty())
      return cannot_connect(c, known.error, error_of_one_more_file(wake_));
    exchange.num_addresses = known.addresses.size();
    while (exchange.num_tried < known.addresses.size()) {
      // Connections are spread over the addresses that the name has.
      const SocketAddress& address =
          known.addresses[(next_address_ + exchange.num_tried) % known.addresses.size()];
      ++exchange.num_tried;
      exchange.tried = now_;
      c.fd = ::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (c.fd < 0) return cannot_connect(c, std::strerror(errno), errno);
      const int on = 1;
      ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      c.origin = origin;
      if (::connect(c.fd, reinterpret_cast<const ::sockaddr*>(&address.bytes), address.size) == 0 ||
          errno == EINPROGRESS) {
        c.state = State::Connecting;
        return watch(c, EPOLLOUT);
      }
      exchange.why_not = std::strerror(errno);
      close_socket(c);
    }
    fail(c, TransportStatus::ConnectFailed,
         "can't connect to " + origin.host + " port " + std::to_string(origin.port) + ": " +
             exchange.why_not);
  }

  void try_next_address(Connection& c, std::string why_not) {
    c.exchange->why_not = std::move(why_not);
    close_socket(c);
    c.state = State::Resolving;
    connect(c);
  }

  void cannot_connect(Connection& c, std::string why, int error) {
    const std::string lack = lack_of_files(error);
    if (lack.empty()) return fail(c, TransportStatus::ConnectFailed, std::move(why));
    fail(c, TransportStatus::OutOfFiles, lack);
  }

  void finish_connect(Connection& c) {
    int error = 0;
    ::socklen_t size = sizeof error;
    ::getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return try_next_address(c, std::strerror(error));
    ++num_connected_;
    ++next_address_;
    c.exchange->last_progress = now_;
    if (!c.origin.is_tls) {
      c.state = State::Sending;
      prepare_answer(c);
      return send_request(c);
    }
    if (!tls_) {
      tls_.emplace(options_.ca_file);
      tls_->set_receive_buffer(options_.receive_buffer);
    }
    c.tls = tls_->open(c.fd, c.origin.host);
    c.state = State::Handshake;
    shake_hands(c);
  }

  void shake_hands(Connection& c) {
    switch (c.tls->handshake()) {
      case TlsStep::WantRead:
        return watch(c, EPOLLIN);
      case TlsStep::WantWrite:
        return watch(c, EPOLLOUT);
      case TlsStep::Closed:
      case TlsStep::Failed:
        return fail(c, TransportStatus::TlsFailed, c.tls->error());
      case TlsStep::Done:
        break;
    }
    c.exchange->last_progress = now_;
    c.state = State::Sending;
    prepare_answer(c);
    send_request(c);
  }

  /// Unsent bytes of the request, head before body.
  static std::string_view unsent(const Exchange& exchange) {
    const std::size_t head = exchange.head.size();
    if (exchange.sent < head) return std::string_view(exchange.head).substr(exchange.sent);
    return exchange.body.substr(exchange.sent - head);
  }

  void send_request(Connection& c) {
    Exchange& exchange = *c.exchange;
    while (exchange.sent < exchange.head.size() + exchange.body.size()) {
      const std::string_view left = unsent(exchange);
      std::size_t size = 0;
      if (c.tls) {
        const TlsStep step = c.tls->write(std::as_bytes(std::span(left)), size);
        if (step == TlsStep::WantRead) return watch(c, EPOLLIN);
        if (step == TlsStep::WantWrite) return watch(c, EPOLLOUT);
        if (step != TlsStep::Done) return broken(c, TransportStatus::Reset, c.tls->error());
      } else {
        const ssize_t sent = ::send(c.fd, left.data(), left.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return watch(c, EPOLLOUT);
        if (sent < 0) {
          // The answer may be there already: a refusal, before the body has gone out.
          if (exchange.sent == 0) return broken(c, TransportStatus::Reset, std::strerror(errno));
          break;
        }
        size = static_cast<std::size_t>(sent);
      }
      exchange.sent += size;
      exchange.last_progress = now_;
    }
    c.state = State::Head;
    watch(c, EPOLLIN);
    if (c.tls) read_head(c);
  }

  enum class Got { Bytes, Nothing, End, Error };

  /// One reception. n > 0 for Bytes.
  Got receive(Connection& c, std::span<std::byte> space, std::size_t& n) {
    for (;;) {
      if (c.tls) {
        switch (c.tls->read(space, n)) {
          case TlsStep::Done:
            return Got::Bytes;
          case TlsStep::WantRead:
          case TlsStep::WantWrite:
            return Got::Nothing;
          case TlsStep::Closed:
            return Got::End;
          case TlsStep::Failed:
            error_ = c.tls->error();
            return Got::Error;
        }
      }
      const ssize_t size = ::recv(c.fd, space.data(), space.size(), 0);
      if (size > 0) {
        n = static_cast<std::size_t>(size);
        return Got::Bytes;
      }
      if (size == 0) return Got::End;
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return Got::Nothing;
      error_ = std::strerror(errno);
      return Got::Error;
    }
  }

  /// More into the connection's own input; false when there is nothing to go on with.
  bool fill_input(Connection& c) {
    c.input.resize(kHeadBytes);
    c.input_begin = c.input_end = 0;
    std::size_t n = 0;
    switch (receive(c, c.input, n)) {
      case Got::Nothing:
        return false;
      case Got::Bytes:
        c.input_end = n;
        c.has_answer_begun = true;
        c.exchange->last_progress = now_;
        return true;
      case Got::End:
        if (c.state == State::Head)
          broken(c, TransportStatus::Reset, "the connection ended before the answer");
        else
          fail(c, TransportStatus::Truncated, "the connection ended within the answer");
        return false;
      case Got::Error:
        broken(c, TransportStatus::Reset, error_);
        return false;
    }
    return false;
  }

  std::span<const std::byte> input_of(const Connection& c) const {
    return std::span(c.input).subspan(c.input_begin, c.input_end - c.input_begin);
  }

  void read_head(Connection& c) {
    while (!c.reader.has_head()) {
      if (c.input_begin == c.input_end && !fill_input(c)) return;
      c.input_begin += c.reader.read_head(input_of(c));
    }
    const BodyEnd end = c.reader.body_end();
    c.exchange->receiver->on_head(c.reader.head());
    if (is_gone(c)) return;
    if (end == BodyEnd::None) return complete(c);
    c.owed = end == BodyEnd::Length ? c.reader.body_length() : -1;
    c.state = end == BodyEnd::Chunks ? State::Chunks : State::Body;
    if (end == BodyEnd::Chunks) return read_chunks(c);
    if (hand_over_input(c)) read_body(c);
  }

  /// Whether a receiver has cancelled its own request from within a call.
  static bool is_gone(const Connection& c) { return c.is_doomed || !c.exchange; }

  /// What came with the head; false when the exchange is over.
  bool hand_over_input(Connection& c) {
    while (c.input_begin < c.input_end && c.owed != 0) {
      const std::span<std::byte> space = c.exchange->receiver->body_space();
      if (is_gone(c)) return false;
      if (space.empty()) {
        fail(c, TransportStatus::Aborted, "the receiver wants no more");
        return false;
      }
      const std::span<const std::byte> input = input_of(c);
      std::size_t size = std::min(space.size(), input.size());
      if (c.owed > 0) size = std::min(size, static_cast<std::size_t>(c.owed));
      std::memcpy(space.data(), input.data(), size);
      c.input_begin += size;
      took(c, size);
      if (is_gone(c)) return false;
    }
    return true;
  }

  void took(Connection& c, std::size_t size) {
    if (c.owed > 0) c.owed -= static_cast<std::int64_t>(size);
    c.exchange->last_progress = now_;
    c.exchange->receiver->on_body(size);
  }

  void read_body(Connection& c) {
    std::int64_t taken = 0;
    while (c.owed != 0) {
      const std::span<std::byte> space = c.exchange->receiver->body_space();
      if (is_gone(c)) return;
      if (space.empty()) return fail(c, TransportStatus::Aborted, "the receiver wants no more");
      const std::size_t wanted =
          c.owed > 0 ? std::min(space.size(), static_cast<std::size_t>(c.owed)) : space.size();
      std::size_t n = 0;
      switch (receive(c, space.first(wanted), n)) {
        case Got::Bytes:
          took(c, n);
          if (is_gone(c)) return;
          taken += static_cast<std::int64_t>(n);
          // A reception that was not full has emptied the socket.
          if (c.owed != 0 && ((!c.tls && n < wanted) || taken >= kTurnBytes)) {
            if (c.tls && c.tls->has_pending()) {
              ready_.push_back(&c);
              return;
            }
            return wait_for_more(c);
          }
          continue;
        case Got::Nothing:
          return wait_for_more(c);
        case Got::End:
          if (c.owed < 0) return complete(c);
          return fail(c, TransportStatus::Truncated,
                      "the connection ended with " + std::to_string(c.owed) + " bytes to come");
        case Got::Error:
          return fail(c, TransportStatus::Reset, error_);
      }
    }
    complete(c);
  }

  void wait_for_more(Connection& c) {
    // What OpenSSL holds already will not come again.
    const std::int64_t to_come = c.tls ? c.owed - kTlsHeld : c.owed;
    set_low_water(c, std::min(options_.receive_buffer, to_come));
    watch(c, EPOLLIN);
  }

  void read_chunks(Connection& c) {
    for (;;) {
      if (c.input_begin < c.input_end) {
        bool is_refused = false;
        c.input_begin += c.reader.read_chunks(input_of(c), [&](std::span<const std::byte> bytes) {
          while (!bytes.empty() && !is_gone(c)) {
            const std::span<std::byte> space = c.exchange->receiver->body_space();
            if (is_gone(c)) return false;
            is_refused = space.empty();
            if (is_refused) return false;
            const std::size_t size = std::min(space.size(), bytes.size());
            std::memcpy(space.data(), bytes.data(), size);
            c.exchange->receiver->on_body(size);
            bytes = bytes.subspan(size);
          }
          return !is_gone(c);
        });
        if (is_gone(c)) return;
        if (is_refused) return fail(c, TransportStatus::Aborted, "the receiver wants no more");
        if (c.reader.chunks_ended()) return complete(c);
        continue;
      }
      if (!fill_input(c)) return;
    }
  }

  // Now and then ----------------------------------------------------------------------------------

  void look_at_all() {
    if (now_ < next_look_) return;
    next_look_ = now_ + kLook;
    for (auto at = connections_.begin(); at != connections_.end(); ++at) {
      Connection& c = *at;
      if (c.is_doomed || !c.exchange) continue;
      const bool has_stood = c.state != State::Resolving && c.state != State::Connecting &&
                             c.state != State::Handshake;
      // Slow senders don't fill what we wait for: take what is there.
      if (c.state == State::Body && now_ - c.exchange->last_progress >= kLook) advance(c);
      if (c.is_doomed || !c.exchange) continue;
      if (c.state == State::Resolving) has_work_ = true;
      if (c.state == State::Connecting && now_ - c.exchange->tried >= kNextAddress &&
          c.exchange->num_tried < c.exchange->num_addresses)
        try_next_address(c, "no answer");
      if (c.is_doomed) continue;
      if (!has_stood && now_ - c.exchange->began >= options_.connect_timeout) {
        fail(c, TransportStatus::TimedOut,
             "no connection to " + c.exchange->url.origin.host + " in " +
                 std::to_string(to_seconds(options_.connect_timeout)) + " s");
      } else if (has_stood && now_ - c.exchange->last_progress >= options_.stall_timeout) {
        fail(c, TransportStatus::TimedOut,
             "no byte in " + std::to_string(to_seconds(options_.stall_timeout)) + " s");
      }
    }
  }

  int wait_milliseconds(Duration timeout) const {
    if (!ready_.empty() || has_work_) return 0;
    if (idle_.size() < connections_.size()) timeout = std::min(timeout, kLook);
    timeout = std::clamp<Duration>(timeout, Duration(0), std::chrono::hours(1));
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(timeout).count());
  }

  TransportOptions options_;
  int epoll_, wake_;
  Resolver resolver_;
  std::optional<TlsContext> tls_;
  std::list<Connection> connections_;
  std::vector<Connection*> idle_, ready_, doomed_;
  bool has_work_ = false, is_driving_ = false;
  std::size_t next_address_ = 0;
  std::int64_t num_connected_ = 0;
  Duration now_ = system_clock().now();
  Duration next_look_{0};
  Duration last_left_ = system_clock().now();
  std::string error_;
};

}  // namespace

std::unique_ptr<Transport> make_socket_transport(const TransportOptions& options) {
  validate(options);
  if (!options.proxy.empty())
    throw Error(ErrorCode::Unsupported, "proxies are for the libcurl transport");
  return std::make_unique<SocketTransport>(options);
}

}  // namespace skipjack::s3
