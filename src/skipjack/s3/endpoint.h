// Where a bucket is and how its URLs are written: s3:// addresses, path and virtual-hosted style,
// percent-encoding as SigV4 wants it. Pure. No access points, accelerate, dual-stack or FIPS hosts.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skipjack::s3 {

/// An object (or a bucket, if key is empty).
struct ObjectAddress {
  std::string bucket{};
  std::string key{};
  friend bool operator==(const ObjectAddress&, const ObjectAddress&) = default;
};
/// "s3://bucket/some/key"; the key may hold anything, '?' and '#' included. Throws InvalidArgument.
ObjectAddress parse_s3_uri(std::string_view uri);
std::string to_s3_uri(const ObjectAddress& address);

/// Auto: path style for a custom endpoint and for bucket names with dots, else virtual-hosted.
enum class AddressingStyle { Auto, Path, Virtual };

struct EndpointOptions {
  /// "http://127.0.0.1:9000"; empty means AWS in the region.
  std::string endpoint_url{};
  std::string region = "us-east-1";
  AddressingStyle addressing_style = AddressingStyle::Auto;
};

/// Where one request goes; path and query are percent-encoded already.
struct RequestTarget {
  std::string scheme;     ///< "http" or "https".
  std::string authority;  ///< host[:port], without the scheme's own port: the Host header.
  std::string path;       ///< begins with '/'.
  std::vector<std::pair<std::string, std::string>> query;  ///< not encoded.

  std::string url() const;
};

/// Throws InvalidArgument for a bad endpoint URL, bucket name or region.
RequestTarget request_target(const EndpointOptions& endpoint, const ObjectAddress& address);

/// RFC 3986 with only the unreserved characters left alone; '/' is kept if asked for.
enum class Slashes { Keep, Encode };
std::string percent_encode(std::string_view text, Slashes slashes);

}  // namespace skipjack::s3
