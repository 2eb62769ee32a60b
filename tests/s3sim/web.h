// A small HTTP client over libcurl and a raw socket, for tests that look at the server from
// outside.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skipjack::s3sim::testing {

struct WebRequest {
  std::string method = "GET";
  std::string url{};
  std::vector<std::string> headers{};
  /// Sent for PUT and POST.
  std::string body{};
};

struct WebReply {
  /// 0 if the transfer failed; then error says why.
  long status = 0;
  std::string error{};
  /// Names in lower case.
  std::map<std::string, std::string> headers{};
  std::string body{};
  double seconds = 0;
  double first_byte_seconds = 0;
};

WebReply fetch(const WebRequest& request);

/// Sends bytes over a new connection to loopback and returns all that comes back until the server
/// closes or nothing has come for a second.
std::string converse(int port, std::string_view bytes);

}  // namespace skipjack::s3sim::testing
