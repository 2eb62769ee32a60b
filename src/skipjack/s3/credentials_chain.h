// The order in which keys are looked for, which is botocore's: environment, role of the profile,
// web identity, single sign-on, keys of the profile, process, container, instance.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/base/log.h"
#include "skipjack/s3/aws_partition.h"
#include "skipjack/s3/credentials.h"
#include "skipjack/s3/environment.h"
#include "skipjack/s3/instance_metadata.h"
#include "skipjack/s3/profile_file.h"

namespace skipjack::s3 {

/// How the profile's names lead to services; referenced objects must outlive the search.
struct ChainOptions {
  const EnvironmentLookup& environment;
  const Profiles& profiles;
  std::string profile;
  /// Asked for by an argument: the environment's keys and web identity are then passed over.
  bool is_profile_given = false;
  /// Of STS; empty: us-east-1.
  std::string region;
  HostVariant variant;
  std::string ca_file;
  /// nullptr: switched off.
  std::shared_ptr<InstanceMetadata> instance;
  std::uint64_t seed = 0;
  LogSink log;
};

struct FoundCredentials {
  std::shared_ptr<CredentialsProvider> provider;  ///< nullptr: nobody has any.
  std::string source = "none";
};
FoundCredentials find_credentials(const ChainOptions& options);

/// The URL that environment or profile set for a service ("s3", "sts", "sso", "sso_oidc").
std::optional<std::string> configured_endpoint(const std::string& service,
                                               const EnvironmentLookup& environment,
                                               const Profiles& profiles,
                                               const std::string& profile);

}  // namespace skipjack::s3
