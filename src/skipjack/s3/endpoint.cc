#include "skipjack/s3/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/s3/aws_partition.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

bool is_unreserved(unsigned char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

/// S3's rules loosened to what other stores and old buckets use: enough to keep a name from being
/// anything else in a URL.
void check_bucket(const std::string& bucket) {
  if (is_arn(bucket)) {
    parse_access_point(bucket);
    return;
  }
  const bool good =
      !bucket.empty() && bucket.size() <= 255 && bucket != "." && bucket != ".." &&
      std::all_of(bucket.begin(), bucket.end(), [](unsigned char c) { return is_unreserved(c); });
  if (!good)
    throw Error(ErrorCode::InvalidArgument, "bucket name \"" + bucket + "\" is not valid",
                "bucket names are letters, digits, '.', '-' and '_'");
}

/// Names that make one DNS label, so that a wildcard certificate covers them.
bool is_dns_label(const std::string& bucket) {
  return bucket.size() >= 3 && bucket.size() <= 63 && bucket.front() != '-' &&
         bucket.back() != '-' && std::all_of(bucket.begin(), bucket.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

/// Buckets whose names say that they are reached in another way.
void refuse_special_bucket(const std::string& bucket) {
  if (bucket.ends_with("--x-s3"))
    throw Error(ErrorCode::Unsupported,
                "bucket " + bucket + " is a directory bucket (S3 Express), which is not supported",
                "copy the object to a general purpose bucket");
  if (bucket.ends_with("--op-s3"))
    throw Error(ErrorCode::Unsupported,
                "bucket " + bucket +
                    " is on an Outpost, which is not "
                    "supported",
                "copy the object to a bucket of a region");
}

/// In brackets. A zone ("fe80::1%eth0") is for the resolver to judge.
bool is_bracketed_address(std::string_view host) {
  if (!host.starts_with('[') || !host.ends_with(']')) return false;
  const std::string address(host.substr(1, std::min(host.find('%'), host.size() - 1) - 1));
  ::in6_addr bytes{};
  return ::inet_pton(AF_INET6, address.c_str(), &bytes) == 1;
}

/// Nothing can stand before an address.
bool is_address(std::string_view authority) {
  const std::string host(authority.substr(0, authority.find(':')));
  ::in_addr bytes{};
  return authority.starts_with('[') || ::inet_pton(AF_INET, host.c_str(), &bytes) == 1;
}

/// authority: of the endpoint.
bool is_virtual_hosted(const EndpointOptions& endpoint, std::string_view authority,
                       const std::string& bucket) {
  switch (endpoint.addressing_style) {
    case AddressingStyle::Path:
      if (endpoint.use_accelerate_endpoint && endpoint.endpoint_url.empty())
        throw Error(ErrorCode::InvalidArgument,
                    "use_accelerate_endpoint can't go with path-style addressing",
                    "leave one of them out");
      return false;
    case AddressingStyle::Virtual:
      return !is_address(authority);
    case AddressingStyle::Auto:
      break;
  }
  const bool is_label = is_dns_label(bucket);
  if (endpoint.use_accelerate_endpoint && endpoint.endpoint_url.empty() && !is_label)
    throw Error(ErrorCode::InvalidArgument,
                "bucket " + bucket +
                    " can't be reached by Transfer Acceleration: its name is no "
                    "single label of a host name",
                "leave use_accelerate_endpoint out");
  return endpoint.endpoint_url.empty() && is_label;
}

/// The host of AWS for a bucket name, without the bucket.
std::string s3_host(const EndpointOptions& endpoint) {
  const AwsPartition& partition = partition_of(endpoint.region);
  if (endpoint.use_fips_endpoint && partition.name == "aws-cn")
    invalid("there are no FIPS endpoints in region " + endpoint.region,
            "leave use_fips_endpoint out");
  if (!endpoint.use_accelerate_endpoint)
    return std::string(endpoint.use_fips_endpoint ? "s3-fips." : "s3.") +
           (endpoint.use_dualstack_endpoint ? "dualstack." : "") + endpoint.region + "." +
           std::string(partition.domain);
  if (endpoint.use_fips_endpoint)
    invalid("use_accelerate_endpoint can't go with use_fips_endpoint", "leave one of them out");
  if (partition.name != "aws")
    invalid("there is no Transfer Acceleration in region " + endpoint.region,
            "leave use_accelerate_endpoint out");
  return std::string("s3-accelerate.") + (endpoint.use_dualstack_endpoint ? "dualstack." : "") +
         std::string(partition.domain);
}

/// Host and region of an access point.
void aim_at_access_point(const EndpointOptions& endpoint, const std::string& arn,
                         RequestTarget& target) {
  const AccessPoint point = parse_access_point(arn);
  if (endpoint.use_accelerate_endpoint)
    throw Error(ErrorCode::InvalidArgument, "access points have no Transfer Acceleration",
                "leave use_accelerate_endpoint out, or name the bucket");
  target.region = point.region;
  const std::string label = point.name + "-" + point.account;
  if (!endpoint.endpoint_url.empty()) {
    target.authority.insert(0, label + ".");
    return;
  }
  target.authority = label + ".s3-accesspoint" + (endpoint.use_fips_endpoint ? "-fips." : ".") +
                     (endpoint.use_dualstack_endpoint ? "dualstack." : "") + point.region + "." +
                     std::string(partition_of(point.region).domain);
}

}  // namespace

RequestTarget parse_endpoint_url(const std::string& url) {
  const auto fail = [&](const std::string& why) -> Error {
    return Error(ErrorCode::InvalidArgument,
                 "endpoint URL \"" + without_userinfo(url) + "\" " + why,
                 "write it like http://127.0.0.1:9000 or https://s3.example.org");
  };
  RequestTarget result;
  const std::size_t separator = url.find("://");
  if (separator == std::string::npos) throw fail("has no http:// or https://");
  result.scheme = lower_case(url.substr(0, separator));
  if (result.scheme != "http" && result.scheme != "https")
    throw fail("must begin with http:// or https://");
  const std::size_t begin = separator + 3;
  const std::size_t slash = std::min(url.find('/', begin), url.size());
  result.authority = url.substr(begin, slash - begin);
  result.path = url.substr(slash);
  while (!result.path.empty() && result.path.back() == '/') result.path.pop_back();

  if (result.authority.find('@') != std::string::npos)
    throw fail("must not hold a user or password");
  for (const char c : result.authority + result.path)
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 127 || c == '?' ||
        c == '#' || c == '"' || c == '<' || c == '>' || c == '\\')
      throw fail("holds a character that has no place there");
  // After the last ':' outside of an IPv6 address's brackets comes a port.
  const std::size_t colon = result.authority.rfind(':');
  const std::size_t bracket = result.authority.rfind(']');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  const std::string_view host =
      std::string_view(result.authority).substr(0, has_port ? colon : std::string::npos);
  if (host.find_first_of("[]:") != std::string_view::npos && !is_bracketed_address(host))
    throw fail("must hold an IPv6 address in brackets, such as [::1]");
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

AddressingStyle parse_addressing_style(std::string_view text) {
  for (const AddressingStyle style :
       {AddressingStyle::Auto, AddressingStyle::Path, AddressingStyle::Virtual})
    if (to_string(style) == text) return style;
  throw Error(ErrorCode::InvalidArgument, "addressing_style = \"" +
                                              std::string(text.substr(0, 20)) +
                                              "\" must be auto, path or virtual");
}

std::string_view to_string(AddressingStyle style) {
  switch (style) {
    case AddressingStyle::Path:
      return "path";
    case AddressingStyle::Virtual:
      return "virtual";
    case AddressingStyle::Auto:
      break;
  }
  return "auto";
}

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
  // In an ARN the first '/' comes before the access point's name.
  std::size_t begin = 0;
  if (is_arn(rest)) {
    constexpr std::string_view kResource = ":accesspoint/";
    begin = rest.find(kResource);
    begin = begin == std::string_view::npos ? 0 : begin + kResource.size();
  }
  const std::size_t slash = std::min(rest.find('/', begin), rest.size());
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
  RequestTarget target{.scheme = "https"};
  if (custom) target = parse_endpoint_url(endpoint.endpoint_url);
  target.region = endpoint.region;
  if (is_arn(address.bucket)) {
    aim_at_access_point(endpoint, address.bucket, target);
  } else {
    if (!custom) {
      refuse_special_bucket(address.bucket);
      target.authority = s3_host(endpoint);
    }
    if (is_virtual_hosted(endpoint, target.authority, address.bucket))
      target.authority.insert(0, address.bucket + ".");
    else
      target.path += "/" + address.bucket;
  }
  if (!address.key.empty())
    target.path += "/" + percent_encode(address.key, Slashes::Keep);
  else if (target.path.empty())
    target.path = "/";
  return target;
}

}  // namespace skipjack::s3
