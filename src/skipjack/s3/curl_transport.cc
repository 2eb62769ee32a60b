// Transport on libcurl's multi interface, driven by epoll. Each wake-up touches the sockets that
// are ready and no others. Paced senders (S3 gives a connection about 90 MB/s) deliver in bites of
// 64 KiB; so that each does not cost a wake-up, the loop lets bytes gather for a moment while
// bodies flow. Stalls are measured here and not by libcurl, which would count the time in which a
// full disk made the engine wait.
#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/curl_status.h"
#include "skipjack/s3/file_limit.h"
#include "skipjack/s3/request_text.h"
#include "skipjack/s3/text.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {
namespace {

constexpr std::size_t kLongestHead = 64 * 1024;
// Bytes gather for so long while bodies flow: at 90 MB/s a connection has 90 KB by then. 10
// connections paced at 93 MB/s, 1 GiB dropped: 0.36 CPU s/GiB without, 0.33 with 1 ms, 0.28 with 2
// ms (medians of 5 on a busy two-core machine, so the order is known better than the sizes); 1 ms
// delays the next request by less than 1 % of a part.
constexpr Duration kGather = std::chrono::microseconds(1000);
constexpr Duration kStallCheck = std::chrono::milliseconds(250);
// Away from the network for longer than this: it is taken off the stall clock.
constexpr Duration kAway = std::chrono::milliseconds(10);

void check_multi(CURLMcode code, const char* what) {
  if (code != CURLM_OK)
    throw Error(ErrorCode::Network,
                std::string("libcurl: ") + what + ": " + curl_multi_strerror(code));
}

class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(const TransportOptions& options) : options_(options) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_ALL); });
    multi_ = curl_multi_init();
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.fd = wake_}};
    if (multi_ == nullptr || epoll_ < 0 || wake_ < 0 ||
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
      const int error_number = errno;
      close_all();
      throw errno_error(error_number, "can't set up the network loop");
    }
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlTransport::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlTransport::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS,
                      static_cast<long>(options_.max_idle_connections));
  }

  ~CurlTransport() override {
    for (const auto& exchange : exchanges_) {
      if (exchange->receiver != nullptr) curl_multi_remove_handle(multi_, exchange->easy);
      curl_slist_free_all(exchange->header_list);
      curl_easy_cleanup(exchange->easy);
    }
    close_all();
  }

  void start(HttpRequest request, ResponseReceiver& receiver) override {
    require_single_lines(request);
    Exchange& exchange = idle_exchange();
    exchange.request = std::move(request);
    exchange.head = {};
    exchange.head_bytes = 0;
    exchange.phase = Phase::Head;
    exchange.sent = 0;
    exchange.error[0] = '\0';
    exchange.socket_error = 0;
    exchange.last_progress = system_clock().now();
    set_options(exchange);
    exchange.receiver = &receiver;
    ++active_;
    gathering_ = false;
    check_multi(curl_multi_add_handle(multi_, exchange.easy), "can't start a request");
  }

  void cancel(ResponseReceiver& receiver) override {
    for (const auto& exchange : exchanges_)
      if (exchange->receiver == &receiver) retire(*exchange);
  }

  void drive(Duration timeout) override {
    const Duration begin = system_clock().now();
    // Time in which nobody looked (a bandwidth to keep) is not the servers' fault.
    if (const Duration away = begin - last_left_; away > kAway)
      for (const auto& exchange : exchanges_)
        exchange->last_progress = std::min(begin, exchange->last_progress + away);
    ended_in_pass_ = false;
    fire_timer(begin);
    // On a warm connection a whole answer may have come within that call; nothing would wake us for
    // it.
    hand_out_ends();
    if (ended_in_pass_) timeout = Duration(0);
    if (gathering_ && timeout > kGather) {
      const timespec pause{0, kGather.count()};
      ::nanosleep(&pause, nullptr);
    }
    std::array<epoll_event, 256> events;
    const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                               wait_ms(begin, timeout));
    if (n < 0 && errno != EINTR) throw errno_error(errno, "can't wait for the network");
    const Duration woken = system_clock().now();
    bytes_in_pass_ = 0;
    for (int i = 0; i < n; ++i) {
      if (events[static_cast<std::size_t>(i)].data.fd == wake_) {
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t ignored = ::read(wake_, &count, sizeof count);
        continue;
      }
      const std::uint32_t bits = events[static_cast<std::size_t>(i)].events;
      const int mask = ((bits & (EPOLLIN | EPOLLHUP)) ? CURL_CSELECT_IN : 0) |
                       ((bits & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
                       ((bits & EPOLLERR) ? CURL_CSELECT_ERR : 0);
      int running = 0;
      check_multi(curl_multi_socket_action(multi_, events[static_cast<std::size_t>(i)].data.fd,
                                           mask, &running),
                  "can't receive");
    }
    const Duration now = system_clock().now();
    fire_timer(now);
    hand_out_ends();
    // What on_end() started goes out at once.
    fire_timer(now);
    // Gathering pays when sockets are emptied each time; a full receive buffer says that more is
    // there.
    gathering_ = bytes_in_pass_ > 0 && !ended_in_pass_ &&
                 bytes_in_pass_ < static_cast<std::int64_t>(n) * options_.receive_buffer * 3 / 4;
    // After a long pass (the engine waited for the disk) the sockets have not been looked at yet.
    if (now - woken < std::chrono::seconds(1)) fail_stalled(now);
    last_left_ = system_clock().now();
  }

  void wake() noexcept override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(wake_, &one, sizeof one);
  }

  void set_receive_buffer(std::int64_t bytes) override { options_.receive_buffer = bytes; }
  void set_endpoint_ips(const std::vector<std::string>& addresses) override {
    if (!addresses.empty())
      throw Error(ErrorCode::Unsupported, "endpoint_ips need the transport on sockets",
                  "leave them out, or the proxy");
  }
  std::int64_t num_connections() const override { return num_connections_; }

 private:
  enum class Phase { Head, Body };
  struct Exchange {
    CurlTransport* owner = nullptr;
    CURL* easy = nullptr;
    curl_slist* header_list = nullptr;
    ResponseReceiver* receiver = nullptr;  ///< nullptr: idle.
    HttpRequest request;
    HttpHead head;
    std::size_t head_bytes = 0;
    Phase phase = Phase::Head;
    std::size_t sent = 0;
    Duration last_progress{0};
    char error[CURL_ERROR_SIZE] = {};
    /// errno of a socket that could not be made.
    int socket_error = 0;
  };

  void close_all() {
    if (multi_ != nullptr) curl_multi_cleanup(multi_);
    if (epoll_ >= 0) ::close(epoll_);
    if (wake_ >= 0) ::close(wake_);
  }

  Exchange& idle_exchange() {
    if (idle_.empty()) {
      auto exchange = std::make_unique<Exchange>();
      exchange->owner = this;
      exchange->easy = curl_easy_init();
      if (exchange->easy == nullptr)
        throw Error(ErrorCode::Exhausted, "libcurl has no memory for a request");
      exchanges_.push_back(std::move(exchange));
      return *exchanges_.back();
    }
    Exchange& exchange = *idle_.back();
    idle_.pop_back();
    return exchange;
  }

  void set_options(Exchange& exchange) {
    CURL* const easy = exchange.easy;
    const HttpRequest& request = exchange.request;
    curl_easy_reset(easy);
    curl_slist_free_all(exchange.header_list);
    exchange.header_list = nullptr;
    for (const auto& [name, value] : request.headers)
      exchange.header_list = curl_slist_append(
          exchange.header_list, (name + (value.empty() ? ";" : ": " + value)).c_str());
    exchange.header_list = curl_slist_append(exchange.header_list, "Expect:");
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange.header_list);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "skipjack");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, options_.proxy.c_str());
    if (!options_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(
        easy, CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(
            std::chrono::ceil<std::chrono::milliseconds>(options_.connect_timeout).count()));
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, static_cast<long>(options_.receive_buffer));
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange.error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &exchange);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &CurlTransport::on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &CurlTransport::on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &CurlTransport::on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    if (request.method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT" || request.method == "POST") {
      curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
      curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy, CURLOPT_READFUNCTION, &CurlTransport::on_read);
      curl_easy_setopt(easy, CURLOPT_READDATA, &exchange);
      curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
    } else if (request.method != "GET") {
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  void retire(Exchange& exchange) {
    curl_multi_remove_handle(multi_, exchange.easy);
    exchange.receiver = nullptr;
    --active_;
    idle_.push_back(&exchange);
  }

  void hand_out_ends() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Exchange* exchange = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
      long connects = 0;
      curl_easy_getinfo(message->easy_handle, CURLINFO_NUM_CONNECTS, &connects);
      num_connections_ += connects;
      const CURLcode code = message->data.result;  // message dies with the handle's removal.
      TransportStatus status = transport_status_of(code);
      if (status == TransportStatus::Complete && exchange->phase == Phase::Head)
        status = TransportStatus::ProtocolError;
      std::string detail = exchange->error[0] != '\0' ? exchange->error : curl_easy_strerror(code);
      if (status == TransportStatus::ConnectFailed) {
        int error = exchange->socket_error;
        if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY)
          error = error_of_one_more_file(wake_);
        if (const std::string why = lack_of_files(error); !why.empty()) {
          status = TransportStatus::OutOfFiles;
          detail = why;
        }
      }
      // libcurl quotes a proxy that it can't read, with its password; a long one not to its end.
      if (const std::size_t at = detail.find(options_.proxy.substr(0, 64));
          !options_.proxy.empty() && at != std::string::npos)
        detail.replace(at, options_.proxy.size(), "the proxy");
      ResponseReceiver* const receiver = exchange->receiver;
      retire(*exchange);
      ended_in_pass_ = true;
      receiver->on_end(status, status == TransportStatus::Complete ? std::string_view() : detail);
    }
  }

  void fail_stalled(Duration now) {
    if (now < next_stall_check_) return;
    next_stall_check_ = now + kStallCheck;
    // on_end may start requests, which adds to exchanges_: by index.
    for (std::size_t i = 0; i < exchanges_.size(); ++i) {
      Exchange& exchange = *exchanges_[i];
      const Duration timeout = exchange.request.stall_timeout.value_or(options_.stall_timeout);
      if (exchange.receiver == nullptr || now - exchange.last_progress < timeout) continue;
      ResponseReceiver* const receiver = exchange.receiver;
      retire(exchange);
      receiver->on_end(TransportStatus::TimedOut, "no byte in " + format_duration(timeout));
    }
  }

  void fire_timer(Duration now) {
    while (timer_ && *timer_ <= now) {
      timer_.reset();
      int running = 0;
      check_multi(curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running),
                  "can't go on");
      // A timer of 0 ms set meanwhile is due at once; later ones wait for epoll.
      now = std::max(now, system_clock().now());
    }
  }

  int wait_ms(Duration now, Duration timeout) const {
    Duration wait = timeout;
    if (timer_) wait = std::min(wait, *timer_ - now);
    if (active_ > 0) wait = std::min(wait, kStallCheck);
    wait = std::clamp<Duration>(wait, Duration(0), std::chrono::hours(1));
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
  }

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    auto* transport = static_cast<CurlTransport*>(self);
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(transport->epoll_, EPOLL_CTL_DEL, fd, nullptr);
      return 0;
    }
    epoll_event event{.events = 0, .data = {.fd = fd}};
    if (what & CURL_POLL_IN) event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
    int result = ::epoll_ctl(transport->epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    // A descriptor that was closed and came back under the same number.
    if (result != 0 && errno == ENOENT)
      result = ::epoll_ctl(transport->epoll_, EPOLL_CTL_ADD, fd, &event);
    if (result != 0 && errno == EEXIST)
      result = ::epoll_ctl(transport->epoll_, EPOLL_CTL_MOD, fd, &event);
    if (result != 0) return -1;
    curl_multi_assign(transport->multi_, fd, transport);
    return 0;
  }

  /// As libcurl does itself, but remembering why it can't be done.
  static curl_socket_t on_open_socket(void* data, curlsocktype, curl_sockaddr* address) {
    const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) static_cast<Exchange*>(data)->socket_error = errno;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
  }

  static int on_timer(CURLM*, long timeout_ms, void* self) {
    auto* transport = static_cast<CurlTransport*>(self);
    if (timeout_ms < 0)
      transport->timer_.reset();
    else
      transport->timer_ = system_clock().now() + std::chrono::milliseconds(timeout_ms);
    return 0;
  }

  static std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* data) {
    auto& exchange = *static_cast<Exchange*>(data);
    exchange.last_progress = system_clock().now();
    if (exchange.phase == Phase::Body) return size;  // trailers
    exchange.head_bytes += size;
    if (exchange.head_bytes > kLongestHead) return 0;
    const std::string_view line = trim({bytes, size});
    if (line.substr(0, 5) == "HTTP/") {
      exchange.head = {};
      return size;
    }
    if (line.empty()) {
      long status = 0;
      curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
      exchange.head.status = static_cast<int>(status);
      if (status < 200) return size;  // 100 Continue and its like: the answer follows.
      exchange.phase = Phase::Body;
      exchange.receiver->on_head(exchange.head);
      return size;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    exchange.head.headers.emplace_back(
        lower_case(line.substr(0, colon)),
        std::string(trim(line.substr(std::min(colon + 1, line.size())))));
    return size;
  }

  static std::size_t on_data(char* bytes, std::size_t, std::size_t size, void* data) {
    auto& exchange = *static_cast<Exchange*>(data);
    exchange.last_progress = system_clock().now();
    exchange.owner->bytes_in_pass_ += static_cast<std::int64_t>(size);
    std::size_t left = size;
    while (left > 0) {
      const std::span<std::byte> space = exchange.receiver->body_space();
      if (space.empty()) return 0;
      const std::size_t n = std::min(left, space.size());
      std::memcpy(space.data(), bytes + (size - left), n);
      exchange.receiver->on_body(n);
      left -= n;
    }
    return size;
  }

  static std::size_t on_read(char* bytes, std::size_t, std::size_t size, void* data) {
    auto& exchange = *static_cast<Exchange*>(data);
    exchange.last_progress = system_clock().now();
    const std::size_t n = std::min(size, exchange.request.body.size() - exchange.sent);
    if (n > 0) std::memcpy(bytes, exchange.request.body.data() + exchange.sent, n);
    exchange.sent += n;
    return n;
  }

  TransportOptions options_;
  CURLM* multi_ = nullptr;
  int epoll_ = -1;
  int wake_ = -1;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<Exchange*> idle_;
  std::optional<Duration> timer_;
  Duration next_stall_check_{0};
  Duration last_left_ = system_clock().now();
  std::int64_t active_ = 0;
  std::int64_t num_connections_ = 0;
  std::int64_t bytes_in_pass_ = 0;
  bool ended_in_pass_ = false;
  bool gathering_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_curl_transport(const TransportOptions& options) {
  validate(options);
  auto transport = std::make_unique<CurlTransport>(options);
  transport->set_endpoint_ips(options.endpoint_ips);
  return transport;
}

}  // namespace skipjack::s3
