// TLS for the connections of one transport: certificates are verified, names are checked, sessions
// are taken up again. OpenSSL over non-blocking sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace skipjack::s3 {

/// What came of a step, of a socket in the clear too. WantRead and WantWrite: when the socket is
/// readable or writable, again.
enum class IoStep { Done, WantRead, WantWrite, Closed, Failed };

/// One connection's; does not own the socket.
class TlsSession {
 public:
  struct Impl;
  explicit TlsSession(std::unique_ptr<Impl> impl);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  IoStep handshake();
  /// n: what was read or written, > 0 where Done.
  /// Reads as much as there is room for, and there is.
  IoStep read(std::span<std::byte> space, std::size_t& n);
  IoStep write(std::span<const std::byte> bytes, std::size_t& n);
  /// Received already: the socket will not tell of it.
  bool has_pending() const;
  /// Why the last step failed.
  const std::string& error() const;

 private:
  std::unique_ptr<Impl> impl_;
};

class TlsContext {
 public:
  /// ca_file: certificates to trust instead of the system's; empty for those. Throws NotFound if it
  /// can't be read, Unsupported if OpenSSL can't be set up.
  explicit TlsContext(const std::string& ca_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// Most bytes that a reception takes in, and that a session holds of them; 256 KiB unless set.
  void set_receive_buffer(std::int64_t bytes);

  /// For a connected socket to this host (a name, or an address without brackets).
  std::unique_ptr<TlsSession> open(int socket, const std::string& host);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skipjack::s3
