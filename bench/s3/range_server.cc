// The server that the receive path is measured against: it answers HEAD and ranged GET for any path
// with the same computed object, as cheaply as a server can (sendfile from a memory file, a thread
// a connection), paced by the kernel, with TLS if asked for. It prints its port. Nothing of it is
// robust: it is for this benchmark's clients alone.
//
//     s3_range_server --size 4GiB [--pace 93000000] [--first-byte 0.03] [--certificate FILE]
//     [--checksum] s3_range_server --size 4GiB --check FILE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

#include "bench_object.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/checksum.h"
#include "test_certificate.h"

namespace skipjack::bench {
namespace {

struct Options {
  std::int64_t size = 0;
  std::uint64_t pace = 0;
  double first_byte_seconds = 0;
  /// CRC64NVME of the object as S3 tells it, for HEAD alone as S3 does where the object is fetched
  /// in ranges; empty: the server has none.
  std::string checksum;
};

struct Pattern {
  std::vector<std::byte> bytes = object_period();
  int file = -1;
};

bool write_pattern(Pattern& pattern) {
  pattern.file = ::memfd_create("object", MFD_CLOEXEC);
  const auto size = static_cast<ssize_t>(pattern.bytes.size());
  return pattern.file >= 0 &&
         ::write(pattern.file, pattern.bytes.data(), pattern.bytes.size()) == size;
}

/// One connection, until the client closes it.
class Connection {
 public:
  Connection(int socket, SSL_CTX* tls, const Options& options, const Pattern& pattern)
      : socket_(socket), options_(options), pattern_(pattern) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options_.pace > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_MAX_PACING_RATE, &options_.pace, sizeof options_.pace);
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, socket_);
  }
  ~Connection() {
    SSL_free(ssl_);
    ::close(socket_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void serve() {
    if (ssl_ != nullptr && SSL_accept(ssl_) != 1) return;
    for (std::string input;;) {
      std::size_t end = 0;
      while ((end = input.find("\r\n\r\n")) == std::string::npos) {
        char bytes[8192];
        const auto n = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof bytes)
                                       : ::read(socket_, bytes, sizeof bytes);
        if (n <= 0) return;
        input.append(bytes, static_cast<std::size_t>(n));
      }
      if (!answer(input.substr(0, end + 2))) return;
      input.erase(0, end + 4);
    }
  }

 private:
  bool answer(std::string head) {
    std::transform(head.begin(), head.end(), head.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::int64_t begin = 0, end = options_.size;
    constexpr std::string_view kRange = "\r\nrange: bytes=";
    const std::size_t range = head.find(kRange);
    if (range != std::string::npos) {
      const char* const stop = head.data() + head.size();
      const auto [dash, error] = std::from_chars(head.data() + range + kRange.size(), stop, begin);
      std::int64_t last = 0;
      if (error == std::errc() && std::from_chars(dash + 1, stop, last).ec == std::errc())
        end = std::min(end, last + 1);
    }
    std::string text = range == std::string::npos
                           ? "HTTP/1.1 200 OK\r\n"
                           : "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " +
                                 std::to_string(begin) + "-" + std::to_string(end - 1) + "/" +
                                 std::to_string(options_.size) + "\r\n";
    text += "Content-Length: " + std::to_string(end - begin) +
            "\r\nETag: \"0123456789abcdef0123456789abcdef\"\r\nAccept-Ranges: bytes\r\n"
            "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nServer: range-server\r\n";
    if (head.starts_with("head") && !options_.checksum.empty())
      text += s3::checksum_header(s3::ChecksumAlgorithm::Crc64Nvme) + ": " + options_.checksum +
              "\r\nx-amz-checksum-type: FULL_OBJECT\r\n";
    text += "\r\n";
    std::this_thread::sleep_for(std::chrono::duration<double>(options_.first_byte_seconds));
    if (head.starts_with("head")) end = begin;
    if (!send_bytes(text.data(), text.size(), end > begin ? MSG_MORE : 0)) return false;
    while (begin < end)
      if (!send_some(begin, end)) return false;
    return true;
  }

  bool send_bytes(const void* bytes, std::size_t size, int flags) {
    if (ssl_ != nullptr)
      return SSL_write(ssl_, bytes, static_cast<int>(size)) == static_cast<int>(size);
    return ::send(socket_, bytes, size, MSG_NOSIGNAL | flags) == static_cast<ssize_t>(size);
  }

  bool send_some(std::int64_t& begin, std::int64_t end) {
    off_t at = begin % kPeriod;
    const std::int64_t size = std::min({end - begin, kPeriod - at, std::int64_t{4} << 20});
    if (ssl_ != nullptr) {
      begin += size;
      return send_bytes(pattern_.bytes.data() + at, static_cast<std::size_t>(size), 0);
    }
    const ssize_t sent = ::sendfile(socket_, pattern_.file, &at, static_cast<std::size_t>(size));
    if (sent > 0) begin += sent;
    return sent > 0;
  }

  int socket_;
  SSL* ssl_ = nullptr;
  const Options& options_;
  const Pattern& pattern_;
};

int listen_on_loopback() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t size = sizeof address;
  auto* const name = reinterpret_cast<::sockaddr*>(&address);
  if (::bind(listener, name, size) != 0 || ::listen(listener, 4096) != 0 ||
      ::getsockname(listener, name, &size) != 0)
    return -1;
  std::cout << "port " << ntohs(address.sin_port) << std::endl;
  return listener;
}

int serve(const Options& options, SSL_CTX* tls) {
  std::signal(SIGPIPE, SIG_IGN);
  Pattern pattern;
  const int listener = write_pattern(pattern) ? listen_on_loopback() : -1;
  if (listener < 0) {
    std::perror("range server");
    return 1;
  }
  for (;;) {
    const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    std::thread([&options, &pattern, socket, tls] {
      Connection(socket, tls, options, pattern).serve();
    }).detach();
  }
}

std::string checksum_of_object(std::int64_t size) {
  const std::vector<std::byte> period = object_period();
  s3::Checksum sum(s3::ChecksumAlgorithm::Crc64Nvme);
  for (std::int64_t done = 0; done < size; done += kPeriod)
    sum.update(std::span(period).first(static_cast<std::size_t>(std::min(kPeriod, size - done))));
  return sum.text();
}

int check(const std::string& path, std::int64_t size) {
  const std::vector<std::byte> period = object_period();
  std::vector<char> bytes(4 << 20);
  std::ifstream file(path, std::ios::binary);
  std::int64_t at = 0;
  for (;;) {
    const std::int64_t in_period = at % kPeriod;
    file.read(bytes.data(), std::min<std::int64_t>(kPeriod - in_period, std::ssize(bytes)));
    const std::streamsize n = file.gcount();
    if (n == 0) break;
    if (std::memcmp(bytes.data(), period.data() + in_period, static_cast<std::size_t>(n)) != 0) {
      std::cerr << path << ": wrong bytes at or after " << at << "\n";
      return 1;
    }
    at += n;
  }
  if (at != size) std::cerr << path << ": " << at << " bytes\n";
  return at == size ? 0 : 1;
}

}  // namespace
}  // namespace skipjack::bench

int main(int argc, char** argv) {
  using namespace skipjack;
  CLI::App app("Range server of the benchmarks of downloads");
  bench::Options options;
  std::string size, certificate, checked;
  bool with_checksum = false;
  app.add_option("--size", size, "of the object")->required();
  app.add_option("--pace", options.pace, "bytes a second of each connection");
  app.add_option("--first-byte", options.first_byte_seconds, "seconds before an answer");
  app.add_option("--certificate", certificate, "TLS, its certificate in this file");
  app.add_flag("--checksum", with_checksum, "tell the object's CRC64NVME");
  app.add_option("--check", checked, "compare this file with the object, and end");
  CLI11_PARSE(app, argc, argv);
  try {
    options.size = parse_byte_size(size);
    if (!checked.empty()) return bench::check(checked, options.size);
    if (with_checksum) options.checksum = bench::checksum_of_object(options.size);
    if (certificate.empty()) return bench::serve(options, nullptr);
    s3::TestCertificate own("DNS:localhost,IP:127.0.0.1");
    own.write_pem(certificate);
    return bench::serve(options, own.server_context());
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
