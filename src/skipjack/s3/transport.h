// The seam between the engine and the network: HTTP requests out, answers in, driven by whoever
// calls drive(). Bodies go straight into space that the receiver hands out, so an implementation
// that can receive in place does not copy. Knows nothing of S3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skipjack/base/clock.h"

namespace skipjack::s3 {

struct TransportOptions {
  /// Until a connection (TLS included) must stand. > 0; default 10 s: S3 answers in milliseconds,
  /// far regions within two seconds.
  Duration connect_timeout = std::chrono::seconds(10);
  /// A request whose answer makes no progress for so long fails with Timeout. > 0; default 5 s
  /// (boto3 waits 60 s); a lower value retries stalled parts sooner and tolerates slow servers
  /// less.
  Duration stall_timeout = std::chrono::seconds(5);
  /// Bytes received at a time for each connection. [16 KiB, 10 MiB].
  std::int64_t receive_buffer = 256 * 1024;
  /// Idle connections kept for the next request. >= 1.
  std::int64_t max_idle_connections = 256;
  /// Certificates to trust; empty means the system's. Certificates are always verified.
  std::string ca_file{};
  /// "http://proxy:3128"; empty means none (the environment is not read).
  std::string proxy{};
  /// IPv4 and IPv6 addresses to connect to instead of those that a host's name has; TLS still
  /// checks the name. Connections are spread over them, except those that fail or are slow
  /// (address_book.h). Empty: names are looked up. Not with a proxy.
  std::vector<std::string> endpoint_ips{};
};
/// Throws InvalidArgument naming the option that is out of range.
void validate(const TransportOptions& options);

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url{};
  HttpHeaders headers{};  ///< Host included.
  /// Body of a PUT; must outlive the request.
  std::string_view body{};
  /// Instead of TransportOptions::stall_timeout.
  std::optional<Duration> stall_timeout{};
};

/// The head of an answer: header names in lower case, values trimmed.
struct HttpHead {
  int status = 0;
  HttpHeaders headers;
  /// nullptr if there is no such header.
  const std::string* find(std::string_view lower_case_name) const;
};

/// How a request ended, below HTTP.
enum class TransportStatus {
  Complete,       ///< the whole answer came, whatever its status.
  Truncated,      ///< the connection ended inside the body.
  ConnectFailed,  ///< host unknown, refused, unreachable.
  OutOfFiles,     ///< this process, or the machine, can open no further connection.
  TlsFailed,      ///< certificate or handshake.
  Reset,          ///< broken before or during the answer.
  TimedOut,       ///< connect or stall timeout.
  Aborted,        ///< the receiver refused the body.
  ProtocolError,  ///< no HTTP, or an answer out of bounds.
};
std::string_view to_string(TransportStatus status);

/// Receives one answer; called from within drive() only. Must outlive its request.
class ResponseReceiver {
 public:
  virtual ~ResponseReceiver() = default;
  /// Once, before the body.
  virtual void on_head(const HttpHead& head) = 0;
  /// Space for the next bytes of the body; an empty span ends the request as Aborted.
  virtual std::span<std::byte> body_space() = 0;
  /// The first n bytes of the last body_space() are filled, n > 0.
  virtual void on_body(std::size_t n) = 0;
  /// Last call. detail is for messages: what the library below says. The receiver may start the
  /// next request from here; it takes over the connection while it is warm.
  virtual void on_end(TransportStatus status, std::string_view detail) = 0;
};

/// Not thread-safe, except wake().
class Transport {
 public:
  virtual ~Transport() = default;
  /// Starts a request; returns at once.
  virtual void start(HttpRequest request, ResponseReceiver& receiver) = 0;
  /// Ends the request of this receiver without on_end; its connection is closed.
  virtual void cancel(ResponseReceiver& receiver) = 0;
  /// Waits for the network at most for timeout and hands out what came.
  virtual void drive(Duration timeout) = 0;
  /// Makes a drive() in another thread return soon. Thread-safe.
  virtual void wake() noexcept = 0;
  /// Sets the size of receptions for requests from now on; see TransportOptions.
  virtual void set_receive_buffer(std::int64_t bytes) = 0;
  /// TransportOptions::endpoint_ips for connections from now on. Throws Unsupported where names are
  /// always looked up, if there are any.
  virtual void set_endpoint_ips(const std::vector<std::string>& addresses) = 0;
  /// Connections made so far.
  virtual std::int64_t num_connections() const = 0;
};

/// Sockets and OpenSSL over epoll: one thread, the caller's. HTTP/1.1, bodies received in place.
/// Throws what validate() throws, and Unsupported for a proxy.
std::unique_ptr<Transport> make_socket_transport(const TransportOptions& options);
/// libcurl's multi interface over epoll: one thread, the caller's. HTTP/1.1. Throws what validate()
/// throws, and Unsupported for endpoint_ips.
std::unique_ptr<Transport> make_curl_transport(const TransportOptions& options);

}  // namespace skipjack::s3
