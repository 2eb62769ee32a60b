// Transport on plain sockets and epoll, built for few and large receptions: the body of an answer
// is received straight into the space that its receiver hands out, and the kernel is told to wake
// us when so many bytes are there as are worth it (SO_RCVLOWAT), never more than the answer still
// owes. A gigabyte at 90 MB/s a connection then takes some thousand system calls and no copy; where
// many sockets are ready at a time, theirs are one (io_ring.h). Here are the loop, the connections
// and the clocks; what happens on a connection is http_connection.h's.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <list>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/address_book.h"
#include "skipjack/s3/file_limit.h"
#include "skipjack/s3/http_connection.h"
#include "skipjack/s3/io_ring.h"
#include "skipjack/s3/request_text.h"
#include "skipjack/s3/resolver.h"
#include "skipjack/s3/tls.h"
#include "skipjack/s3/transfer_config.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(250);
/// An address that has not answered for so long makes room for the next one, if there is one.
constexpr Duration kNextAddress = std::chrono::seconds(1);
/// Away from the network for longer than this: it is taken off the stall clock.
constexpr Duration kAway = std::chrono::milliseconds(10);
/// A pass that is so long was not the network's (the engine waited for the disk): likewise.
constexpr Duration kLongPass = std::chrono::seconds(1);

class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(const TransportOptions& options)
      : options_(options),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        resolver_(wake_, options_.endpoint_ips) {
    ::epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (epoll_ >= 0 && wake_ >= 0 && ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0) return;
    const int error = errno;
    close_loop();
    throw errno_error(error, "can't set up the network loop");
  }

  /// Takes nothing off the loop, which a forked child shares: the parent's goes on.
  ~SocketTransport() override { close_loop(); }

  void start(HttpRequest request, ResponseReceiver& receiver) override {
    RequestText text = request_text(request);
    now_ = system_clock().now();
    Exchange exchange{.method = std::move(request.method),
                      .head = std::move(text.head),
                      .body = request.body,
                      .receiver = &receiver,
                      .began = now_,
                      .last_progress = now_,
                      .stall_timeout = request.stall_timeout.value_or(options_.stall_timeout)};
    if (Connection* idle = take_idle(text.origin)) {
      idle->http.take(std::move(exchange));
      idle->http.begin();
      idle->phase = Phase::Talking;
      ready_.push_back(idle);
    } else {
      Connection& fresh = connections_.emplace_back();
      fresh.self = std::prev(connections_.end());
      fresh.origin = std::move(text.origin);
      fresh.http.take(std::move(exchange));
      has_work_ = true;
    }
    // Carried out by drive(): nothing is handed to receivers from here.
  }

  void cancel(ResponseReceiver& receiver) override {
    for (Connection& c : connections_)
      if (c.http.has_exchange() && c.http.exchange().receiver == &receiver) {
        c.http.drop_exchange();
        doom(c);
      }
    if (!is_driving_) bury();
  }

  void drive(Duration timeout) override {
    const Pass pass(*this);
    const Duration begin = now_ = system_clock().now();
    // Time in which nobody looked (a bandwidth to keep) is not the servers' fault.
    if (const Duration away = begin - last_there_; away > kAway)
      for (Connection& c : connections_)
        if (c.http.has_exchange())
          for (Duration* at :
               {&c.http.exchange().began, &c.http.exchange().last_progress, &c.tried_at})
            *at = std::min(begin, *at + away);
    advance_waiting();
    std::array<::epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                   wait_milliseconds(timeout));
    if (count < 0 && errno != EINTR) throw errno_error(errno, "can't wait for the network");
    woken_ = now_ = system_clock().now();
    // Those that come in from here on have their turn in the next pass.
    turning_.insert(turning_.end(), turns_.begin(), turns_.end());
    turns_.clear();
    for (int i = 0; i < count; ++i) {
      const ::epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr == nullptr) {
        std::uint64_t number = 0;
        [[maybe_unused]] const ssize_t ignored = ::read(wake_, &number, sizeof number);
        has_work_ = true;  // A name may have been found.
        continue;
      }
      auto& connection = *static_cast<Connection*>(event.data.ptr);
      if (!connection.is_doomed && !gather(connection)) advance(connection);
    }
    receive_gathered();
    while (!turning_.empty()) {
      Connection& c = *turning_.front();
      turning_.erase(turning_.begin());
      if (c.phase == Phase::Talking) advance(c);
    }
    advance_waiting();
    look_at_all();
  }

  void wake() noexcept override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(wake_, &one, sizeof one);
  }

  void set_receive_buffer(std::int64_t bytes) override {
    options_.receive_buffer = bytes;
    if (tls_) tls_->set_receive_buffer(bytes);
  }
  void set_endpoint_ips(const std::vector<std::string>& addresses) override {
    validate_endpoint_ips(addresses);
    resolver_.use_instead(addresses);
  }
  std::int64_t num_connections() const override { return num_connected_; }

 private:
  enum class Phase { Resolving, Connecting, Talking, Idle };

  struct Connection {
    std::list<Connection>::iterator self;
    Phase phase = Phase::Resolving;
    Origin origin;
    HttpConnection http;
    std::uint32_t interest = 0;
    /// Addresses that were tried, the last one being its own, of those that there are; when it was.
    std::vector<SocketAddress> tried{};
    std::size_t num_addresses = 0;
    Duration tried_at{0};
    std::string why_not;
    /// To go at the end of the pass; events in hand may still point to it.
    bool is_doomed = false;
  };

  /// Of drive(), however it ends: after an exception nobody may receive into spaces of before.
  struct Pass {
    explicit Pass(SocketTransport& t) : transport(t) { transport.is_driving_ = true; }
    ~Pass() {
      transport.gathered_.clear();
      transport.receptions_.clear();
      transport.is_driving_ = false;
      transport.bury();
      const Duration left = system_clock().now();
      transport.last_there_ = left - transport.woken_ < kLongPass ? left : transport.woken_;
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    SocketTransport& transport;
  };

  void close_loop() {
    if (epoll_ >= 0) ::close(epoll_);
    if (wake_ >= 0) ::close(wake_);
  }

  void close_channel(Connection& c) {
    // While a forked child holds the socket, too, closing it does not take it off the loop.
    if (std::exchange(c.interest, 0) != 0)
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, c.http.channel().socket(), nullptr);
    c.http.disconnect();
  }

  void doom(Connection& c) {
    close_channel(c);
    if (std::exchange(c.is_doomed, true)) return;
    std::erase(idle_, &c);
    std::erase(ready_, &c);
    std::erase(turns_, &c);
    std::erase(turning_, &c);
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

  void watch(Connection& c, std::uint32_t events) {
    if (c.interest == events) return;
    ::epoll_event event{.events = events, .data = {.ptr = &c}};
    const int operation = c.interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (::epoll_ctl(epoll_, operation, c.http.channel().socket(), &event) != 0)
      throw errno_error(errno, "can't watch a connection");
    c.interest = events;
  }

  /// The exchange is over and the connection with it.
  void fail(Connection& c, TransportStatus status, const std::string& detail) {
    ResponseReceiver* const receiver = c.http.has_exchange() ? c.http.exchange().receiver : nullptr;
    c.http.drop_exchange();
    doom(c);
    if (receiver != nullptr) receiver->on_end(status, detail);
  }

  void end(Connection& c) {
    if (c.http.may_repeat()) return start_over(c);
    const HttpConnection::End end = c.http.end();
    const Exchange& exchange = c.http.exchange();
    if (end.status == TransportStatus::Complete)
      book_of(c).took(c.tried.back(), exchange.body_bytes, now_ - exchange.body_began, now_);
    if (!c.http.may_stay() || book_of(c).is_retired(c.tried.back(), now_) ||
        static_cast<std::int64_t>(idle_.size()) >= options_.max_idle_connections)
      return fail(c, end.status, end.detail);
    ResponseReceiver* const receiver = c.http.exchange().receiver;
    c.http.drop_exchange();
    c.phase = Phase::Idle;
    idle_.push_back(&c);
    receiver->on_end(end.status, end.detail);
  }

  void start_over(Connection& c) {
    close_channel(c);
    c.tried.clear();
    c.phase = Phase::Resolving;
    has_work_ = true;
  }

  void advance(Connection& c) {
    switch (c.phase) {
      case Phase::Resolving:
        return connect(c);
      case Phase::Connecting:
        return finish_connect(c);
      case Phase::Talking:
        return talk(c);
      case Phase::Idle:
        return doom(c);  // Closed by the server, or it says something that nobody asked.
    }
  }

  void talk(Connection& c) { go_on(c, c.http.advance(now_, options_.receive_buffer)); }

  void go_on(Connection& c, Next next) {
    switch (next) {
      case Next::Readable:
        return watch(c, EPOLLIN);
      case Next::Writable:
        return watch(c, EPOLLOUT);
      case Next::Turn:
        if (std::find(turns_.begin(), turns_.end(), &c) == turns_.end()) turns_.push_back(&c);
        return;
      case Next::Ended:
        return end(c);
      case Next::Gone:
        break;
    }
  }

  /// Puts off the reception that c is ready for, to make it with the others'. False if it has to
  /// be made now.
  bool gather(Connection& c) {
    if (!ring_ || c.phase != Phase::Talking) return false;
    const std::optional<Reception> reception = c.http.reception();
    if (!reception) return c.is_doomed;
    // What nobody keeps goes into a space for all.
    const auto is_there = [&](const Reception& r) {
      return r.space.data() == reception->space.data();
    };
    if (std::any_of(receptions_.begin(), receptions_.end(), is_there)) return false;
    gathered_.push_back(&c);
    receptions_.push_back(*reception);
    if (std::ssize(gathered_) == IoRing::kMostCalls) receive_gathered();
    return true;
  }

  void receive_gathered() {
    const std::vector<Connection*> connections = std::exchange(gathered_, {});
    std::vector<Reception> receptions = std::exchange(receptions_, {});
    if (connections.size() == 1) {
      if (!connections[0]->is_doomed) advance(*connections[0]);
      return;
    }
    // A socket that was closed meanwhile may be another's by now.
    for (std::size_t i = 0; i < connections.size(); ++i)
      if (connections[i]->is_doomed) receptions[i].socket = -1;
    if (!receptions.empty()) ring_->receive(receptions);
    // What was received is booked on each connection, whatever is thrown on one.
    std::exception_ptr failure;
    for (std::size_t i = 0; i < connections.size(); ++i) {
      Connection& c = *connections[i];
      if (c.is_doomed) continue;
      try {
        go_on(c, c.http.received(now_, options_.receive_buffer, receptions[i].result));
      } catch (...) {
        failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
  }

  /// What no event will wake: new requests, names that are known by now, requests on warm
  /// connections. Those that on_end() starts come in while it runs.
  void advance_waiting() {
    while (has_work_ || !ready_.empty()) {
      has_work_ = false;
      while (!ready_.empty()) {
        Connection& c = *ready_.front();
        ready_.erase(ready_.begin());
        advance(c);
      }
      for (auto at = connections_.begin(); at != connections_.end(); ++at)
        if (at->phase == Phase::Resolving && !at->is_doomed) advance(*at);
    }
  }

  void connect(Connection& c) {
    const Origin& origin = c.origin;
    const Resolver::Answer known = resolver_.find(origin.host, origin.port, now_);
    if (!known.is_known) return;
    if (known.addresses.empty())
      return cannot_connect(c, known.error, error_of_one_more_file(wake_));
    c.num_addresses = known.addresses.size();
    while (const SocketAddress* address = book_of(c).next(known.addresses, c.tried, now_)) {
      c.tried.push_back(*address);
      c.tried_at = now_;
      const int error = c.http.channel().connect(*address);
      if (error == 0) {
        c.phase = Phase::Connecting;
        return watch(c, EPOLLOUT);
      }
      c.why_not = std::strerror(error);
      if (!lack_of_files(error).empty()) return cannot_connect(c, c.why_not, error);
      retire_address(c);
    }
    fail(c, TransportStatus::ConnectFailed,
         "can't connect to " + origin.host + " port " + std::to_string(origin.port) + ": " +
             c.why_not);
  }

  /// Of the addresses of its name.
  AddressBook& book_of(const Connection& c) { return books_[{c.origin.host, c.origin.port}]; }

  /// Where there is another one.
  void retire_address(const Connection& c) {
    if (c.num_addresses > 1 && !c.tried.empty()) book_of(c).failed(c.tried.back(), now_);
  }

  void try_next_address(Connection& c, std::string why_not) {
    retire_address(c);
    c.why_not = std::move(why_not);
    close_channel(c);
    c.phase = Phase::Resolving;
    connect(c);
  }

  void cannot_connect(Connection& c, const std::string& why, int error) {
    const std::string lack = lack_of_files(error);
    if (lack.empty()) return fail(c, TransportStatus::ConnectFailed, why);
    fail(c, TransportStatus::OutOfFiles, lack);
  }

  void finish_connect(Connection& c) {
    if (const int error = c.http.channel().connect_error(); error != 0)
      return try_next_address(c, std::strerror(error));
    ++num_connected_;
    c.http.exchange().last_progress = now_;
    if (c.origin.is_tls) {
      if (!tls_) {
        tls_.emplace(options_.ca_file);
        tls_->set_receive_buffer(options_.receive_buffer);
      }
      c.http.channel().secure(*tls_, c.origin.host);
    }
    c.phase = Phase::Talking;
    c.http.begin();
    talk(c);
  }

  /// Clocks, now and then: as they were when the sockets were looked at.
  void look_at_all() {
    if (woken_ < next_look_) return;
    next_look_ = woken_ + kLook;
    for (auto at = connections_.begin(); at != connections_.end(); ++at) {
      Connection& c = *at;
      if (is_over(c)) continue;
      // Slow senders don't fill what we wait for: take what is there.
      if (c.http.state() == HttpConnection::State::Body &&
          woken_ - c.http.exchange().last_progress >= kLook)
        advance(c);
      if (is_over(c)) continue;
      if (c.phase == Phase::Resolving) has_work_ = true;
      if (c.phase == Phase::Connecting && woken_ - c.tried_at >= kNextAddress &&
          c.tried.size() < c.num_addresses)
        try_next_address(c, "no answer");
      if (!is_over(c)) check_timeouts(c);
    }
  }

  static bool is_over(const Connection& c) { return c.is_doomed || !c.http.has_exchange(); }

  void check_timeouts(Connection& c) {
    const bool stands =
        c.phase == Phase::Talking && c.http.state() != HttpConnection::State::Handshake;
    const Exchange& exchange = c.http.exchange();
    if (!stands && woken_ - exchange.began >= options_.connect_timeout) {
      retire_address(c);
      fail(
          c, TransportStatus::TimedOut,
          "no connection to " + c.origin.host + " in " + format_duration(options_.connect_timeout));
    } else if (stands && woken_ - exchange.last_progress >= exchange.stall_timeout) {
      retire_address(c);
      fail(c, TransportStatus::TimedOut, "no byte in " + format_duration(exchange.stall_timeout));
    }
  }

  int wait_milliseconds(Duration timeout) const {
    if (!ready_.empty() || !turns_.empty() || !turning_.empty() || has_work_) return 0;
    if (idle_.size() < connections_.size()) timeout = std::min(timeout, kLook);
    timeout = std::clamp<Duration>(timeout, Duration(0), std::chrono::hours(1));
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(timeout).count());
  }

  TransportOptions options_;
  int epoll_, wake_;
  Resolver resolver_;
  std::optional<TlsContext> tls_;
  /// nullptr: each connection's reception is a call of its own.
  const std::unique_ptr<IoRing> ring_ = IoRing::open(IoRing::User::AnyThreads);
  /// Connections that are ready to receive, and where to.
  std::vector<Connection*> gathered_;
  std::vector<Reception> receptions_;
  std::list<Connection> connections_;
  /// Ready: with a request for a warm connection. Turns: with bytes that no event will tell of,
  /// once a pass; turning: this pass's, and those that an exception has left.
  std::vector<Connection*> idle_, ready_, turns_, turning_, doomed_;
  bool has_work_ = false, is_driving_ = false;
  /// By host and port.
  std::map<std::pair<std::string, std::uint16_t>, AddressBook> books_;
  std::int64_t num_connected_ = 0;
  /// Woken: when the sockets were last looked at. Last there: the waiting after that is not the
  /// servers' fault.
  Duration now_ = system_clock().now(), woken_ = now_, last_there_ = now_;
  Duration next_look_{0};
};

}  // namespace

std::unique_ptr<Transport> make_socket_transport(const TransportOptions& options) {
  validate(options);
  if (!options.proxy.empty())
    throw Error(ErrorCode::Unsupported, "proxies are for the libcurl transport");
  return std::make_unique<SocketTransport>(options);
}

}  // namespace skipjack::s3
