#include "skipjack/s3/request_text.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "skipjack/base/error.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

struct Url {
  Origin origin;
  std::string target;
};

/// Of "http://host:port/path?query"; what the engine makes is well-formed.
Url parse_url(const std::string& text) {
  const auto bad = [&] {
    return Error(ErrorCode::InvalidArgument,
                 "'" + without_userinfo(text) + "' is no URL of http or https");
  };
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://"))
    url.origin.is_tls = true, rest.remove_prefix(8);
  else if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else
    throw bad();
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  url.target = rest.substr(path);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  url.origin.port = url.origin.is_tls ? 443 : 80;
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view port = authority.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(port.data(), port.data() + port.size(), url.origin.port);
    if (error != std::errc() || end != port.data() + port.size()) throw bad();
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']'))
    authority = authority.substr(1, authority.size() - 2);
  if (authority.empty()) throw bad();
  url.origin.host = authority;
  return url;
}

/// What would begin a line of its own is refused, wherever it comes from.
void require_one_line(std::string_view text) {
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    throw Error(ErrorCode::InvalidArgument,
                "a request's address and headers must be one line each");
}

}  // namespace

void require_single_lines(const HttpRequest& request) {
  require_one_line(request.url);
  for (const auto& [name, value] : request.headers) require_one_line(name), require_one_line(value);
}

RequestText request_text(const HttpRequest& request) {
  require_single_lines(request);
  const Url url = parse_url(request.url);
  std::string text = request.method + " " + url.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers) text += name + ": " + value + "\r\n";
  text += "User-Agent: skipjack\r\n";
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST")
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return {.origin = url.origin, .head = text + "\r\n"};
}

}  // namespace skipjack::s3
