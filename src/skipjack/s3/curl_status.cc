#include "skipjack/s3/curl_status.h"

#include <curl/curl.h>

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

}  // namespace skipjack::s3
