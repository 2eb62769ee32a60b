// Flags to client options.
#include "skipjack/cli/s3_access.h"

#include <stdlib.h>
#include <sys/resource.h>

#include <random>

#include "skipjack/base/bytes.h"
#include "skipjack/s3/aws_settings.h"

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
  // What belongs to other keys; the former is an older name of the token and comes before it.
  ::unsetenv("AWS_SECURITY_TOKEN");
  ::unsetenv("AWS_CREDENTIAL_EXPIRATION");
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
                  "AWS region; default: AWS_REGION, the profile's, the instance's, us-east-1")
      ->type_name("NAME")
      ->group(group);
  command
      .add_option("--profile", flags.profile,
                  "profile of ~/.aws/credentials and ~/.aws/config; default: AWS_PROFILE")
      ->type_name("NAME")
      ->group(group);
  add_s3_key_flags(command, flags.keys);
  command.add_flag("--no-sign-request", flags.no_sign_request, "send no credentials")->group(group);
  command
      .add_option("--addressing-style", flags.addressing_style,
                  "auto (the profile's), path or virtual")
      ->check(CLI::IsMember({"auto", "path", "virtual"}))
      ->type_name("STYLE")
      ->group(group);
}

void add_endpoint_ips_flag(CLI::App& command, S3AccessFlags& flags) {
  command
      .add_option("--endpoint-ips", flags.endpoint_ips,
                  "addresses to connect to instead of those that the endpoint's name has")
      ->delimiter(',')
      ->type_name("IP,IP")
      ->group("S3");
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
  if (!flags.region.empty()) options.region = flags.region;
  if (!flags.endpoint_url.empty()) options.endpoint_url = flags.endpoint_url;
  options.find_credentials = !given && !flags.no_sign_request;
  // Many processes that start at one moment must not ask for keys at one moment.
  options.seed = std::random_device()();
  options.log = [&context](LogLevel level, std::string_view message) {
    if (level == LogLevel::Warning)
      context.err << one_line("note: " + std::string(message)) + "\n" << std::flush;
  };
  const s3::AwsSettings settings = s3::load_aws_settings(options);

  S3Access access;
  access.client.endpoint = {.endpoint_url = settings.endpoint_url.value_or(""),
                            .region = settings.region.value_or("us-east-1"),
                            .addressing_style = settings.addressing_style,
                            .use_dualstack_endpoint = settings.use_dualstack_endpoint,
                            .use_fips_endpoint = settings.use_fips_endpoint,
                            .use_accelerate_endpoint = settings.use_accelerate_endpoint};
  // "auto" is what nobody has to say.
  if (const auto style = s3::parse_addressing_style(flags.addressing_style);
      style != s3::AddressingStyle::Auto)
    access.client.endpoint.addressing_style = style;
  if (given) access.client.credentials = *given;
  access.client.credentials_provider = settings.credentials;
  // Fetched now: what is wrong with them shows before anything is done, and no clock is running.
  if (settings.credentials) settings.credentials->get();
  if (settings.ca_bundle) access.client.transport.ca_file = *settings.ca_bundle;
  access.client.transport.proxy = settings.proxy;
  access.client.transport.endpoint_ips = flags.endpoint_ips;
  access.client.log = options.log;
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
