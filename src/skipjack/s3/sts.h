// Keys of a role, from the Security Token Service: AssumeRole, signed with other keys, and
// AssumeRoleWithWebIdentity, for which a token in a file is proof enough.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "skipjack/s3/credentials.h"
#include "skipjack/s3/identity_call.h"

namespace skipjack::s3 {

struct RoleOptions {
  std::string role_arn;
  std::string session_name;
  std::string external_id{};
  /// [900, 43200] seconds; unset: the service's hour.
  std::optional<std::int64_t> duration_seconds{};
  /// "https://sts.eu-west-1.amazonaws.com", and the region to sign for.
  std::string endpoint_url{};
  std::string region{};
  /// Certificates, proxy, jitter; stop comes with each call.
  IdentityCallOptions call{};
};

/// Both throw PermissionDenied where the service refuses, with its code and its words. Keys of the
/// source that the service says have expired are refused there, and others asked for once.
Credentials assume_role(const RoleOptions& options, CredentialsProvider& source,
                        const std::stop_token& stop);
/// The file is read for each call: who put it there replaces it in time.
Credentials assume_role_with_web_identity(const RoleOptions& options, const std::string& token_file,
                                          const std::stop_token& stop);

}  // namespace skipjack::s3
