#include "scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdint>
#include <cstdlib>

namespace skipjack::s3 {

ScriptedServer::ScriptedServer(Handler handler, const TestCertificate* certificate)
    : handler_(std::move(handler)), certificate_(certificate) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (listener_ < 0 || wake_ < 0 ||
      ::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    std::abort();
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

ScriptedServer::~ScriptedServer() {
  const std::uint64_t one = 1;
  if (::write(wake_, &one, sizeof one) != sizeof one) std::abort();
  thread_.join();
  ::close(listener_);
  ::close(wake_);
}

std::vector<ScriptedRequest> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedServer::run() {
  // OpenSSL writes to sockets that the other end may have closed.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  std::list<Connection> connections;
  for (;;) {
    std::vector<pollfd> fds = {{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Connection& connection : connections) fds.push_back({connection.fd, POLLIN, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents != 0) break;
    std::size_t i = 2;
    for (auto it = connections.begin(); it != connections.end(); ++i) {
      if (fds[i].revents != 0 && !serve(*it)) {
        ::close(it->fd);
        it = connections.erase(it);
      } else {
        ++it;
      }
    }
    if (fds[1].revents != 0) accept(connections);
  }
  for (const Connection& connection : connections) ::close(connection.fd);
}

void ScriptedServer::accept(std::list<Connection>& connections) {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  const int one = 1;
  if (fd < 0 || ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) return;
  Connection connection{fd, num_connections_++, "", nullptr};
  if (certificate_) {
    connection.ssl.reset(SSL_new(certificate_->server_context()));
    SSL_set_fd(connection.ssl.get(), fd);
    if (SSL_accept(connection.ssl.get()) != 1) {
      ::close(fd);
      return;
    }
  }
  connections.push_back(std::move(connection));
}

ssize_t ScriptedServer::Connection::receive(char* bytes, std::size_t size) const {
  return ssl ? SSL_read(ssl.get(), bytes, static_cast<int>(size)) : ::recv(fd, bytes, size, 0);
}

ssize_t ScriptedServer::Connection::send(const char* bytes, std::size_t size) const {
  return ssl ? SSL_write(ssl.get(), bytes, static_cast<int>(size))
             : ::send(fd, bytes, size, MSG_NOSIGNAL);
}

/// Reads what is there and answers a complete request. False: close the connection.
bool ScriptedServer::serve(Connection& connection) {
  char buffer[65536];
  const ssize_t n = connection.receive(buffer, sizeof buffer);
  if (n <= 0) return false;
  connection.input.append(buffer, static_cast<std::size_t>(n));
  const std::size_t head_end = connection.input.find("\r\n\r\n");
  if (head_end == std::string::npos) return true;

  ScriptedRequest request;
  request.connection = connection.number;
  const std::string head = connection.input.substr(0, head_end + 2);
  const std::size_t first_line = head.find("\r\n");
  const std::size_t space = head.find(' ');
  request.method = head.substr(0, space);
  request.path = head.substr(space + 1, head.rfind(' ', first_line) - space - 1);
  for (std::size_t begin = first_line + 2; begin < head.size();) {
    const std::size_t end = head.find("\r\n", begin);
    const std::size_t colon = head.find(':', begin);
    std::string name = head.substr(begin, colon - begin);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = head.substr(colon + 2, end - colon - 2);
    begin = end + 2;
  }
  const std::string length_text = request.header("content-length");
  const std::size_t length = length_text.empty() ? 0 : std::stoul(length_text);
  if (connection.input.size() < head_end + 4 + length) return true;
  request.body = connection.input.substr(head_end + 4, length);
  connection.input.erase(0, head_end + 4 + length);
  {
    const std::lock_guard lock(mutex_);
    request.number = static_cast<int>(requests_.size());
    requests_.push_back(request);
  }

  ScriptedReply reply = handler_(request);
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " Whatever\r\n";
  if (!reply.headers.contains("Content-Length") && !reply.says_no_length)
    text += "Content-Length: " + std::to_string(reply.body.size() + reply.missing_bytes) + "\r\n";
  for (const auto& [name, value] : reply.headers) text += name + ": " + value + "\r\n";
  text += "\r\n";
  if (request.method != "HEAD") text += reply.body;
  std::size_t sent = 0;
  while (sent < text.size()) {
    const std::size_t most = reply.pause.count() > 0 ? 10'000 : text.size();
    const ssize_t k = connection.send(text.data() + sent, std::min(most, text.size() - sent));
    if (k <= 0) return false;
    sent += static_cast<std::size_t>(k);
    std::this_thread::sleep_for(reply.pause);
  }
  switch (reply.then) {
    case ScriptedReply::Then::KeepOpen:
    case ScriptedReply::Then::Stall:
      return true;
    case ScriptedReply::Then::Close:
      return false;
    case ScriptedReply::Then::Reset: {
      const linger hard{1, 0};
      ::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      return false;
    }
  }
  return false;
}

ScriptedReply serve_object(const ScriptedRequest& request, std::string_view object,
                           const std::string& etag) {
  const std::string if_match = request.header("if-match");
  if (!if_match.empty() && if_match != etag) return s3_error(412, "PreconditionFailed");
  ScriptedReply reply{.headers = {{"ETag", etag}}};
  const std::string range = request.header("range");
  if (range.empty()) {
    reply.body = object;
  } else {
    const std::size_t dash = range.find('-');
    const std::size_t first = std::stoul(range.substr(6, dash - 6));
    if (first >= object.size()) return s3_error(416, "InvalidRange");
    const std::size_t last = std::min(std::stoul(range.substr(dash + 1)), object.size() - 1);
    reply.status = 206;
    reply.body = object.substr(first, last - first + 1);
    reply.headers["Content-Range"] = "bytes " + std::to_string(first) + "-" + std::to_string(last) +
                                     "/" + std::to_string(object.size());
  }
  if (request.method == "HEAD") reply.headers["Content-Length"] = std::to_string(object.size());
  return reply;
}

ScriptedReply s3_error(int status, const std::string& code, const std::string& message) {
  return {.status = status,
          .headers = {{"Content-Type", "application/xml"}},
          .body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
                  "</Code><Message>" + message + "</Message></Error>"};
}

std::string test_object(std::size_t size) {
  std::string object(size, '\0');
  std::uint64_t state = 0x9e3779b97f4a7c15u;
  for (char& c : object) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    c = static_cast<char>(state >> 56);
  }
  return object;
}

}  // namespace skipjack::s3
