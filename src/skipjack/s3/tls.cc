#include "skipjack/s3/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

/// What one reception takes in at most: many records, and still within the processor's caches.
constexpr std::size_t kInboxBytes = 256 * 1024;

struct DeleteContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct DeleteSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct DeleteSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SessionPointer = std::unique_ptr<SSL_SESSION, DeleteSession>;

/// The newest session of each host, to shorten the next handshake.
using Sessions = std::map<std::string, SessionPointer>;

struct Inbox;

/// The socket's end of a session, and the received bytes that OpenSSL has not asked for yet.
struct Wire {
  int socket = -1;
  Inbox* inbox = nullptr;
  std::span<const char> received;
  /// Keeps them while the inbox serves another session.
  std::vector<char> kept;
};

/// One for all sessions, since they are served in turn: records come in many at a time, and each
/// session holds no more than what it could not take. (OpenSSL's own read-ahead moves all that it
/// has to the front for every record.)
struct Inbox {
  std::vector<char> bytes = std::vector<char>(kInboxBytes);
  /// What one reception may take in, and so what a session may have to keep.
  std::size_t limit = kInboxBytes;
  Wire* owner = nullptr;

  /// For a reception of this session; another's bytes move out.
  std::span<char> space_for(Wire& wire) {
    if (owner != nullptr && owner != &wire) {
      owner->kept.assign(owner->received.begin(), owner->received.end());
      owner->received = owner->kept;
    }
    owner = &wire;
    wire.kept = {};
    return std::span(bytes).first(limit);
  }
};

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

// OpenSSL's own writes to sockets may end the process by SIGPIPE; these don't.

int write_socket(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent =
      ::send(wire_of(bio).socket, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int read_socket(BIO* bio, char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  Wire& wire = wire_of(bio);
  if (wire.received.empty()) {
    const std::span<char> space = wire.inbox->space_for(wire);
    const ssize_t received = ::recv(wire.socket, space.data(), space.size(), 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    if (received <= 0) return static_cast<int>(received);
    wire.received = space.first(static_cast<std::size_t>(received));
  }
  const std::size_t n = std::min(wire.received.size(), static_cast<std::size_t>(size));
  std::memcpy(bytes, wire.received.data(), n);
  wire.received = wire.received.subspan(n);
  return static_cast<int>(n);
}

long control_socket(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (made != nullptr) {
      BIO_meth_set_write(made, &write_socket);
      BIO_meth_set_read(made, &read_socket);
      BIO_meth_set_ctrl(made, &control_socket);
    }
    return made;
  }();
  return method;
}

BIO* make_socket_bio(Wire& wire) {
  BIO* const bio = socket_method() != nullptr ? BIO_new(socket_method()) : nullptr;
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &wire);
  BIO_set_init(bio, 1);
  return bio;
}

std::string last_error(const char* what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return std::string(what) + ": " + (reason != nullptr ? reason : "no reason given");
}

}  // namespace

struct TlsSession::Impl {
  Impl() = default;
  ~Impl() {
    if (wire.inbox->owner == &wire) wire.inbox->owner = nullptr;
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Wire wire;
  std::unique_ptr<SSL, DeleteSsl> ssl;
  std::string host, error;
  Sessions* sessions = nullptr;
  bool is_ending = false;

  IoStep step(int result, const char* what) {
    const int code = SSL_get_error(ssl.get(), result);
    switch (code) {
      case SSL_ERROR_WANT_READ:
        return IoStep::WantRead;
      case SSL_ERROR_WANT_WRITE:
        return IoStep::WantWrite;
      case SSL_ERROR_ZERO_RETURN:
        return IoStep::Closed;
      case SSL_ERROR_SYSCALL:
        if (ERR_peek_error() == 0) {
          error = std::string(what) + ": the connection ended";
          return IoStep::Closed;
        }
        break;
      default:
        break;
    }
    error = last_error(what);
    if (const long verified = SSL_get_verify_result(ssl.get()); verified != X509_V_OK)
      error += std::string(": ") + X509_verify_cert_error_string(verified);
    return IoStep::Failed;
  }
};

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

IoStep TlsSession::handshake() {
  ERR_clear_error();
  const int result = SSL_connect(impl_->ssl.get());
  return result == 1 ? IoStep::Done : impl_->step(result, "TLS handshake");
}

IoStep TlsSession::read(std::span<std::byte> space, std::size_t& n) {
  ERR_clear_error();
  n = 0;
  // OpenSSL gives one record at a time.
  while (n < space.size()) {
    std::size_t size = 0;
    const int result = SSL_read_ex(impl_->ssl.get(), space.data() + n, space.size() - n, &size);
    if (result != 1) {
      if (n == 0) return impl_->step(result, "TLS");
      // The end is told by the next call.
      impl_->is_ending = SSL_get_error(impl_->ssl.get(), result) != SSL_ERROR_WANT_READ;
      return IoStep::Done;
    }
    n += size;
  }
  return IoStep::Done;
}

IoStep TlsSession::write(std::span<const std::byte> bytes, std::size_t& n) {
  ERR_clear_error();
  n = 0;
  const int result = SSL_write_ex(impl_->ssl.get(), bytes.data(), bytes.size(), &n);
  return result == 1 ? IoStep::Done : impl_->step(result, "TLS");
}

bool TlsSession::has_pending() const {
  // Part of a record is no use by itself: the socket tells of the rest.
  return impl_->is_ending || !impl_->wire.received.empty() || SSL_pending(impl_->ssl.get()) > 0;
}
const std::string& TlsSession::error() const { return impl_->error; }

struct TlsContext::Impl {
  Inbox inbox;
  std::unique_ptr<SSL_CTX, DeleteContext> context;
  Sessions sessions;

  static int on_session(SSL* ssl, SSL_SESSION* session) {
    auto* own = static_cast<TlsSession::Impl*>(SSL_get_app_data(ssl));
    own->sessions->insert_or_assign(own->host, SessionPointer(session));
    return 1;  // It is ours now.
  }
};

TlsContext::TlsContext(const std::string& ca_file) : impl_(std::make_unique<Impl>()) {
  impl_->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = impl_->context.get();
  if (context == nullptr) throw Error(ErrorCode::Unsupported, last_error("OpenSSL"));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // The cheapest first: servers that leave the choice to clients then choose it.
  SSL_CTX_set_ciphersuites(
      context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context, &Impl::on_session);
  const int trusted = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                      : SSL_CTX_load_verify_file(context, ca_file.c_str());
  if (trusted != 1)
    throw Error(ErrorCode::NotFound,
                ca_file.empty() ? last_error("the system's certificates")
                                : last_error(("certificates in " + ca_file).c_str()),
                "name a file of certificates in PEM form");
}

TlsContext::~TlsContext() = default;

void TlsContext::set_receive_buffer(std::int64_t bytes) {
  impl_->inbox.limit =
      static_cast<std::size_t>(std::clamp<std::int64_t>(bytes, 1, std::int64_t{kInboxBytes}));
}

std::unique_ptr<TlsSession> TlsContext::open(int socket, const std::string& host) {
  auto own = std::make_unique<TlsSession::Impl>();
  own->wire.socket = socket;
  own->wire.inbox = &impl_->inbox;
  own->ssl.reset(SSL_new(impl_->context.get()));
  own->host = host;
  own->sessions = &impl_->sessions;
  SSL* const ssl = own->ssl.get();
  BIO* const bio = ssl != nullptr ? make_socket_bio(own->wire) : nullptr;
  if (bio == nullptr) throw Error(ErrorCode::Exhausted, last_error("a TLS connection"));
  SSL_set_bio(ssl, bio, bio);
  SSL_set_connect_state(ssl);
  SSL_set_app_data(ssl, own.get());
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) != 1) {
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(ssl, host.c_str()) != 1 || SSL_set_tlsext_host_name(ssl, host.c_str()) != 1)
      throw Error(ErrorCode::InvalidArgument, last_error(("host " + host).c_str()));
  }
  if (const auto session = impl_->sessions.find(host); session != impl_->sessions.end())
    SSL_set_session(ssl, session->second.get());
  return std::make_unique<TlsSession>(std::move(own));
}

}  // namespace skipjack::s3
