// Bytes over one TCP connection, in the clear or within TLS. Nothing waits here: what is to be
// waited for is said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "skipjack/s3/resolver.h"
#include "skipjack/s3/tls.h"

namespace skipjack::s3 {

/// Closed until connect(), and after close().
class SocketChannel {
 public:
  SocketChannel() = default;
  ~SocketChannel() { close(); }
  SocketChannel(const SocketChannel&) = delete;
  SocketChannel& operator=(const SocketChannel&) = delete;

  /// Begins to connect; the socket is writable when that has ended. Returns 0, or the error (errno)
  /// that it ended with at once.
  int connect(const SocketAddress& address);
  /// 0, or the error that connecting ended with.
  int connect_error() const;
  /// From here on within TLS, with this host.
  void secure(TlsContext& tls, const std::string& host);
  IoStep handshake();
  /// n: what was sent or received, > 0 where Done. Why a step failed is in error().
  IoStep send(std::string_view bytes, std::size_t& n);
  IoStep receive(std::span<std::byte> space, std::size_t& n);

  /// Readable no sooner than so many bytes of the body are there, of those that are to come. What
  /// has been received and not handed out, because its record is not whole, is allowed for.
  void wait_for_bytes(std::int64_t wanted, std::int64_t to_come);
  /// Readable at the first byte.
  void wait_for_any() { set_low_water(1); }
  bool is_secure() const { return tls_ != nullptr; }
  /// Bytes are there that the socket will not tell of.
  bool has_pending() const { return tls_ && tls_->has_pending(); }
  void close();
  bool is_open() const { return socket_ >= 0; }
  int socket() const { return socket_; }
  const std::string& error() const { return tls_ ? tls_->error() : error_; }

 private:
  void set_low_water(std::int64_t bytes);

  int socket_ = -1;
  int low_water_ = 1;
  std::unique_ptr<TlsSession> tls_;
  std::string error_;
};

}  // namespace skipjack::s3
