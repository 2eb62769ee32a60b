// What libcurl's codes mean for a transfer; private to curl_transport.cc.
#pragma once

#include <string>

#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

/// curl_code: a CURLcode.
TransportStatus transport_status_of(int curl_code);

/// Why no file was to be had for a connection, for a request that ended as ConnectFailed; empty if
/// that was not the trouble. socket_error: errno of a socket that could not be made, else 0.
/// descriptor: any that is open.
std::string lack_of_files(int curl_code, int socket_error, int descriptor);

}  // namespace skipjack::s3
