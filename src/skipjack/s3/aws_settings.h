// What arguments, environment and profile say about access to S3: who asks, where, by what way. In
// this order, as AWS's tools do it; the instance's metadata come last.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "skipjack/base/log.h"
#include "skipjack/s3/credentials.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/environment.h"
#include "skipjack/s3/instance_metadata.h"

namespace skipjack::s3 {

struct AwsSettingsOptions {
  EnvironmentLookup environment = process_environment();
  /// Profile asked for by name; else AWS_PROFILE, else "default". A named one must exist.
  std::optional<std::string> profile{};
  /// Given as arguments: before everything else.
  std::optional<std::string> region{};
  std::optional<std::string> endpoint_url{};
  /// Keys given as arguments, or none wanted: nobody is asked for them.
  bool find_credentials = true;
  /// Of the jitter of refreshes and retries.
  std::uint64_t seed = 0;
  LogSink log{};
};

struct AwsSettings {
  /// nullptr: nobody says anything; requests go out unsigned.
  std::shared_ptr<CredentialsProvider> credentials;
  /// Where they come from, for messages: "environment", "profile default", "role ... ".
  std::string credentials_source = "none";
  /// Of arguments, environment, profile, or the instance; nullopt if none of them says it.
  std::optional<std::string> region;
  /// The metadata service of this instance, if it is one; nullptr where the settings switch it off.
  std::shared_ptr<InstanceMetadata> instance;
  std::optional<std::string> endpoint_url;
  AddressingStyle addressing_style = AddressingStyle::Auto;
  bool use_dualstack_endpoint = false;
  bool use_fips_endpoint = false;
  bool use_accelerate_endpoint = false;
  /// File of certificates to trust instead of the system's.
  std::optional<std::string> ca_bundle;
  /// For the endpoint; empty for none. May hold a password.
  std::string proxy;
};

/// Calls the network only where keys or the region are to come from the instance's metadata; other
/// sources are asked when a request first needs their keys. Throws InvalidArgument (half a pair of
/// keys, bad file), NotFound (named profile missing), Unsupported (a role that wants an MFA code).
AwsSettings load_aws_settings(const AwsSettingsOptions& options = {});

}  // namespace skipjack::s3
