#include "skipjack/s3/socket_channel.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace skipjack::s3 {
namespace {

/// What OpenSSL may hold of a record that has not come in whole: bytes that the kernel will not
/// announce again.
constexpr std::int64_t kTlsHeld = 32 * 1024;
/// More than one connection may take in at a turn is not worth waiting for.
constexpr std::int64_t kLargestLowWater = std::int64_t{4} << 20;

}  // namespace

int SocketChannel::connect(const SocketAddress& address) {
  socket_ = ::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return errno;
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, reinterpret_cast<const ::sockaddr*>(&address.bytes), address.size) == 0 ||
      errno == EINPROGRESS)
    return 0;
  const int error = errno;
  close();
  return error;
}

int SocketChannel::connect_error() const {
  int error = 0;
  ::socklen_t size = sizeof error;
  ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

void SocketChannel::secure(TlsContext& tls, const std::string& host) {
  tls_ = tls.open(socket_, host);
}

IoStep SocketChannel::handshake() { return tls_->handshake(); }

IoStep SocketChannel::send(std::string_view bytes, std::size_t& n) {
  if (tls_) return tls_->write(std::as_bytes(std::span(bytes)), n);
  ssize_t sent = 0;
  do {
    sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno == EAGAIN) return IoStep::WantWrite;
  if (sent < 0) {
    error_ = std::strerror(errno);
    return IoStep::Failed;
  }
  n = static_cast<std::size_t>(sent);
  return IoStep::Done;
}

IoStep SocketChannel::receive(std::span<std::byte> space, std::size_t& n) {
  if (tls_) return tls_->read(space, n);
  ssize_t size = 0;
  do {
    size = ::recv(socket_, space.data(), space.size(), 0);
  } while (size < 0 && errno == EINTR);
  if (size == 0) return IoStep::Closed;
  if (size < 0 && errno == EAGAIN) return IoStep::WantRead;
  if (size < 0) {
    error_ = std::strerror(errno);
    return IoStep::Failed;
  }
  n = static_cast<std::size_t>(size);
  return IoStep::Done;
}

void SocketChannel::wait_for_bytes(std::int64_t wanted, std::int64_t to_come) {
  set_low_water(std::min(wanted, tls_ ? to_come - kTlsHeld : to_come));
}

void SocketChannel::set_low_water(std::int64_t bytes) {
  const int value = static_cast<int>(std::clamp<std::int64_t>(bytes, 1, kLargestLowWater));
  if (value == low_water_) return;
  // Refused, it stays as it is: at one byte, which means more wake-ups and nothing worse.
  if (::setsockopt(socket_, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value) == 0) low_water_ = value;
}

void SocketChannel::close() {
  tls_.reset();
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  low_water_ = 1;
}

}  // namespace skipjack::s3
