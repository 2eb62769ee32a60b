// Keys of a role by single sign-on (IAM Identity Center): `aws sso login` leaves a token in a
// cache, and the portal gives keys for it. A token of an sso-session that is about to end is
// refreshed and put back; signing in itself, which takes a browser, is the AWS CLI's.
#pragma once

#include <filesystem>
#include <string>

#include "skipjack/s3/credentials.h"
#include "skipjack/s3/identity_call.h"

namespace skipjack::s3 {

struct SsoOptions {
  /// Empty: the older form of profiles, whose token is found by start_url and can't be refreshed.
  std::string session{};
  std::string start_url;
  std::string account_id;
  std::string role_name;
  /// ~/.aws/sso/cache
  std::filesystem::path cache;
  /// "https://portal.sso.eu-west-1.amazonaws.com" and "https://oidc.eu-west-1.amazonaws.com".
  std::string portal_url;
  std::string oidc_url;
  /// Certificates, proxy, jitter; stop comes with each call.
  IdentityCallOptions call{};
};

/// The file in which `aws sso login` leaves the token.
std::filesystem::path sso_token_path(const SsoOptions& options);

/// Throws NotFound without a token, PermissionDenied for one that has ended or is refused, Network
/// and Timeout for services that are out of reach or in trouble.
Credentials fetch_sso_credentials(const SsoOptions& options, const std::stop_token& stop);

}  // namespace skipjack::s3
