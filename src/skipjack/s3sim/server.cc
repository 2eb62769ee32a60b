// The event loop of the server: sockets, clocks, who has waited too long.
#include "skipjack/s3sim/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3sim/server_machine.h"
#include "skipjack/s3sim/synthetic.h"

namespace skipjack::s3sim {
namespace {

/// Pause in accepting when the process is out of descriptors.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr Duration kSweepInterval = std::chrono::seconds(1);
/// The kernel does not pace the first ten segments of a connection [Linux tcp_output.c], and with
/// loopback's own segments of 64 KiB that would be a gift of 640 KiB to each. Segments of
/// Ethernet's size make it 14 KiB, and cost nothing, since loopback never cuts the 64 KiB buffers
/// that carry them.
constexpr int kSegmentBytes = 1448;

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

Server::Impl::Impl(ServerOptions options)
    : options_(checked(std::move(options))),
      store_({.folder = options_.folder, .memory_limit = options_.memory_limit}),
      api_(store_, {.key = {options_.access_key, options_.secret_key}, .region = options_.region}),
      link_(options_.profile, options_.seed, now()) {
  for (const std::string& bucket : options_.buckets) store_.create_bucket(bucket);
  for (const SyntheticObject& object : options_.objects) add_object(object);
  listen();
  thread_ = std::thread([this] { run(); });
  has_clock_ = ::pthread_getcpuclockid(thread_.native_handle(), &cpu_clock_) == 0;
}

void Server::Impl::stop() {
  std::lock_guard lock(stop_mutex_);
  if (!thread_.joinable()) return;
  stopping_.store(true);
  const std::uint64_t one = 1;
  SKIPJACK_CHECK(::write(wake_.get(), &one, sizeof one) == sizeof one);
  thread_.join();
}

ServerStats Server::Impl::stats() {
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

void Server::Impl::put_object(const std::string& bucket, const std::string& key,
                              std::string_view bytes, const PutAs& as) {
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

void Server::Impl::add_object(const SyntheticObject& object) {
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

void Server::Impl::remove_object(const std::string& bucket, const std::string& key) {
  store_.remove(bucket, key);
}

void Server::Impl::listen() {
  // The port is at the same place in both.
  ::sockaddr_in6 address{};
  auto& address4 = reinterpret_cast<::sockaddr_in&>(address);
  address.sin6_port = htons(static_cast<std::uint16_t>(options_.port));
  if (::inet_pton(AF_INET6, options_.host.c_str(), &address.sin6_addr) == 1)
    address.sin6_family = AF_INET6;
  else if (::inet_pton(AF_INET, options_.host.c_str(), &address4.sin_addr) == 1)
    address.sin6_family = AF_INET;
  else
    throw Error(ErrorCode::InvalidArgument,
                "host \"" + options_.host + "\" is no numeric IPv4 or IPv6 address", "127.0.0.1");
  const std::string where = options_.host + " port " + std::to_string(options_.port);
  listener_ =
      Descriptor(::socket(address.sin6_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (listener_.get() < 0) throw errno_error(errno, "socket to listen on " + where);
  const int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (is_paced())
    ::setsockopt(listener_.get(), IPPROTO_TCP, TCP_MAXSEG, &kSegmentBytes, sizeof kSegmentBytes);
  if (::bind(listener_.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 1024) != 0)
    throw errno_error(errno, "listening on " + where);
  ::socklen_t size = sizeof address;
  if (::getsockname(listener_.get(), reinterpret_cast<::sockaddr*>(&address), &size) != 0)
    throw errno_error(errno, "address of the listening socket");
  port_ = ntohs(address.sin6_port);
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  wake_ = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (epoll_.get() < 0 || wake_.get() < 0) throw errno_error(errno, "event loop of the server");
  watch(EPOLL_CTL_ADD, wake_.get(), EPOLLIN, kWakeId);
  watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN, kListenId);
}

bool Server::Impl::is_paced() const {
  const Profile& profile = options_.profile;
  return profile.link_bytes_per_second > 0 || profile.connection_bytes_per_second > 0 ||
         profile.slow_odds > 0;
}

void Server::Impl::watch(int operation, int fd, std::uint32_t events, std::uint64_t id) {
  ::epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0)
    throw errno_error(errno, "watching a socket of the server");
}

void Server::Impl::run() {
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
  listener_.close();
  counters_.open = 0;
  final_cpu_seconds_ = thread_cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
}

void Server::Impl::turn() {
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

int Server::Impl::wait(std::array<::epoll_event, 256>& events) {
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

void Server::Impl::accept_all() {
  while (true) {
    Descriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting();
      return;
    }
    if (connections_.size() >= static_cast<std::size_t>(options_.max_connections)) continue;
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::uint64_t number = next_number_++;
    auto connection = std::make_unique<Connection>(number, std::move(fd));
    Connection& c = *connection;
    c.last_progress = now_;
    c.sender.fd = c.fd.get();
    c.parser = std::make_unique<RequestParser>(
        RequestParserOptions{.on_head = [this, &c](const Request& request) { on_head(c, request); },
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

void Server::Impl::pause_accepting() {
  log(options_.log, LogLevel::Warning, "out of file descriptors: new connections wait");
  watch(EPOLL_CTL_MOD, listener_.get(), 0, kListenId);
  accepting_ = false;
  accept_again_ = now_ + kAcceptPause;
}

void Server::Impl::set_interest(Connection& c, std::uint32_t events) {
  if (c.state == State::Closed || c.interest == events) return;
  c.interest = events;
  watch(EPOLL_CTL_MOD, c.fd.get(), events, c.number);
}

void Server::Impl::set_timer(Connection& c, Duration deadline) {
  timers_.push({deadline, c.number, ++c.timer_generation});
}

void Server::Impl::fire_timers() {
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

void Server::Impl::sweep() {
  if (connections_.empty() || now_ < next_sweep_) return;
  next_sweep_ = now_ + std::min(kSweepInterval, options_.idle_timeout);
  for (auto& [number, connection] : connections_)
    if (connection->state != State::Waiting &&
        now_ - connection->last_progress > options_.idle_timeout)
      close(*connection);
}

void Server::Impl::close(Connection& c, Ending ending) {
  if (c.state == State::Closed) return;
  link_.leave(c.sender);
  c.upload.reset();
  c.state = State::Closed;
  if (ending == Ending::Abort) abort_on_close(c);
  c.fd.close();
  closed_.push_back(c.number);
}

void Server::Impl::abort_on_close(const Connection& c) {
  const ::linger abort{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(c.fd.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
}

void Server::Impl::handle(Connection& c, std::uint32_t events) {
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
  const std::string& host = impl_->options().host;
  const bool is_version_6 = host.find(':') != std::string::npos;
  return "http://" + (is_version_6 ? "[" + host + "]" : host) + ":" + std::to_string(port());
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
