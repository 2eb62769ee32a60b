#include "skipjack/s3/aws_partition.h"

#include <algorithm>
#include <array>
#include <vector>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

// "aws" last: it takes what nobody before it takes.
constexpr std::array kPartitions = {
    AwsPartition{"aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    AwsPartition{"aws-us-gov", "us-gov-", "amazonaws.com", "api.aws"},
    AwsPartition{"aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    AwsPartition{"aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    AwsPartition{"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    AwsPartition{"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    AwsPartition{"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    AwsPartition{"aws", "", "amazonaws.com", "api.aws"},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || is_digit(c); }

}  // namespace

const AwsPartition& partition_of(std::string_view region) {
  return *std::find_if(kPartitions.begin(), kPartitions.end(), [&](const AwsPartition& partition) {
    return region.starts_with(partition.region_prefix);
  });
}

void check_region(std::string_view region) {
  const bool good = !region.empty() && region.size() <= 64 && region.front() != '-' &&
                    region.back() != '-' && std::all_of(region.begin(), region.end(), [](char c) {
                      return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
                    });
  if (!good)
    throw Error(ErrorCode::InvalidArgument,
                "region \"" + std::string(region.substr(0, 100)) + "\" is not valid",
                "for example eu-central-1");
}

std::string service_host(std::string_view service, const std::string& region,
                         const HostVariant& variant) {
  check_region(region);
  const AwsPartition& partition = partition_of(region);
  // GovCloud's plain hosts are FIPS hosts.
  const bool is_plain_fips = partition.name == "aws-us-gov" && !variant.dualstack;
  return std::string(service) + (variant.fips && !is_plain_fips ? "-fips." : ".") + region + "." +
         std::string(variant.dualstack ? partition.dualstack_domain : partition.domain);
}

bool is_arn(std::string_view bucket) { return bucket.starts_with("arn:"); }

AccessPoint parse_access_point(const std::string& arn) {
  const auto fail = [&](const std::string& why) {
    return Error(ErrorCode::InvalidArgument, "\"" + arn.substr(0, 200) + "\" " + why,
                 "access points are written arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME");
  };
  const auto unsupported = [&](const std::string& what) {
    return Error(ErrorCode::Unsupported, "\"" + arn.substr(0, 200) + "\" is " + what,
                 "use the bucket's name, or an access point of the bucket's region");
  };
  // arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, and the resource's kind and name.
  std::vector<std::string> parts;
  std::string_view rest = arn;
  while (parts.size() < 5) {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) throw fail("is no complete ARN");
    parts.emplace_back(rest.substr(0, colon));
    rest.remove_prefix(colon + 1);
  }
  const std::size_t separator = rest.find_first_of(":/");
  const std::string_view kind = rest.substr(0, separator);
  AccessPoint point{
      parts[1], parts[3], parts[4],
      std::string(separator == std::string_view::npos ? "" : rest.substr(separator + 1))};
  if (parts[2] == "s3-outposts") throw unsupported("on an Outpost, which is not supported");
  if (parts[2] == "s3-object-lambda")
    throw unsupported("an Object Lambda access point, which is not supported");
  if (parts[2] != "s3" || kind != "accesspoint") throw fail("is no ARN of an S3 access point");
  if (point.region.empty())
    throw unsupported("a multi-region access point, which is not supported (it needs SigV4a)");
  check_region(point.region);
  if (point.partition != partition_of(point.region).name)
    throw fail("names the partition " + point.partition.substr(0, 20) + " for a region of " +
               std::string(partition_of(point.region).name));
  if (point.account.size() != 12 ||
      !std::all_of(point.account.begin(), point.account.end(), is_digit))
    throw fail("has no account of 12 digits");
  // Name and account make one label of the host.
  if (point.name.empty() || point.name.size() > 50 || point.name.front() == '-' ||
      !std::all_of(point.name.begin(), point.name.end(),
                   [](char c) { return is_lower_or_digit(c) || c == '-'; }))
    throw fail("has no access point's name: at most 50 lower-case letters, digits and '-'");
  return point;
}

}  // namespace skipjack::s3
