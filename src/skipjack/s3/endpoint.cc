#include "skipjack/s3/endpoint.h"

#include <algorithm>
#include <charconv>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

bool is_unreserved(unsigned char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

/// S3's rules loosened to what other stores and old buckets use: enough to keep a name from being
/// anything else in a URL.
void check_bucket(const std::string& bucket) {
  const bool good =
      !bucket.empty() && bucket.size() <= 255 && bucket != "." && bucket != ".." &&
      std::all_of(bucket.begin(), bucket.end(), [](unsigned char c) { return is_unreserved(c); });
  if (!good)
    throw Error(ErrorCode::InvalidArgument, "bucket name \"" + bucket + "\" is not valid",
                "bucket names are letters, digits, '.', '-' and '_'");
}

void check_region(const std::string& region) {
  const bool good = !region.empty() && region.size() <= 64 &&
                    std::all_of(region.begin(), region.end(), [](unsigned char c) {
                      return is_unreserved(c) && c != '.' && c != '~';
                    });
  if (!good)
    throw Error(ErrorCode::InvalidArgument, "region \"" + region + "\" is not valid",
                "for example eu-central-1");
}

/// Names that make one DNS label, so that a wildcard certificate covers them.
bool is_dns_label(const std::string& bucket) {
  return bucket.size() >= 3 && bucket.size() <= 63 && bucket.front() != '-' &&
         bucket.back() != '-' && std::all_of(bucket.begin(), bucket.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

struct EndpointUrl {
  std::string scheme, authority, base_path;
};

EndpointUrl parse_endpoint_url(const std::string& url) {
  const auto fail = [&](const std::string& why) -> Error {
    return Error(ErrorCode::InvalidArgument, "endpoint URL \"" + url + "\" " + why,
                 "write it like http://127.0.0.1:9000 or https://s3.example.org");
  };
  EndpointUrl result;
  const std::size_t separator = url.find("://");
  if (separator == std::string::npos) throw fail("has no http:// or https://");
  result.scheme = url.substr(0, separator);
  std::transform(result.scheme.begin(), result.scheme.end(), result.scheme.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (result.scheme != "http" && result.scheme != "https")
    throw fail("must begin with http:// or https://");
  const std::size_t begin = separator + 3;
  const std::size_t slash = std::min(url.find('/', begin), url.size());
  result.authority = url.substr(begin, slash - begin);
  result.base_path = url.substr(slash);
  while (!result.base_path.empty() && result.base_path.back() == '/') result.base_path.pop_back();

  if (result.authority.find('@') != std::string::npos)
    throw fail("must not hold a user or password");
  for (const char c : result.authority + result.base_path)
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 127 || c == '?' ||
        c == '#' || c == '"' || c == '<' || c == '>' || c == '\\')
      throw fail("holds a character that has no place there");
  // After the last ':' outside of an IPv6 address's brackets comes a port.
  const std::size_t colon = result.authority.rfind(':');
  const std::size_t bracket = result.authority.rfind(']');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  if (has_port) {
    const char* first = result.authority.data() + colon + 1;
    const char* last = result.authority.data() + result.authority.size();
    int port = 0;
    const auto [end, error] = std::from_chars(first, last, port);
    if (error != std::errc() || end != last || port < 1 || port > 65535)
      throw fail("has no port in [1, 65535]");
    // The scheme's own port is not part of the Host header, which is signed.
    if ((result.scheme == "http" && port == 80) || (result.scheme == "https" && port == 443))
      result.authority.resize(colon);
  }
  if (result.authority.empty() || result.authority.front() == ':') throw fail("has no host");
  return result;
}

}  // namespace

std::string percent_encode(std::string_view text, Slashes slashes) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(byte) || (c == '/' && slashes == Slashes::Keep)) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 15];
    }
  }
  return encoded;
}

ObjectAddress parse_s3_uri(std::string_view uri) {
  constexpr std::string_view kScheme = "s3://";
  if (uri.substr(0, kScheme.size()) != kScheme)
    throw Error(ErrorCode::InvalidArgument, "\"" + std::string(uri) + "\" must begin with s3://",
                "write it like s3://bucket/key");
  const std::string_view rest = uri.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  ObjectAddress address{
      std::string(rest.substr(0, slash)),
      std::string(slash < rest.size() ? rest.substr(slash + 1) : std::string_view())};
  check_bucket(address.bucket);
  return address;
}

std::string to_s3_uri(const ObjectAddress& address) {
  return "s3://" + address.bucket + "/" + address.key;
}

std::string RequestTarget::url() const {
  std::string text = scheme + "://" + authority + path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    text += separator + percent_encode(name, Slashes::Encode) + "=" +
            percent_encode(value, Slashes::Encode);
    separator = '&';
  }
  return text;
}

RequestTarget request_target(const EndpointOptions& endpoint, const ObjectAddress& address) {
  check_bucket(address.bucket);
  check_region(endpoint.region);
  if (address.key.size() > 1024)
    throw Error(ErrorCode::InvalidArgument, "the key has " + std::to_string(address.key.size()) +
                                                " bytes; S3 takes at most 1024");
  const bool custom = !endpoint.endpoint_url.empty();
  EndpointUrl base;
  if (custom) {
    base = parse_endpoint_url(endpoint.endpoint_url);
  } else {
    const bool china = endpoint.region.rfind("cn-", 0) == 0;
    base = {"https", "s3." + endpoint.region + (china ? ".amazonaws.com.cn" : ".amazonaws.com"),
            ""};
  }
  bool virtual_hosted = endpoint.addressing_style == AddressingStyle::Virtual;
  if (endpoint.addressing_style == AddressingStyle::Auto)
    virtual_hosted = !custom && is_dns_label(address.bucket);

  RequestTarget target;
  target.scheme = base.scheme;
  target.authority = virtual_hosted ? address.bucket + "." + base.authority : base.authority;
  target.path = base.base_path + (virtual_hosted ? "" : "/" + address.bucket);
  if (!address.key.empty())
    target.path += "/" + percent_encode(address.key, Slashes::Keep);
  else if (target.path.empty())
    target.path = "/";
  return target;
}

}  // namespace skipjack::s3
