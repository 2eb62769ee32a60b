#include "skipjack/s3/curl_status.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace skipjack::s3 {

TransportStatus transport_status_of(int curl_code) {
  switch (curl_code) {
    case CURLE_OK:
      return TransportStatus::Complete;
    case CURLE_PARTIAL_FILE:
      return TransportStatus::Truncated;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return TransportStatus::ConnectFailed;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
      return TransportStatus::Reset;
    case CURLE_OPERATION_TIMEDOUT:
      return TransportStatus::TimedOut;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return TransportStatus::TlsFailed;
    case CURLE_WRITE_ERROR:
      return TransportStatus::Aborted;
    default:
      return TransportStatus::ProtocolError;
  }
}

std::string lack_of_files(int curl_code, int socket_error, int descriptor) {
  int error = socket_error;
  // Looking a host's name up takes files too, and says only that it failed: try one.
  if (curl_code == CURLE_COULDNT_RESOLVE_HOST || curl_code == CURLE_COULDNT_RESOLVE_PROXY) {
    const int probe = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    error = probe < 0 ? errno : 0;
    if (probe >= 0) ::close(probe);
  }
  if (error != EMFILE && error != ENFILE) return {};
  std::string why = std::strerror(error);
  rlimit files{};
  if (error == EMFILE && ::getrlimit(RLIMIT_NOFILE, &files) == 0)
    why += ", the limit of this process is " + std::to_string(files.rlim_cur);
  return why;
}

}  // namespace skipjack::s3
