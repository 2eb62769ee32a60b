// The event loop. A connection is a small state machine: Reading a request, Waiting for its first
// byte's time, Sending, Stalled by a fault, Closing. Everything runs on one thread; only the object
// store and the counters are touched by others.
#include "skipjack/s3sim/server.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <queue>
#include <thread>
#include <unordered_map>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3sim/draws.h"
#include "skipjack/s3sim/fault_script.h"
#include "skipjack/s3sim/http.h"
#include "skipjack/s3sim/link.h"
#include "skipjack/s3sim/object_store.h"
#include "skipjack/s3sim/s3_api.h"
#include "skipjack/s3sim/synthetic.h"
#include "skipjack/s3sim/upload.h"

namespace skipjack::s3sim {
namespace {

/// One sendfile call's worth, and how many of them before others get their turn.
constexpr std::size_t kSendBytes = 1 << 20;
constexpr int kSendsPerTurn = 4;
constexpr std::size_t kReceiveBytes = 128 << 10;
constexpr int kReceivesPerTurn = 8;
/// After the last answer on a connection: how long the client may go on sending before a reset.
constexpr Duration kCloseGrace = std::chrono::seconds(2);
/// Pause in accepting when the process is out of descriptors.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr Duration kSweepInterval = std::chrono::seconds(1);
/// The kernel does not pace the first ten segments of a connection [Linux tcp_output.c], and with
/// loopback's own segments of 64 KiB that would be a gift of 640 KiB to each. Segments of
/// Ethernet's size make it 14 KiB, and cost nothing, since loopback never cuts the 64 KiB buffers
/// that carry them.
constexpr int kSegmentBytes = 1448;
/// What a paced socket sends ahead of its pace when it starts again: about one buffer, 20 to 25 KB
/// beyond rate times time, measured at 2 to 50 MB/s. Without holding the body back by as much, many
/// connections with small parts would beat the link by several per cent.
constexpr double kUnpacedBytes = 22e3;
constexpr Duration kShortestDrainCheck = std::chrono::microseconds(500);

enum class State { Reading, Waiting, Sending, Stalled, Closing, Closed };

struct Connection {
  Connection(std::uint64_t connection_number, int socket) : number(connection_number), fd(socket) {}

  const std::uint64_t number;
  FileDescriptor fd;
  State state = State::Reading;
  std::uint32_t interest = 0;
  Duration last_progress{0};
  std::uint64_t timer_generation = 0;
  std::uint64_t num_requests = 0;

  std::unique_ptr<RequestParser> parser;
  std::string pending;
  std::variant<Route, Answer> routed = Answer{};
  std::unique_ptr<Upload> upload;
  bool refused_early = false;

  /// The answer on its way.
  std::string head;
  std::size_t head_sent = 0;
  std::shared_ptr<const Blob> blob;
  ByteRange left;
  /// Where the fault strikes; left.end if there is none.
  std::int64_t stop_at = 0;
  std::optional<Fault> fault;
  /// How long a Stall lasts; 0: for ever.
  Duration stall{0};
  /// When the body may begin; the head goes before.
  Duration body_from{0};
  bool close_after = false;
  /// One byte of head or body at a time, with so long a pause after each; 0: as fast as it goes.
  Duration trickle{0};
  Sender sender;
};

struct Timer {
  Duration deadline;
  std::uint64_t connection;
  std::uint64_t generation;
  friend bool operator>(const Timer& a, const Timer& b) { return a.deadline > b.deadline; }
};

struct Counters {
  std::atomic<std::int64_t> requests{0}, bytes_sent{0}, bytes_received{0}, accepted{0}, open{0},
      peak{0}, client_errors{0}, server_errors{0}, faults{0};
};

void add(std::atomic<std::int64_t>& counter, std::int64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

double thread_cpu_seconds(clockid_t clock) {
  ::timespec time{};
  if (::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

ServerOptions checked(ServerOptions options) {
  validate(options.profile);
  validate(options.faults);
  const auto reject = [](const std::string& what) {
    throw Error(ErrorCode::InvalidArgument, what);
  };
  if (options.port < 0 || options.port > 65535)
    reject("port = " + std::to_string(options.port) + " must be in [0, 65535]");
  if (options.access_key.empty() != options.secret_key.empty())
    reject("access_key and secret_key go together: one of them is empty");
  if (options.memory_limit < 0)
    reject("memory_limit = " + std::to_string(options.memory_limit) + " must be >= 0");
  if (options.max_connections < 1)
    reject("max_connections = " + std::to_string(options.max_connections) + " must be >= 1");
  if (options.idle_timeout <= Duration::zero()) reject("idle_timeout must be > 0");
  if (options.clock == nullptr) reject("clock must be set");
  for (const SyntheticObject& object : options.objects)
    if (object.bucket.empty() || object.key.empty() || object.size < 0)
      reject("object \"" + object.bucket + "/" + object.key +
             "\" needs a bucket, a key and a size >= 0");
  return options;
}

}  // namespace

class Server::Impl {
 public:
  explicit Impl(ServerOptions options)
      : options_(checked(std::move(options))),
        store_({.folder = options_.folder, .memory_limit = options_.memory_limit}),
        api_(store_,
             {.key = {options_.access_key, options_.secret_key}, .region = options_.region}),
        link_(options_.profile, options_.seed, now()) {
    for (const std::string& bucket : options_.buckets) store_.create_bucket(bucket);
    for (const SyntheticObject& object : options_.objects) add_object(object);
    listen();
    thread_ = std::thread([this] { run(); });
    has_clock_ = ::pthread_getcpuclockid(thread_.native_handle(), &cpu_clock_) == 0;
  }

  ~Impl() { stop(); }

  void stop() {
    std::lock_guard lock(stop_mutex_);
    if (!thread_.joinable()) return;
    stopping_.store(true);
    const std::uint64_t one = 1;
    SKIPJACK_CHECK(::write(wake_.get(), &one, sizeof one) == sizeof one);
    thread_.join();
  }

  int port() const { return port_; }
  const ServerOptions& options() const { return options_; }

  ServerStats stats() {
    ServerStats stats{.requests = counters_.requests,
                      .body_bytes_sent = counters_.bytes_sent,
                      .body_bytes_received = counters_.bytes_received,
                      .connections_accepted = counters_.accepted,
                      .open_connections = counters_.open,
                      .peak_connections = counters_.peak,
                      .client_errors = counters_.client_errors,
                      .server_errors = counters_.server_errors,
                      .injected_faults = counters_.faults};
    std::lock_guard lock(stop_mutex_);
    stats.cpu_seconds =
        thread_.joinable() && has_clock_ ? thread_cpu_seconds(cpu_clock_) : final_cpu_seconds_;
    return stats;
  }

  void put_object(const std::string& bucket, const std::string& key, std::string_view bytes,
                  const PutAs& as) {
    SKIPJACK_CHECK(as.part_bytes.value_or(1) >= 1);
    store_.create_bucket(bucket);
    Upload upload(store_, Request{.method = "PUT"});
    upload.append(bytes);
    auto finished = upload.finish(static_cast<std::int64_t>(options_.clock->unix_time()));
    if (const Refusal* refusal = std::get_if<Refusal>(&finished))
      throw Error(ErrorCode::Exhausted, "object " + bucket + "/" + key + ": " + refusal->message);
    ObjectVersion& version = std::get<ObjectVersion>(finished);
    if (as.part_bytes) {
      version.part_ends = part_ends(version.size, *as.part_bytes);
      version.etag = etag_of_parts(bytes, version.part_ends);
    }
    if (as.checksum.empty()) {
      version.checksum.reset();
    } else if (as.part_bytes) {
      version.checksum = checksum_of_parts(as.checksum, bytes, version.part_ends);
    } else {
      version.checksum =
          StoredChecksum{.algorithm = as.checksum, .value = base64(digest_of(as.checksum, bytes))};
    }
    SKIPJACK_CHECK(store_.put(bucket, key, std::move(version)) == StoreOutcome::Ok);
  }

  void add_object(const SyntheticObject& object) {
    const std::int64_t phase = synthetic_phase(options_.seed, object.bucket, object.key);
    auto blob = std::make_shared<Blob>();
    blob->fd = pattern_descriptor();
    blob->phase = phase;
    blob->period = kPatternBytes;
    blob->size = object.size;
    store_.create_bucket(object.bucket);
    ObjectVersion version{
        .blob = std::move(blob),
        .size = object.size,
        .etag = "\"" + synthetic_etag(options_.seed, object.bucket, object.key, object.size) + "\"",
        .last_modified = static_cast<std::int64_t>(options_.clock->unix_time()),
        .metadata = {},
        .checksum = StoredChecksum{
            .algorithm = "crc64nvme",
            .value = base64(crc64nvme_bytes(synthetic_crc64nvme(phase, object.size)))}};
    SKIPJACK_CHECK(store_.put(object.bucket, object.key, std::move(version)) == StoreOutcome::Ok);
  }

  void remove_object(const std::string& bucket, const std::string& key) {
    store_.remove(bucket, key);
  }

 private:
  static Duration now() { return system_clock().now(); }

  void listen() {
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
    if (::inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr) != 1)
      throw Error(ErrorCode::InvalidArgument,
                  "host \"" + options_.host + "\" is no numeric IPv4 address", "127.0.0.1");
    const std::string where = options_.host + ":" + std::to_string(options_.port);
    listener_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (listener_.get() < 0) throw errno_error(errno, "socket to listen on " + where);
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_paced())
      ::setsockopt(listener_.get(), IPPROTO_TCP, TCP_MAXSEG, &kSegmentBytes, sizeof kSegmentBytes);
    if (::bind(listener_.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) !=
            0 ||
        ::listen(listener_.get(), 1024) != 0)
      throw errno_error(errno, "listening on " + where);
    ::socklen_t size = sizeof address;
    if (::getsockname(listener_.get(), reinterpret_cast<::sockaddr*>(&address), &size) != 0)
      throw errno_error(errno, "address of the listening socket");
    port_ = ntohs(address.sin_port);
    epoll_ = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
    wake_ = FileDescriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (epoll_.get() < 0 || wake_.get() < 0) throw errno_error(errno, "event loop of the server");
    watch(EPOLL_CTL_ADD, wake_.get(), EPOLLIN, kWakeId);
    watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN, kListenId);
  }

  bool is_paced() const {
    const Profile& profile = options_.profile;
    return profile.link_bytes_per_second > 0 || profile.connection_bytes_per_second > 0 ||
           profile.slow_odds > 0;
  }

  void watch(int operation, int fd, std::uint32_t events, std::uint64_t id) {
    ::epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0)
      throw errno_error(errno, "watching a socket of the server");
  }

  void run() {
    // sendfile has no MSG_NOSIGNAL; the signal stays with this thread, where nobody looks.
    ::sigset_t signals;
    ::sigfillset(&signals);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    try {
      while (!stopping_.load()) turn();
    } catch (const std::exception& error) {
      // Nothing of a client's making throws; this is a machine without descriptors or memory.
      log(options_.log, LogLevel::Warning,
          std::string("the S3-compatible server stops: ") + error.what());
    }
    for (auto& [number, connection] : connections_) {
      link_.leave(connection->sender);
      if (connection->fd.get() >= 0) abort_on_close(*connection);
    }
    connections_.clear();
    listener_.reset();
    counters_.open = 0;
    final_cpu_seconds_ = thread_cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
  }

  void turn() {
    std::array<::epoll_event, 256> events;
    const int count = wait(events);
    now_ = now();
    for (int i = 0; i < count; ++i) {
      const ::epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == kListenId) {
        accept_all();
      } else if (event.data.u64 != kWakeId) {
        const auto found = connections_.find(event.data.u64);
        if (found != connections_.end()) handle(*found->second, event.events);
      }
    }
    fire_timers();
    sweep();
    link_.update(now_);
    for (const std::uint64_t number : closed_) connections_.erase(number);
    closed_.clear();
    counters_.open.store(static_cast<std::int64_t>(connections_.size()), std::memory_order_relaxed);
  }

  int wait(std::array<::epoll_event, 256>& events) {
    Duration deadline = link_.due();
    if (!timers_.empty()) deadline = std::min(deadline, timers_.top().deadline);
    if (!connections_.empty()) deadline = std::min(deadline, next_sweep_);
    if (!accepting_) deadline = std::min(deadline, accept_again_);
    const bool for_ever = deadline == Duration::max();
    const Duration timeout =
        for_ever ? Duration::zero() : std::max(deadline - now(), Duration::zero());
    ::timespec time{};
    time.tv_sec = static_cast<time_t>(timeout.count() / 1'000'000'000);
    time.tv_nsec = static_cast<long>(timeout.count() % 1'000'000'000);
    int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                               for_ever ? nullptr : &time, nullptr);
    if (count < 0 && errno == ENOSYS) {  // Linux before 5.11: whole milliseconds.
      const int milliseconds =
          for_ever ? -1 : static_cast<int>((timeout.count() + 999'999) / 1'000'000);
      count =
          ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), milliseconds);
    }
    if (count < 0 && errno != EINTR) throw errno_error(errno, "waiting for events");
    return std::max(count, 0);
  }

  void accept_all() {
    while (true) {
      FileDescriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.get() < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
          pause_accepting();
        return;
      }
      if (connections_.size() >= static_cast<std::size_t>(options_.max_connections)) continue;
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::uint64_t number = next_number_++;
      auto connection = std::make_unique<Connection>(number, fd.release());
      Connection& c = *connection;
      c.last_progress = now_;
      c.sender.fd = c.fd.get();
      c.parser = std::make_unique<RequestParser>(RequestParserOptions{
          .on_head = [this, &c](const Request& request) { on_head(c, request); },
          .on_body = [this, &c](std::string_view bytes) { on_body(c, bytes); }});
      c.interest = EPOLLIN;
      watch(EPOLL_CTL_ADD, c.fd.get(), c.interest, number);
      if (connections_.empty()) next_sweep_ = now_ + kSweepInterval;
      connections_.emplace(number, std::move(connection));
      add(counters_.accepted);
      const auto open = static_cast<std::int64_t>(connections_.size());
      if (open > counters_.peak.load(std::memory_order_relaxed)) counters_.peak = open;
    }
  }

  void pause_accepting() {
    log(options_.log, LogLevel::Warning, "out of file descriptors: new connections wait");
    watch(EPOLL_CTL_MOD, listener_.get(), 0, kListenId);
    accepting_ = false;
    accept_again_ = now_ + kAcceptPause;
  }

  void set_interest(Connection& c, std::uint32_t events) {
    if (c.state == State::Closed || c.interest == events) return;
    c.interest = events;
    watch(EPOLL_CTL_MOD, c.fd.get(), events, c.number);
  }

  void set_timer(Connection& c, Duration deadline) {
    timers_.push({deadline, c.number, ++c.timer_generation});
  }

  void fire_timers() {
    while (!timers_.empty() && timers_.top().deadline <= now_) {
      const Timer timer = timers_.top();
      timers_.pop();
      const auto found = connections_.find(timer.connection);
      if (found == connections_.end() || found->second->timer_generation != timer.generation)
        continue;
      Connection& c = *found->second;
      switch (c.state) {
        case State::Waiting:
          start_sending(c);
          break;
        case State::Stalled:
          end_stall(c);
          break;
        case State::Reading:
          check_drained(c);
          break;
        case State::Closing:
          close(c, Ending::Orderly);
          break;
        case State::Sending:
          send_more(c);
          break;
        case State::Closed:
          break;
      }
      if (c.state == State::Reading) process_pending(c);
    }
    if (!accepting_ && now_ >= accept_again_) {
      accepting_ = true;
      watch(EPOLL_CTL_MOD, listener_.get(), EPOLLIN, kListenId);
    }
  }

  void sweep() {
    if (connections_.empty() || now_ < next_sweep_) return;
    next_sweep_ = now_ + std::min(kSweepInterval, options_.idle_timeout);
    for (auto& [number, connection] : connections_)
      if (connection->state != State::Waiting &&
          now_ - connection->last_progress > options_.idle_timeout)
        close(*connection);
  }

  /// Orderly lets what the kernel holds go out, at the pace that was set; Abort resets the
  /// connection.
  enum class Ending { Orderly, Abort };

  void close(Connection& c, Ending ending = Ending::Abort) {
    if (c.state == State::Closed) return;
    link_.leave(c.sender);
    c.upload.reset();
    c.state = State::Closed;
    if (ending == Ending::Abort) abort_on_close(c);
    c.fd.reset();
    closed_.push_back(c.number);
  }

  static void abort_on_close(const Connection& c) {
    const ::linger abort{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(c.fd.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  }

  void handle(Connection& c, std::uint32_t events) {
    if (c.state == State::Closed) return;
    if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && (events & EPOLLIN) == 0))
      return close(c);
    if ((events & EPOLLOUT) != 0 && c.state == State::Sending) {
      send_more(c);
      if (c.state == State::Reading) process_pending(c);
    }
    if ((events & EPOLLIN) != 0 && (c.state == State::Reading || c.state == State::Closing))
      receive(c);
  }

  void receive(Connection& c) {
    for (int i = 0; i < kReceivesPerTurn; ++i) {
      const ssize_t size = ::recv(c.fd.get(), receive_buffer_.data(), receive_buffer_.size(), 0);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (size <= 0) return close(c, Ending::Orderly);
      c.last_progress = now_;
      if (c.state == State::Closing) continue;
      consume(c, {receive_buffer_.data(), static_cast<std::size_t>(size)});
      if (c.state != State::Reading) return;
    }
  }

  void process_pending(Connection& c) {
    if (c.pending.empty()) return;
    const std::string bytes = std::move(c.pending);
    c.pending.clear();
    consume(c, bytes);
  }

  /// Feeds requests until the bytes are used up or one of them must be waited for.
  void consume(Connection& c, std::string_view bytes) {
    while (!bytes.empty() && c.state == State::Reading) {
      const RequestParser::Result result = c.parser->feed(bytes);
      bytes.remove_prefix(std::min(result.consumed, bytes.size()));
      switch (result.outcome) {
        case RequestParser::Outcome::NeedMore:
          if (c.refused_early) respond_and_close(c, std::get<Answer>(c.routed));
          break;
        case RequestParser::Outcome::Complete:
          complete(c);
          break;
        case RequestParser::Outcome::Malformed:
          respond_and_close(
              c, S3Api::error({}, {.status = 400,
                                   .code = "BadRequest",
                                   .message = "An error occurred when parsing the HTTP request."}));
          break;
        case RequestParser::Outcome::HeadTooLarge:
          respond_and_close(
              c, S3Api::error({}, {.status = 431,
                                   .code = "RequestHeaderSectionTooLarge",
                                   .message = "Your request header section exceeds the maximum."}));
          break;
      }
    }
    if (c.state != State::Closed && c.state != State::Closing) c.pending.append(bytes);
  }

  void on_head(Connection& c, const Request& request) {
    // The client speaks again, so it has all of the last answer.
    link_.leave(c.sender);
    ++c.timer_generation;
    c.upload.reset();
    c.refused_early = false;
    c.routed = api_.route(request, options_.clock->unix_time());
    const Route* route = std::get_if<Route>(&c.routed);
    if (route != nullptr && has_object_body(route->operation))
      c.upload = std::make_unique<Upload>(store_, request);
    const std::string* expect = request.header("expect");
    if (expect == nullptr || !request.has_body()) return;
    if (c.upload && c.upload->refusal()) c.routed = S3Api::error(request, *c.upload->refusal());
    if (std::holds_alternative<Answer>(c.routed)) {
      c.refused_early = true;  // Nothing of the body is wanted.
      return;
    }
    const ssize_t sent = ::send(c.fd.get(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
    // An empty send buffer takes 25 bytes; where it doesn't, the client's own timeout sends the
    // body.
    if (sent != static_cast<ssize_t>(kContinue.size()))
      log(options_.log, LogLevel::Warning, "could not send 100 Continue");
  }

  void on_body(Connection& c, std::string_view bytes) {
    add(counters_.bytes_received, static_cast<std::int64_t>(bytes.size()));
    if (c.upload) c.upload->append(bytes);
  }

  void complete(Connection& c) {
    const Request& request = c.parser->request();
    c.close_after = !request.keep_alive || c.refused_early;
    if (Answer* answer = std::get_if<Answer>(&c.routed))
      return respond(c, request, std::move(*answer));
    const Route& route = std::get<Route>(c.routed);
    if (!c.upload) {
      const ScriptedFault* scripted = route.operation == Operation::GetObject
                                          ? fault_for(options_.faults, num_gets_++)
                                          : nullptr;
      if (scripted != nullptr && scripted->kind == FaultKind::Replace) replace_object(route);
      return respond(c, request, api_.answer(request, route), scripted);
    }
    Answer answer = api_.finish_upload(route, *c.upload, options_.clock->unix_time());
    c.upload.reset();
    respond(c, request, std::move(answer));
  }

  void replace_object(const Route& route) {
    if (const auto version = store_.find(route.bucket, route.key))
      SKIPJACK_CHECK(store_.put(route.bucket, route.key, replaced(*version)) == StoreOutcome::Ok);
  }

  void respond_and_close(Connection& c, Answer answer) {
    c.close_after = true;
    c.refused_early = false;
    respond(c, c.parser->request(), std::move(answer));
  }

  /// Decides the answer's fate and starts its wait.
  void respond(Connection& c, const Request& request, Answer answer,
               const ScriptedFault* scripted = nullptr) {
    ResponseDraw draw =
        draw_response(options_.profile, options_.seed, {c.number, c.num_requests++});
    add(counters_.requests);
    c.trickle = Duration(0);
    if (scripted != nullptr) answer = follow_script(c, request, std::move(answer), *scripted, draw);
    const bool is_download = answer.blob && answer.body == Answer::Body::Send;
    c.fault.reset();
    if (scripted == nullptr) c.stall = from_seconds(options_.profile.stall_seconds);
    if (is_download && draw.fault) {
      add(counters_.faults);
      if (*draw.fault == Fault::SlowDown) {
        answer = S3Api::error(
            request,
            {.status = 503, .code = "SlowDown", .message = "Please reduce your request rate."});
      } else if (*draw.fault == Fault::InternalError) {
        answer = S3Api::error(request,
                              {.status = 500,
                               .code = "InternalError",
                               .message = "We encountered an internal error. Please try again."});
      } else {
        c.fault = draw.fault;
      }
    }
    if (answer.status >= 500) {
      add(counters_.server_errors);
    } else if (answer.status >= 400) {
      add(counters_.client_errors);
    }
    log_request(c, request, answer, draw);
    write_head(c, answer);
    if (scripted != nullptr) script_head(c, scripted->kind);
    c.sender.limit = draw.bytes_per_second;
    c.stop_at = c.left.end;
    if (c.fault)
      c.stop_at = c.left.begin + static_cast<std::int64_t>(draw.fault_fraction *
                                                           static_cast<double>(c.left.size()));
    const Duration delay = from_seconds(draw.first_byte_seconds);
    if (delay <= Duration::zero()) return start_sending(c);
    c.state = State::Waiting;
    set_interest(c, 0);
    set_timer(c, now_ + delay);
  }

  /// What a scripted fault makes of the answer, and of the draw that decides its fate.
  Answer follow_script(Connection& c, const Request& request, Answer answer,
                       const ScriptedFault& scripted, ResponseDraw& draw) {
    add(counters_.faults);
    draw.fault.reset();
    draw.fault_fraction = scripted.at;
    c.stall = from_seconds(scripted.seconds);
    switch (scripted.kind) {
      case FaultKind::Reset:
        draw.fault = Fault::Reset;
        break;
      case FaultKind::Truncate:
        draw.fault = Fault::Truncate;
        break;
      case FaultKind::Stall:
        draw.fault = Fault::Stall;
        break;
      case FaultKind::Trickle:
        c.trickle = from_seconds(scripted.seconds);
        break;
      case FaultKind::LateHead:
        draw.first_byte_seconds += scripted.seconds;
        break;
      case FaultKind::Close:
        c.close_after = true;
        break;
      default:
        break;
    }
    return struck(scripted, request, std::move(answer));
  }

  /// What can only be done to a head that is written.
  static void script_head(Connection& c, FaultKind kind) {
    if (kind == FaultKind::Interim) c.head.insert(0, kContinue);
    if (kind != FaultKind::LowerCaseHeaders) return;
    const std::size_t end = c.head.find("\r\n\r\n");
    for (std::size_t line = c.head.find("\r\n"); line < end; line = c.head.find("\r\n", line + 2))
      for (std::size_t i = line + 2; i < end && c.head[i] != ':'; ++i)
        if (c.head[i] >= 'A' && c.head[i] <= 'Z') c.head[i] = static_cast<char>(c.head[i] + 32);
  }

  void log_request(const Connection& c, const Request& request, const Answer& answer,
                   const ResponseDraw& draw) {
    if (!options_.log) return;
    const std::string* range = request.header("range");
    log(options_.log, LogLevel::Debug,
        "connection " + std::to_string(c.number) + " request " +
            std::to_string(c.num_requests - 1) + ": " + request.method + " " + request.path +
            (range != nullptr ? " " + *range : "") + " -> " + std::to_string(answer.status) +
            ", first byte after " + format_duration(from_seconds(draw.first_byte_seconds)) +
            (std::isfinite(draw.bytes_per_second)
                 ? ", " + format_byte_size(draw.bytes_per_second) + "/s"
                 : ""));
  }

  void write_head(Connection& c, const Answer& answer) {
    std::string& head = c.head;
    c.head_sent = 0;
    head =
        "HTTP/1.1 " + std::to_string(answer.status) + " " + reason_phrase(answer.status) + "\r\n";
    std::array<char, 64> id{};
    std::snprintf(id.data(), id.size(), "x-amz-request-id: %08llX%08llX\r\n",
                  static_cast<unsigned long long>(c.number),
                  static_cast<unsigned long long>(c.num_requests));
    head += id.data();
    head += "Date: " + http_date(static_cast<std::int64_t>(options_.clock->unix_time())) + "\r\n";
    head += "Server: skipjack-s3sim";
    if (!options_.profile.name.empty()) head += " (profile " + options_.profile.name + ")";
    head += "\r\n";
    if (c.close_after) head += "Connection: close\r\n";
    for (const auto& [name, value] : answer.headers) head += name + ": " + value + "\r\n";
    const bool is_chunked =
        std::any_of(answer.headers.begin(), answer.headers.end(),
                    [](const auto& h) { return h.first == "Transfer-Encoding"; });
    if (answer.status != 204 && !is_chunked)
      head += "Content-Length: " + std::to_string(answer.content_length()) + "\r\n";
    head += "\r\n";
    c.blob.reset();
    c.left = {};
    if (answer.body == Answer::Body::Omit) return;
    head += answer.text;
    if (!answer.blob) return;
    c.blob = answer.blob;
    c.left = answer.range;
  }

  void start_sending(Connection& c) {
    c.state = State::Sending;
    c.last_progress = now_;
    if (c.left.size() > 0) link_.join(c.sender, now_);
    hold_body(c);
    send_more(c);
  }

  /// A paced body waits until a steady flow would have brought what the kernel sends ahead.
  void hold_body(Connection& c) {
    c.body_from = Duration::zero();
    if (c.sender.index < 0 || !std::isfinite(c.sender.paced_at)) return;
    const double ahead = std::min(kUnpacedBytes, static_cast<double>(c.left.size()));
    c.body_from = now_ + from_seconds(ahead / c.sender.paced_at);
    set_timer(c, c.body_from);
  }

  enum class Sent { All, Blocked, Failed };

  /// Up to stop_at.
  Sent send_piece(Connection& c) {
    if (c.head_sent < c.head.size()) {
      const int more = c.left.begin < c.stop_at && c.body_from <= now_ ? MSG_MORE : 0;
      const std::size_t wanted = c.trickle > Duration(0) ? 1 : c.head.size() - c.head_sent;
      const ssize_t size =
          ::send(c.fd.get(), c.head.data() + c.head_sent, wanted, MSG_NOSIGNAL | more);
      if (size < 0)
        return errno == EAGAIN ? Sent::Blocked : errno == EINTR ? Sent::All : Sent::Failed;
      c.head_sent += static_cast<std::size_t>(size);
      return Sent::All;
    }
    const Blob& blob = *c.blob;
    const std::int64_t most = c.trickle > Duration(0) ? 1 : static_cast<std::int64_t>(kSendBytes);
    const std::int64_t wanted = std::min(c.stop_at - c.left.begin, most);
    ssize_t size = 0;
    if (blob.fd < 0) {
      size = ::send(c.fd.get(), blob.text.data() + c.left.begin, static_cast<std::size_t>(wanted),
                    MSG_NOSIGNAL);
    } else {
      ::off_t position = (blob.phase + c.left.begin % blob.period) % blob.period;
      const std::int64_t in_period = std::min<std::int64_t>(wanted, blob.period - position);
      size = ::sendfile(c.fd.get(), blob.fd, &position, static_cast<std::size_t>(in_period));
      if (size == 0) return Sent::Failed;  // A file of the folder that became shorter.
    }
    if (size < 0)
      return errno == EAGAIN ? Sent::Blocked : errno == EINTR ? Sent::All : Sent::Failed;
    c.left.begin += size;
    add(counters_.bytes_sent, size);
    return Sent::All;
  }

  void send_more(Connection& c) {
    const auto finished = [&] { return c.head_sent == c.head.size() && c.left.begin >= c.stop_at; };
    const auto holds = [&] { return c.head_sent == c.head.size() && c.body_from > now_; };
    for (int i = 0; i < kSendsPerTurn && !finished() && !holds(); ++i) {
      const Sent sent = send_piece(c);
      if (sent == Sent::Failed) return close(c);
      if (sent == Sent::Blocked) break;
      c.last_progress = now_;
      if (c.trickle > Duration(0) && !finished()) {
        set_interest(c, 0);
        return set_timer(c, now_ + c.trickle);
      }
    }
    if (!finished()) return set_interest(c, holds() ? 0U : std::uint32_t{EPOLLOUT});
    if (c.fault) return strike(c);
    finish(c);
  }

  void strike(Connection& c) {
    const Fault fault = *c.fault;
    c.fault.reset();
    link_.leave(c.sender);
    if (fault == Fault::Stall) {
      c.state = State::Stalled;
      c.stop_at = c.left.end;
      set_interest(c, 0);
      if (c.stall > Duration(0)) set_timer(c, now_ + c.stall);
      return;
    }
    close(c, fault == Fault::Truncate ? Ending::Orderly : Ending::Abort);
  }

  void end_stall(Connection& c) {
    c.state = State::Sending;
    c.last_progress = now_;
    if (c.left.size() > 0) link_.join(c.sender, now_);
    send_more(c);
  }

  void finish(Connection& c) {
    c.blob.reset();
    if (c.close_after) {
      link_.leave(c.sender);
      c.state = State::Closing;
      ::shutdown(c.fd.get(), SHUT_WR);
      set_interest(c, EPOLLIN);
      set_timer(c, now_ + kCloseGrace);
      return;
    }
    c.state = State::Reading;
    set_interest(c, EPOLLIN);
    if (c.sender.index >= 0) check_drained(c);
  }

  /// What the kernel still holds goes on using the link; the connection leaves it when that is out,
  /// or when the next request shows that it is.
  void check_drained(Connection& c) {
    if (c.sender.index < 0) return;
    int queued = 0;
    const bool known = ::ioctl(c.fd.get(), SIOCOUTQ, &queued) == 0;
    if (!known || queued == 0 || !std::isfinite(c.sender.paced_at)) return link_.leave(c.sender);
    set_timer(c, now_ + std::max(kShortestDrainCheck,
                                 from_seconds(queued / std::max(c.sender.paced_at, 1.0))));
  }

  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  static constexpr std::uint64_t kWakeId = ~std::uint64_t{0};
  static constexpr std::uint64_t kListenId = kWakeId - 1;

  const ServerOptions options_;
  ObjectStore store_;
  S3Api api_;
  Link link_;
  FileDescriptor listener_, epoll_, wake_;
  int port_ = 0;
  Counters counters_;
  std::int64_t num_gets_ = 0;

  // Of the loop's thread.
  Duration now_{0};
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<std::uint64_t> closed_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint64_t next_number_ = 0;
  Duration next_sweep_{0};
  bool accepting_ = true;
  Duration accept_again_{0};
  std::vector<char> receive_buffer_ = std::vector<char>(kReceiveBytes);

  std::atomic<bool> stopping_{false};
  std::mutex stop_mutex_;
  clockid_t cpu_clock_{};
  bool has_clock_ = false;
  double final_cpu_seconds_ = 0;
  std::thread thread_;
};

SyntheticObject parse_synthetic_object(std::string_view text) {
  const std::size_t slash = text.find('/'), equals = text.rfind('=');
  if (slash == std::string_view::npos || equals == std::string_view::npos || slash == 0 ||
      equals <= slash + 1)
    throw Error(ErrorCode::InvalidArgument,
                "object \"" + std::string(text) + "\" must be BUCKET/KEY=SIZE", "bench/obj=1GiB");
  SyntheticObject object{.bucket = std::string(text.substr(0, slash)),
                         .key = std::string(text.substr(slash + 1, equals - slash - 1)),
                         .size = parse_byte_size(text.substr(equals + 1))};
  if (!is_valid_bucket_name(object.bucket))
    throw Error(ErrorCode::InvalidArgument,
                "bucket \"" + object.bucket + "\" must be 3 to 63 of a-z, 0-9, '.' and '-'");
  return object;
}

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Server::~Server() = default;
int Server::port() const { return impl_->port(); }
std::string Server::endpoint_url() const {
  return "http://" + impl_->options().host + ":" + std::to_string(port());
}
const Profile& Server::profile() const { return impl_->options().profile; }
ServerStats Server::stats() const { return impl_->stats(); }
void Server::put_object(const std::string& bucket, const std::string& key, std::string_view bytes,
                        const PutAs& as) {
  impl_->put_object(bucket, key, bytes, as);
}
void Server::add_object(const SyntheticObject& object) { impl_->add_object(object); }
void Server::remove_object(const std::string& bucket, const std::string& key) {
  impl_->remove_object(bucket, key);
}
void Server::stop() { impl_->stop(); }

}  // namespace skipjack::s3sim
