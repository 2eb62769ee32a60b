#include "skipjack/s3/aws_settings.h"

#include <algorithm>
#include <charconv>

#include "skipjack/base/error.h"
#include "skipjack/s3/credentials_chain.h"
#include "skipjack/s3/instance_metadata.h"
#include "skipjack/s3/profile_file.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

/// The environment and one profile, asked in this order.
class Settings {
 public:
  explicit Settings(const AwsSettingsOptions& options)
      : environment(options.environment), profiles(load_profiles(options.environment)) {
    std::optional<std::string> named = options.profile;
    for (const char* variable : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"})
      if (!named) named = non_empty(environment, variable);
    profile_name = named.value_or("default");
    profile_ = profiles.find(profile_name);
    if (named && profile_ == nullptr)
      throw Error(ErrorCode::NotFound,
                  "profile \"" + profile_name + "\" is neither in " +
                      profiles.credentials_path.string() + " nor in " +
                      profiles.config_path.string(),
                  "check its name (argument or AWS_PROFILE)");
  }

  std::optional<std::string> of_profile(const std::string& key) const {
    const std::string* value = profile_ ? profile_->find(key) : nullptr;
    return value ? std::optional(*value) : std::nullopt;
  }
  std::optional<std::string> get(const char* variable, const std::string& key) const {
    auto value = non_empty(environment, variable);
    return value ? value : of_profile(key);
  }
  bool flag(const char* variable, const std::string& key) const {
    const auto value = get(variable, key);
    return value && parse_flag(key, *value);
  }
  bool s3_flag(const std::string& key) const {
    const auto value = of_profile("s3." + key);
    return value && parse_flag(key, *value);
  }
  /// A whole number in [1, most].
  std::optional<std::int64_t> number(const char* variable, const std::string& key,
                                     std::int64_t most) const {
    const auto text = get(variable, key);
    if (!text) return std::nullopt;
    std::int64_t value = 0;
    const char* const end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, value);
    if (error != std::errc() || rest != end || value < 1 || value > most)
      throw Error(
          ErrorCode::InvalidArgument,
          key + " = \"" + text->substr(0, 20) + "\" must be in [1, " + std::to_string(most) + "]",
          "see " + std::string(variable));
    return value;
  }

  const EnvironmentLookup& environment;
  const Profiles profiles;
  std::string profile_name;

 private:
  const Profile* profile_ = nullptr;
};

/// nullptr if it is switched off.
std::shared_ptr<InstanceMetadata> instance_of(const Settings& settings, std::uint64_t seed) {
  if (lower_case(settings.environment("AWS_EC2_METADATA_DISABLED").value_or("")) == "true")
    return nullptr;
  InstanceMetadataOptions options;
  options.seed = seed;
  if (const auto mode = settings.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                     "ec2_metadata_service_endpoint_mode")) {
    const std::string text = lower_case(*mode);
    if (text != "ipv4" && text != "ipv6")
      throw Error(ErrorCode::InvalidArgument,
                  "ec2_metadata_service_endpoint_mode must be IPv4 or IPv6");
    if (text == "ipv6") options.endpoint = "http://[fd00:ec2::254]";
  }
  if (const auto url =
          settings.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint"))
    options.endpoint = *url;
  if (const auto seconds =
          settings.number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", 60))
    options.time_limit = std::chrono::seconds(*seconds);
  if (const auto attempts =
          settings.number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts", 10))
    options.num_attempts = *attempts;
  return std::make_shared<InstanceMetadata>(options);
}

}  // namespace

AwsSettings load_aws_settings(const AwsSettingsOptions& options) {
  const Settings from(options);
  AwsSettings settings;
  settings.region = options.region;
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"})
    if (!settings.region) settings.region = non_empty(options.environment, variable);
  if (!settings.region) settings.region = from.of_profile("region");
  settings.endpoint_url = options.endpoint_url;
  if (!settings.endpoint_url)
    settings.endpoint_url =
        configured_endpoint("s3", options.environment, from.profiles, from.profile_name);
  if (const auto style = from.of_profile("s3.addressing_style"))
    settings.addressing_style = parse_addressing_style(*style);
  const HostVariant variant{
      .fips = from.flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
      .dualstack = from.flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")};
  settings.use_fips_endpoint = variant.fips;
  // For S3 alone, which can have more than the other services but not less.
  settings.use_dualstack_endpoint = from.s3_flag("use_dualstack_endpoint") || variant.dualstack;
  settings.use_accelerate_endpoint = from.s3_flag("use_accelerate_endpoint");
  settings.ca_bundle = from.get("AWS_CA_BUNDLE", "ca_bundle");

  settings.instance = instance_of(from, options.seed);
  const std::shared_ptr<InstanceMetadata>& instance = settings.instance;
  if (options.find_credentials) {
    FoundCredentials found = find_credentials({.environment = options.environment,
                                               .profiles = from.profiles,
                                               .profile = from.profile_name,
                                               .is_profile_given = options.profile.has_value(),
                                               .region = settings.region.value_or(""),
                                               .variant = variant,
                                               .ca_file = settings.ca_bundle.value_or(""),
                                               .instance = instance,
                                               .seed = options.seed,
                                               .log = options.log});
    settings.credentials = std::move(found.provider);
    settings.credentials_source = std::move(found.source);
  }
  // A server other than AWS has no region that the instance could know; and who signs nothing is
  // not worth the second that it takes to find out that this is no instance.
  if (!settings.region && !settings.endpoint_url && instance && options.find_credentials)
    settings.region = instance->region();
  const std::string region = settings.region.value_or("us-east-1");
  settings.proxy = proxy_for(settings.endpoint_url ? *settings.endpoint_url
                                                   : "https://s3." + region + "." +
                                                         std::string(partition_of(region).domain),
                             options.environment);
  return settings;
}

}  // namespace skipjack::s3
