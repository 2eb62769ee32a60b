// Keys from the agent of a container (ECS, EKS Pod Identity), which tells by environment variables
// where it is and what to show it.
#pragma once

#include <optional>
#include <string>

#include "skipjack/s3/credentials.h"
#include "skipjack/s3/identity_call.h"
#include "skipjack/s3/profile_file.h"

namespace skipjack::s3 {

struct ContainerOptions {
  std::string url;
  /// Sent as Authorization. The file is read for each request: tokens in it are replaced in time.
  Secret authorization_token{};
  std::string authorization_token_file{};
};
/// Of AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN or
/// _TOKEN_FILE; nullopt if neither of the first two is set. Throws InvalidArgument for a URL in
/// plain HTTP to another host than this machine and the agents' addresses.
std::optional<ContainerOptions> container_options(const EnvironmentLookup& environment);

/// call: certificates, jitter and stop; agents are never asked through a proxy.
Credentials fetch_container_credentials(const ContainerOptions& options, IdentityCallOptions call);

}  // namespace skipjack::s3
