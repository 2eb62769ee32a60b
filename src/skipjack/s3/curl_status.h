// What libcurl's codes mean for a transfer; private to curl_transport.cc.
#pragma once

#include <string>

#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

/// curl_code: a CURLcode.
TransportStatus transport_status_of(int curl_code);

}  // namespace skipjack::s3
