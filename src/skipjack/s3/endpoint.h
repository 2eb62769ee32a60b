// Where a bucket is and how its URLs are written: s3:// addresses, path and virtual-hosted style,
// access points, the kinds of hosts that AWS has for S3, percent-encoding as SigV4 wants it. Pure;
// botocore's endpoint rules are the referee.
// Deviation: us-east-1 has its regional host, where boto3 takes the older global one unless told.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skipjack::s3 {

/// An object (or a bucket, if key is empty). The bucket may be the ARN of an access point.
struct ObjectAddress {
  std::string bucket{};
  std::string key{};
  friend bool operator==(const ObjectAddress&, const ObjectAddress&) = default;
};
/// "s3://bucket/some/key", "s3://arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/some/key"; the key may
/// hold anything, '?' and '#' included. Throws InvalidArgument, and what parse_access_point throws.
ObjectAddress parse_s3_uri(std::string_view uri);
std::string to_s3_uri(const ObjectAddress& address);

/// Auto: path style for a custom endpoint and for bucket names with dots, else virtual-hosted.
/// Where the endpoint is an address, it is always path style.
enum class AddressingStyle { Auto, Path, Virtual };
/// "auto", "path", "virtual"; throws InvalidArgument for anything else.
AddressingStyle parse_addressing_style(std::string_view text);
std::string_view to_string(AddressingStyle style);

struct EndpointOptions {
  /// "http://127.0.0.1:9000"; empty means AWS in the region.
  std::string endpoint_url{};
  std::string region = "us-east-1";
  AddressingStyle addressing_style = AddressingStyle::Auto;
  /// AWS's hosts with both IPv4 and IPv6 addresses.
  bool use_dualstack_endpoint = false;
  /// AWS's hosts with FIPS-certified cryptography.
  bool use_fips_endpoint = false;
  /// Transfer Acceleration, which the bucket must have switched on. Access points have none.
  bool use_accelerate_endpoint = false;
};

/// Where one request goes; path and query are percent-encoded already.
struct RequestTarget {
  std::string scheme{};     ///< "http" or "https".
  std::string authority{};  ///< host[:port], without the scheme's own port: the Host header.
  std::string path{};       ///< begins with '/'.
  std::vector<std::pair<std::string, std::string>> query{};  ///< not encoded.
  std::string region{};                                      ///< to sign for.

  std::string url() const;
};

/// "http://host:port/base": scheme in lower case, authority without the scheme's own port, path
/// without '/' at its end (empty for none). Throws InvalidArgument for a bad one.
RequestTarget parse_endpoint_url(const std::string& url);

/// Throws InvalidArgument for a bad endpoint URL, bucket name or region and for options that
/// exclude each other, Unsupported for kinds of buckets that are not supported.
RequestTarget request_target(const EndpointOptions& endpoint, const ObjectAddress& address);

/// RFC 3986 with only the unreserved characters left alone; '/' is kept if asked for.
enum class Slashes { Keep, Encode };
std::string percent_encode(std::string_view text, Slashes slashes);

}  // namespace skipjack::s3
