// How AWS names the hosts of its services: partitions (the separate worlds of China, GovCloud and
// others) with their domains, and the bucket names that are ARNs of access points. Pure. The
// partitions are those that botocore's partitions.json lists.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skipjack::s3 {

struct AwsPartition {
  std::string_view name;           ///< "aws", "aws-cn", ...
  std::string_view region_prefix;  ///< "cn-"; empty for "aws", to which all other regions belong.
  std::string_view domain;         ///< "amazonaws.com"
  std::string_view dualstack_domain;
};
const AwsPartition& partition_of(std::string_view region);

/// Throws InvalidArgument for what can be no region.
void check_region(std::string_view region);

/// Kinds of hosts: FIPS-certified cryptography, and addresses of both IPv4 and IPv6.
struct HostVariant {
  bool fips = false;
  bool dualstack = false;
};
/// Host of a service that hands out keys (STS, and single sign-on's "portal.sso" and "oidc"):
/// ("sts", "eu-west-1") is "sts.eu-west-1.amazonaws.com".
std::string service_host(std::string_view service, const std::string& region,
                         const HostVariant& variant);

/// "arn:aws:s3:us-west-2:123456789012:accesspoint/name", also with ':' before the name.
struct AccessPoint {
  std::string partition, region, account, name;
};
bool is_arn(std::string_view bucket);
/// Throws Unsupported for ARNs of Outposts, Object Lambda and multi-region access points,
/// InvalidArgument for what is no ARN of S3.
AccessPoint parse_access_point(const std::string& arn);

}  // namespace skipjack::s3
