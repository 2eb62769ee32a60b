// Flags to client options.
#include "skipjack/cli/s3_access.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "skipjack/base/bytes.h"

namespace skipjack::cli {

void add_s3_key_flags(CLI::App& command, S3KeyFlags& flags) {
  const auto add = [&](const char* name, std::optional<std::string>& value, const char* help) {
    command.add_option(name, value, help)->type_name("KEY")->group("S3");
  };
  add("--access-key", flags.access_key, "instead of AWS_ACCESS_KEY_ID and the profile's");
  add("--secret-key", flags.secret_key,
      "goes with it; for a moment others on this machine can see it in ps, AWS_SECRET_ACCESS_KEY "
      "they can't");
  add("--session-token", flags.session_token, "goes with temporary keys");
}

std::optional<s3::Credentials> given_credentials(const S3KeyFlags& flags) {
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorCode::InvalidArgument, what,
                "give --access-key and --secret-key, or set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY");
  };
  for (const auto& [name, value] :
       {std::pair("--access-key", &flags.access_key), std::pair("--secret-key", &flags.secret_key),
        std::pair("--session-token", &flags.session_token)})
    if (*value && (*value)->empty()) refuse(std::string(name) + " is given and empty");
  if (flags.access_key.has_value() != flags.secret_key.has_value())
    refuse(flags.access_key ? "--access-key is given without --secret-key"
                            : "--secret-key is given without --access-key");
  if (flags.session_token && !flags.access_key)
    refuse("--session-token is given without the keys that it belongs to");
  if (!flags.access_key) return std::nullopt;
  return s3::Credentials{.access_key_id = *flags.access_key,
                         .secret_access_key = s3::Secret(*flags.secret_key),
                         .session_token = s3::Secret(flags.session_token.value_or(""))};
}

void export_credentials(const s3::Credentials& credentials) {
  ::setenv("AWS_ACCESS_KEY_ID", credentials.access_key_id.c_str(), 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.reveal().c_str(), 1);
  if (credentials.session_token.empty())
    ::unsetenv("AWS_SESSION_TOKEN");
  else
    ::setenv("AWS_SESSION_TOKEN", credentials.session_token.reveal().c_str(), 1);
}

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
  add_s3_key_flags(command, flags.keys);
  command.add_flag("--no-sign-request", flags.no_sign_request, "send no credentials")->group(group);
  command.add_option("--addressing-style", flags.addressing_style, "auto, path or virtual")
      ->check(CLI::IsMember({"auto", "path", "virtual"}))
      ->type_name("STYLE")
      ->group(group);
}

S3Access s3_access(const S3AccessFlags& flags, Context& context) {
  const std::optional<s3::Credentials> given = given_credentials(flags.keys);
  if (given && (flags.no_sign_request || !flags.profile.empty()))
    throw Error(ErrorCode::InvalidArgument,
                std::string("--access-key is given together with ") +
                    (flags.no_sign_request ? "--no-sign-request" : "--profile"),
                "leave out one of the two");
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
  if (given)
    access.client.credentials = *given;
  else if (!flags.no_sign_request && settings.credentials)
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
