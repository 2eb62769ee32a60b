// Flags to client options.
#include "skipjack/cli/s3_access.h"

#include <sys/resource.h>

#include "skipjack/base/bytes.h"

namespace skipjack::cli {

void add_s3_access_flags(CLI::App& command, S3AccessFlags& flags) {
  const std::string group = "S3";
  command
      .add_option("--endpoint-url", flags.endpoint_url,
                  "server other than AWS, such as http://127.0.0.1:9000")
      ->type_name("URL")
      ->group(group);
  command
      .add_option("--region", flags.region,
                  "AWS region; default: AWS_REGION, the profile's, us-east-1")
      ->type_name("NAME")
      ->group(group);
  command.add_option("--profile", flags.profile, "profile of ~/.aws/credentials and ~/.aws/config")
      ->type_name("NAME")
      ->group(group);
  command.add_flag("--no-sign-request", flags.no_sign_request, "send no credentials")->group(group);
  command.add_option("--addressing-style", flags.addressing_style, "auto, path or virtual")
      ->check(CLI::IsMember({"auto", "path", "virtual"}))
      ->type_name("STYLE")
      ->group(group);
}

S3Access s3_access(const S3AccessFlags& flags, Context& context) {
  s3::AwsSettingsOptions options;
  options.environment = [&context](const std::string& name) {
    return context.environment(name.c_str());
  };
  if (!flags.profile.empty()) options.profile = flags.profile;
  const s3::AwsSettings settings = s3::load_aws_settings(options);

  S3Access access;
  s3::EndpointOptions& endpoint = access.client.endpoint;
  endpoint.endpoint_url =
      !flags.endpoint_url.empty() ? flags.endpoint_url : settings.endpoint_url.value_or("");
  if (!flags.region.empty())
    endpoint.region = flags.region;
  else if (settings.region)
    endpoint.region = *settings.region;
  endpoint.addressing_style = flags.addressing_style == "path"      ? s3::AddressingStyle::Path
                              : flags.addressing_style == "virtual" ? s3::AddressingStyle::Virtual
                                                                    : s3::AddressingStyle::Auto;
  if (!flags.no_sign_request && settings.credentials)
    access.client.credentials = *settings.credentials;
  if (settings.ca_bundle) access.client.transport.ca_file = *settings.ca_bundle;
  return access;
}

void allow_many_connections() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);  // where it is refused, the old limit serves
}

std::int64_t byte_size_flag(const std::string& flag, const std::string& text) {
  try {
    return parse_byte_size(text);
  } catch (const Error& error) {
    throw Error(error.code(), flag + ": " + error.what(), error.try_this());
  }
}

Duration duration_flag(const std::string& flag, const std::string& text) {
  Duration duration{0};
  try {
    duration = parse_duration(text);
  } catch (const Error& error) {
    throw Error(error.code(), flag + ": " + error.what(), error.try_this());
  }
  if (duration <= Duration{0})
    throw Error(ErrorCode::InvalidArgument, flag + " = '" + text + "' must be > 0",
                "for example " + flag + " 60s");
  return duration;
}

}  // namespace skipjack::cli
