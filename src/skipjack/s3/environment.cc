#include "skipjack/s3/environment.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "skipjack/base/error.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

/// A variable that has a lower-case and an upper-case name; set but empty means "none".
std::optional<std::string> either_case(const EnvironmentLookup& environment,
                                       const std::string& lower, const std::string& upper) {
  if (auto value = environment(lower)) return value;
  return environment(upper);
}

struct Address {
  std::array<unsigned char, 16> bytes{};
  std::size_t size = 0;  ///< 0: none.
};

Address parse_address(const std::string& text) {
  Address address;
  if (::inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1)
    address.size = 4;
  else if (::inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1)
    address.size = 16;
  return address;
}

/// network: "10.0.0.0/8".
bool is_in_network(const Address& address, const std::string& network) {
  const std::size_t slash = network.find('/');
  if (slash == std::string::npos || address.size == 0) return false;
  const Address base = parse_address(network.substr(0, slash));
  std::size_t bits = 0;
  const char* const end = network.data() + network.size();
  const auto [rest, error] = std::from_chars(network.data() + slash + 1, end, bits);
  if (error != std::errc() || rest != end || base.size != address.size || bits > 8 * base.size)
    return false;
  for (std::size_t bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if (((base.bytes[bit / 8] ^ address.bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

struct HostPort {
  std::string host, port;
};

HostPort split_authority(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t close = std::min(authority.find(']'), authority.size() - 1);
    const std::string_view rest = authority.substr(close + 1);
    return {std::string(authority.substr(1, close - 1)),
            std::string(rest.starts_with(':') ? rest.substr(1) : "")};
  }
  const std::size_t colon = authority.find(':');
  // More than one: an IPv6 address without brackets.
  if (colon == std::string_view::npos || authority.find(':', colon + 1) != std::string_view::npos)
    return {std::string(authority), ""};
  return {std::string(authority.substr(0, colon)), std::string(authority.substr(colon + 1))};
}

bool is_exempt(const HostPort& target, std::string_view no_proxy) {
  const Address address = parse_address(target.host);
  while (!no_proxy.empty()) {
    const std::size_t end = std::min(no_proxy.find_first_of(", \t"), no_proxy.size());
    const std::string entry = lower_case(no_proxy.substr(0, end));
    no_proxy.remove_prefix(std::min(end + 1, no_proxy.size()));
    if (entry.empty()) continue;
    if (entry == "*" || is_in_network(address, entry)) return true;
    HostPort rule = split_authority(entry);
    if (!rule.port.empty() && rule.port != target.port) continue;
    if (rule.host.starts_with("*.")) rule.host.erase(0, 2);
    if (rule.host.starts_with('.')) rule.host.erase(0, 1);
    if (target.host == rule.host) return true;
    if (address.size == 0 && !rule.host.empty() && target.host.ends_with("." + rule.host))
      return true;
  }
  return false;
}

}  // namespace

EnvironmentLookup process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

std::optional<std::string> non_empty(const EnvironmentLookup& environment,
                                     const std::string& name) {
  std::optional<std::string> value = environment(name);
  if (value && value->empty()) value.reset();
  return value;
}

bool parse_flag(const std::string& name, const std::string& value) {
  const std::string text = lower_case(value);
  if (text == "true") return true;
  if (text == "false") return false;
  throw Error(ErrorCode::InvalidArgument,
              name + " = \"" + value.substr(0, 20) + "\" must be true or false");
}

std::string proxy_for(const std::string& url, const EnvironmentLookup& environment) {
  const std::size_t separator = url.find("://");
  if (separator == std::string::npos) return {};
  const std::string scheme = lower_case(url.substr(0, separator));
  const std::size_t begin = separator + 3;
  const std::string authority =
      lower_case(url.substr(begin, std::min(url.find_first_of("/?#", begin), url.size()) - begin));
  HostPort target = split_authority(authority);
  if (target.port.empty()) target.port = scheme == "https" ? "443" : "80";

  std::optional<std::string> proxy;
  if (scheme == "https")
    proxy = either_case(environment, "https_proxy", "HTTPS_PROXY");
  else if (environment("REQUEST_METHOD"))
    proxy = environment("http_proxy");
  else
    proxy = either_case(environment, "http_proxy", "HTTP_PROXY");
  if (!proxy) proxy = either_case(environment, "all_proxy", "ALL_PROXY");
  if (!proxy || proxy->empty()) return {};
  if (is_exempt(target, either_case(environment, "no_proxy", "NO_PROXY").value_or(""))) return {};
  return proxy->find("://") == std::string::npos ? "http://" + *proxy : *proxy;
}

}  // namespace skipjack::s3
