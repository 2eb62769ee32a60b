// From a request to the bytes that ask for it, and to the host that is asked. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

/// Whom connections lead to.
struct Origin {
  bool is_tls = false;
  std::string host;  ///< a name, or an address without brackets.
  std::uint16_t port = 0;
  auto operator<=>(const Origin&) const = default;
};

struct RequestText {
  Origin origin;
  std::string head;  ///< up to the empty line.
};
/// Throws InvalidArgument for what is no URL of http or https, and for a line break in it or in the
/// headers.
RequestText request_text(const HttpRequest& request);
/// Throws InvalidArgument for a line break in the URL or the headers, and never quotes them.
void require_single_lines(const HttpRequest& request);

}  // namespace skipjack::s3
