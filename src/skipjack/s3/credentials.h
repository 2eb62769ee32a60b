// Who asks: explicit keys, the environment, profile files, or nobody (anonymous). The environment
// is read in this file only, and comes in as a lookup function so that the rules can be tested.
// Later sources of the AWS chain (instance metadata, containers, SSO, processes, roles) are not
// here.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace skipjack::s3 {

/// A text that no stream or message shows by accident: the only way to it is reveal().
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string value_;
};

/// Empty access_key_id: requests go out unsigned.
struct Credentials {
  std::string access_key_id{};
  Secret secret_access_key{};
  Secret session_token{};  ///< empty if there is none.

  bool anonymous() const { return access_key_id.empty(); }
};

/// Reads one variable: nullopt if it is unset.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;
/// The variables of this process.
EnvironmentLookup process_environment();

/// Section name -> key -> value, of an AWS profile file. Comments, blank lines and nested settings
/// ("s3 =" and its indented lines) are understood as the AWS CLI does; the nested ones are left
/// out.
using ProfileFile = std::map<std::string, std::map<std::string, std::string>>;
/// Throws InvalidArgument with the line for text that is no profile file.
ProfileFile parse_profile_file(std::string_view text, const std::string& name);

struct AwsSettingsOptions {
  EnvironmentLookup environment = process_environment();
  /// Profile asked for by name; else AWS_PROFILE, else "default". A named one must exist.
  std::optional<std::string> profile{};
};

/// What the environment and the profile say, in AWS's order: variables before profile.
struct AwsSettings {
  /// nullopt if nobody says anything.
  std::optional<Credentials> credentials;
  std::optional<std::string> region;
  std::optional<std::string> endpoint_url;
  /// File of certificates to trust instead of the system's.
  std::optional<std::string> ca_bundle;
  /// Where the credentials came from, for messages: "environment", "profile default in ...".
  std::string credentials_source = "none";
};

/// Throws InvalidArgument (half a pair of keys, bad file), NotFound (named profile missing).
AwsSettings load_aws_settings(const AwsSettingsOptions& options = {});

}  // namespace skipjack::s3
