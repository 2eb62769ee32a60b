// What the hardware allows: the shortest loops that bring an object's bytes from a server to
// nowhere or, around the page cache, to a file. Each connection fetches part after part into slabs
// on huge pages; SO_RCVLOWAT lets the kernel wake the loop once a good deal is there.
//
//   epoll     one thread receives, --writers others write
//   io_uring  one thread, one ring: receptions and writes alike
//
// No retries, no checks, no bounds: what an engine adds is what the benchmark measures.
#include <arpa/inet.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/s3/crc.h"

namespace skipjack::bench {
namespace {

constexpr std::int64_t kBlock = 4096;
constexpr std::int64_t kLowWater = kMiB;
/// Slabs beyond one a connection: written, or waiting to be.
constexpr std::int64_t kSpareSlabs = 12;

struct Options {
  std::uint16_t port = 0;
  std::int64_t size = 0, part = 16 * kMiB, slab = 4 * kMiB;
  int connections = 10, writers = 2;
  std::string loop = "epoll", target;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Slab {
  char* bytes = nullptr;
  std::int64_t offset = 0, used = 0;
};

/// Slabs, and where full ones go: written by threads, or by whoever asks for `full`.
class Slabs {
 public:
  explicit Slabs(const Options& options) : options_(options) {
    const std::int64_t count = options.connections + kSpareSlabs;
    const auto bytes = static_cast<std::size_t>(count * options.slab);
    char* pool = nullptr;
    if (::posix_memalign(reinterpret_cast<void**>(&pool), 2 * kMiB, bytes) != 0) die("memory");
    ::madvise(pool, bytes, MADV_HUGEPAGE);
    for (std::int64_t i = count; i-- > 0;) free_.push_back(pool + i * options.slab);
    if (options.target.empty()) return;
    ::unlink(options.target.c_str());
    file_ = ::open(options.target.c_str(), O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0644);
    if (file_ < 0 || ::fallocate(file_, 0, 0, options.size) != 0) die("file");
  }
  ~Slabs() {
    if (file_ >= 0 && ::ftruncate(file_, options_.size) != 0) die("truncate");
  }
  Slabs(const Slabs&) = delete;
  Slabs& operator=(const Slabs&) = delete;

  void start_writers() {
    for (int i = 0; i < options_.writers && file_ >= 0; ++i)
      threads_.emplace_back([this] { write_all(); });
  }
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  int file() const { return file_; }
  /// The last block is written whole and cut off at the end.
  static std::size_t length(const Slab& slab) {
    return static_cast<std::size_t>((slab.used + kBlock - 1) / kBlock * kBlock);
  }
  bool has_free() const { return !free_.empty(); }
  char* take() {
    std::unique_lock lock(mutex_);
    space_.wait(lock, [&] { return !free_.empty(); });
    char* const bytes = free_.back();
    free_.pop_back();
    return bytes;
  }
  void give(char* bytes) {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(bytes);
    }
    space_.notify_one();
  }
  void write(const Slab& slab) {
    if (file_ < 0) return give(slab.bytes);
    {
      const std::lock_guard lock(mutex_);
      full_.push_back(slab);
    }
    work_.notify_one();
  }

 private:
  void write_all() {
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [&] { return closing_ || !full_.empty(); });
      if (full_.empty()) return;
      const Slab slab = full_.front();
      full_.pop_front();
      lock.unlock();
      if (::pwrite(file_, slab.bytes, length(slab), slab.offset) < 0) die("write");
      lock.lock();
      free_.push_back(slab.bytes);
      space_.notify_one();
    }
  }

  const Options& options_;
  int file_ = -1;
  std::mutex mutex_;
  std::condition_variable work_, space_;
  std::vector<char*> free_;
  std::deque<Slab> full_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

struct Connection {
  int socket = -1;
  std::int64_t offset = 0, owed = 0;
  Slab slab;
  std::array<char, 4096> head{};
  std::size_t head_used = 0;
  bool is_in_head = true, is_done = false;
  int low_water = 1;
};

class Loop {
 public:
  explicit Loop(const Options& options) : options_(options), slabs_(options) {
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (Connection& c : connections_) {
      c.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (::connect(c.socket, reinterpret_cast<::sockaddr*>(&address), sizeof address) != 0)
        die("connect");
      const int on = 1;
      ::setsockopt(c.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
  }

  void run_epoll() {
    slabs_.start_writers();
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    for (Connection& c : connections_) {
      ::epoll_event event{.events = EPOLLIN, .data = {.ptr = &c}};
      ::epoll_ctl(epoll, EPOLL_CTL_ADD, c.socket, &event);
      ask(c);
    }
    std::array<::epoll_event, 256> events;
    while (live_ > 0) {
      const int count = ::epoll_wait(epoll, events.data(), std::ssize(events), -1);
      for (int i = 0; i < count; ++i)
        receive(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    }
    slabs_.finish();
  }

  void run_ring() {
    ::io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    errno = -::io_uring_queue_init_params(1024, &ring_, &parameters);
    if (errno != 0) die("io_uring");
    for (Connection& c : connections_)
      if (ask(c)) arm(c);
    while (live_ > 0 || writing_ > 0) {
      ::io_uring_submit_and_wait(&ring_, 1);
      ::io_uring_cqe* entry = nullptr;
      while (::io_uring_peek_cqe(&ring_, &entry) == 0) {
        const std::uint64_t tag = entry->user_data;
        const int result = entry->res;
        ::io_uring_cqe_seen(&ring_, entry);
        complete(tag, result);
      }
    }
  }

 private:
  /// The next part's request; false when there is none.
  bool ask(Connection& c) {
    if (next_ >= options_.size) {
      c.is_done = true;
      --live_;
      return false;
    }
    c.offset = next_;
    c.owed = std::min(options_.part, options_.size - next_);
    next_ += c.owed;
    c.is_in_head = true;
    c.head_used = 0;
    const std::string text = "GET /bench/object HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=" +
                             std::to_string(c.offset) + "-" +
                             std::to_string(c.offset + c.owed - 1) + "\r\n\r\n";
    if (::send(c.socket, text.data(), text.size(), MSG_NOSIGNAL) != std::ssize(text)) die("send");
    set_low_water(c, 1);
    return true;
  }

  void set_low_water(Connection& c, std::int64_t bytes) {
    const int value = static_cast<int>(std::clamp<std::int64_t>(bytes, 1, kLowWater));
    if (value == c.low_water) return;
    ::setsockopt(c.socket, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
    c.low_water = value;
  }

  /// Where the next bytes go, and how many.
  std::span<char> space(Connection& c) {
    if (c.is_in_head) return std::span(c.head).subspan(c.head_used);
    if (c.slab.bytes == nullptr) c.slab.bytes = slabs_.take();
    if (c.slab.used == 0) c.slab.offset = c.offset;
    return {c.slab.bytes + c.slab.used,
            static_cast<std::size_t>(std::min(c.owed, options_.slab - c.slab.used))};
  }

  void took(Connection& c, std::size_t n) {
    if (c.is_in_head) {
      c.head_used += n;
      const std::string_view text(c.head.data(), c.head_used);
      const std::size_t end = text.find("\r\n\r\n");
      if (end == std::string_view::npos) return;
      if (!text.starts_with("HTTP/1.1 206")) die("answer");
      c.is_in_head = false;
      const std::string_view body = text.substr(end + 4);
      const std::span<char> to = space(c);
      std::memcpy(to.data(), body.data(), body.size());
      n = body.size();
    }
    const auto size = static_cast<std::int64_t>(n);
    c.slab.used += size;
    c.offset += size;
    c.owed -= size;
    if (c.slab.used == options_.slab || c.owed == 0) write(c);
  }

  void write(Connection& c) {
    const Slab slab = std::exchange(c.slab, {});
    if (options_.loop == "epoll" || slabs_.file() < 0) return slabs_.write(slab);
    ::io_uring_sqe* const entry = next_entry();
    ::io_uring_prep_write(entry, slabs_.file(), slab.bytes,
                          static_cast<unsigned>(Slabs::length(slab)),
                          static_cast<std::uint64_t>(slab.offset));
    entry->user_data = reinterpret_cast<std::uint64_t>(slab.bytes) | 1;
    ++writing_;
  }

  void receive(Connection& c) {
    while (!c.is_done) {
      const std::span<char> to = space(c);
      const ssize_t n = ::recv(c.socket, to.data(), to.size(), MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN)) die("receive");
      if (n > 0) took(c, static_cast<std::size_t>(n));
      if (!c.is_in_head && c.owed == 0) {
        ask(c);
        return;
      }
      if (n < std::ssize(to)) {
        if (!c.is_in_head) set_low_water(c, c.owed);
        return;
      }
    }
  }

  ::io_uring_sqe* next_entry() {
    ::io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
      ::io_uring_submit(&ring_);
      entry = ::io_uring_get_sqe(&ring_);
    }
    return entry;
  }

  void arm(Connection& c) {
    if (c.slab.bytes == nullptr && !slabs_.has_free()) {
      starved_.push_back(&c);
      return;
    }
    if (c.slab.bytes == nullptr) c.slab.bytes = slabs_.take();
    const std::span<char> to = space(c);
    set_low_water(c, c.is_in_head ? 1 : std::ssize(to));
    ::io_uring_sqe* const entry = next_entry();
    ::io_uring_prep_recv(entry, c.socket, to.data(), to.size(), 0);
    entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    entry->user_data = reinterpret_cast<std::uint64_t>(&c);
  }

  void complete(std::uint64_t tag, int result) {
    errno = -result;
    if ((tag & 1) != 0) {
      if (result < 0) die("write");
      --writing_;
      slabs_.give(reinterpret_cast<char*>(tag & ~std::uint64_t{1}));
      if (starved_.empty()) return;
      Connection* const c = starved_.front();
      starved_.pop_front();
      return arm(*c);
    }
    if (result <= 0) die("receive");
    auto& c = *reinterpret_cast<Connection*>(tag);
    // A head's rest goes into a slab at once.
    took(c, static_cast<std::size_t>(result));
    if (c.is_in_head || c.owed > 0 || ask(c)) arm(c);
  }

  const Options& options_;
  Slabs slabs_;
  std::vector<Connection> connections_ =
      std::vector<Connection>(static_cast<std::size_t>(options_.connections));
  int live_ = options_.connections, writing_ = 0;
  std::int64_t next_ = 0;
  ::io_uring ring_{};
  std::deque<Connection*> starved_;
};

/// Opens so many bytes of AES-128-GCM in TLS's records of 16 KiB: what TLS costs at the least.
void decipher(std::int64_t size) {
  std::vector<unsigned char> record(16 * 1024), key(16), nonce(12), tag(16);
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  EVP_DecryptInit_ex(context, EVP_aes_128_gcm(), nullptr, key.data(), nonce.data());
  for (std::int64_t done = 0; done < size; done += std::ssize(record)) {
    int n = 0;
    EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data());
    EVP_DecryptUpdate(context, record.data(), &n, record.data(), static_cast<int>(record.size()));
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag.size()), tag.data());
    EVP_DecryptFinal_ex(context, record.data(), &n);  // The tag is wrong; computing it costs alike.
  }
  EVP_CIPHER_CTX_free(context);
}

/// The CRC64NVME of so many bytes, each read while it is in the cache.
void sum_up(std::int64_t size) {
  const std::vector<std::byte> bytes(256 * 1024);
  std::uint64_t crc = 0;
  for (std::int64_t done = 0; done < size; done += std::ssize(bytes))
    crc = s3::crc_update(s3::CrcKind::Crc64Nvme, crc, bytes);
  std::printf("%016llx\n", static_cast<unsigned long long>(crc));
}

}  // namespace
}  // namespace skipjack::bench

int main(int argc, char** argv) {
  using namespace skipjack;
  CLI::App app("Loops that receive as cheaply as the machine can");
  bench::Options options;
  std::string size;
  bool is_cipher = false, is_checksum = false;
  app.add_option("--size", size, "of the object")->required();
  app.add_option("--port", options.port);
  app.add_option("--connections", options.connections);
  app.add_option("--writers", options.writers);
  app.add_option("--loop", options.loop)->check(CLI::IsMember({"epoll", "io_uring"}));
  app.add_option("--part", options.part);
  app.add_option("--slab", options.slab);
  app.add_option("--target", options.target, "file; default: nowhere");
  app.add_flag("--cipher", is_cipher, "decipher so many bytes instead");
  app.add_flag("--checksum", is_checksum, "compute the CRC64NVME of so many bytes instead");
  CLI11_PARSE(app, argc, argv);
  options.size = parse_byte_size(size);
  if (is_cipher) {
    bench::decipher(options.size);
  } else if (is_checksum) {
    bench::sum_up(options.size);
  } else {
    bench::Loop loop(options);
    options.loop == "epoll" ? loop.run_epoll() : loop.run_ring();
  }
}
