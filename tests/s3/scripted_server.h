// An HTTP server on a loopback port of the system's choosing that answers as a test tells it, for
// the faults that no well-behaved server shows. One thread; not S3, not fast.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "test_certificate.h"

namespace skipjack::s3 {

struct ScriptedRequest {
  std::string method, path;                    ///< path with its query, as sent.
  std::map<std::string, std::string> headers;  ///< names in lower case.
  std::string body;
  int number = 0;      ///< over all connections, from 0.
  int connection = 0;  ///< from 0.

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct ScriptedReply {
  int status = 200;
  std::map<std::string, std::string> headers{};
  std::string body{};
  /// Content-Length says more than the body has, by so many bytes.
  std::size_t missing_bytes = 0;
  /// No Content-Length, unless headers have one: the body ends with the connection, or is chunked
  /// already.
  bool says_no_length = false;
  /// After each 10,000 bytes.
  std::chrono::milliseconds pause{0};
  enum class Then { KeepOpen, Close, Reset, Stall } then = Then::KeepOpen;
};

class ScriptedServer {
 public:
  using Handler = std::function<ScriptedReply(const ScriptedRequest&)>;
  /// The handler is called by the server's thread. certificate: for TLS; must outlive the server.
  explicit ScriptedServer(Handler handler, const TestCertificate* certificate = nullptr);
  ~ScriptedServer();

  std::string url() const {
    return (certificate_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
  }
  /// All requests so far.
  std::vector<ScriptedRequest> requests() const;

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  struct Connection {
    int fd;
    int number;
    std::string input;
    std::unique_ptr<SSL, FreeSsl> ssl;

    ssize_t receive(char* bytes, std::size_t size) const;
    ssize_t send(const char* bytes, std::size_t size) const;
  };
  void run();
  void accept(std::list<Connection>& connections);
  bool serve(Connection& connection);

  Handler handler_;
  const TestCertificate* certificate_;
  int num_connections_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<ScriptedRequest> requests_;
  std::thread thread_;
};

/// What S3 answers to a GET or HEAD of an object: ranges, If-Match, ETag, 416.
ScriptedReply serve_object(const ScriptedRequest& request, std::string_view object,
                           const std::string& etag);
/// S3's XML of an error.
ScriptedReply s3_error(int status, const std::string& code,
                       const std::string& message = "no more to say");
/// Bytes that differ at every offset within reach of a mix-up.
std::string test_object(std::size_t size);

}  // namespace skipjack::s3
