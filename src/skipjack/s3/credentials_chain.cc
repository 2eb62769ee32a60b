#include "skipjack/s3/credentials_chain.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "skipjack/base/error.h"
#include "skipjack/s3/container_credentials.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/process_credentials.h"
#include "skipjack/s3/sso.h"
#include "skipjack/s3/sts.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

Error bad_profile(const std::string& profile, const std::string& why, const std::string& advice) {
  return Error(ErrorCode::InvalidArgument, "profile " + profile + " " + why, advice);
}

/// Keys from three settings, or nullopt if there are none. Half a pair is a mistake worth saying.
std::optional<Credentials> keys_of(const std::string& where, const std::string& id,
                                   const std::string& secret, const std::string& token) {
  if (id.empty() && secret.empty()) return std::nullopt;
  if (id.empty() || secret.empty())
    throw Error(ErrorCode::InvalidArgument,
                where + " has only one of access key id and secret access key",
                "set both, or none");
  return Credentials{
      .access_key_id = id, .secret_access_key = Secret(secret), .session_token = Secret(token)};
}

/// The token has an older name, which comes first as it does in botocore.
std::string token_of(const std::function<std::string(const char*)>& value, const char* older,
                     const char* name) {
  const std::string token = value(older);
  return token.empty() ? value(name) : token;
}

std::optional<Credentials> keys_of(const std::string& where, const ProfileSection& section) {
  const auto value = [&](const char* key) {
    const auto found = section.find(key);
    return found == section.end() ? std::string() : found->second;
  };
  return keys_of(where, value("aws_access_key_id"), value("aws_secret_access_key"),
                 token_of(value, "aws_security_token", "aws_session_token"));
}

bool has_keys(const Profile& profile) {
  return profile.find("aws_access_key_id") || profile.find("aws_secret_access_key");
}

class Chain {
 public:
  explicit Chain(const ChainOptions& options) : options_(options) {}

  FoundCredentials find() {
    if (!options_.is_profile_given)
      if (FoundCredentials found = from_environment(); found.provider) return found;
    if (FoundCredentials found = from_profile(options_.profile, !options_.is_profile_given);
        found.provider)
      return found;
    if (FoundCredentials found = from_container(); found.provider) return found;
    return from_instance();
  }

 private:
  FoundCredentials from_environment() const {
    const auto value = [&](const char* name) {
      return non_empty(options_.environment, name).value_or("");
    };
    const auto keys =
        keys_of("the environment", value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"),
                token_of(value, "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"));
    if (!keys) return {};
    return {make_static_provider(*keys), "environment"};
  }

  FoundCredentials from_container() {
    const auto container = container_options(options_.environment);
    if (!container) return {};
    return {refreshing([container = *container, call = call_to("")](const std::stop_token& stop) {
              IdentityCallOptions stoppable = call;
              stoppable.stop = stop;
              return fetch_container_credentials(container, stoppable);
            }),
            "container"};
  }

  FoundCredentials from_instance() {
    if (!options_.instance) return {};
    std::optional<Credentials> first = options_.instance->credentials();
    if (!first) return {};
    const auto fetch = [instance = options_.instance](const std::stop_token& stop) {
      if (auto keys = instance->credentials(stop)) return std::move(*keys);
      throw Error(ErrorCode::NotFound, "the instance has no role any more",
                  "attach one, or give keys by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    };
    return {refreshing(fetch, std::move(first)), "instance"};
  }

  /// Of one profile, by itself.
  FoundCredentials from_profile(const std::string& name, bool may_use_environment) {
    static const Profile kNone;
    const Profile* found = options_.profiles.find(name);
    const Profile& profile = found ? *found : kNone;
    const std::string where = "profile " + name;
    visited_.push_back(name);
    const bool has_role = profile.find("role_arn") && !profile.find("web_identity_token_file");
    // Behind a role, keys come before another role: a profile may be its own source.
    if (has_role && (visited_.size() == 1 || !has_keys(profile))) return from_role(name, profile);
    if (FoundCredentials web = from_web_identity(name, profile, may_use_environment); web.provider)
      return web;
    if (FoundCredentials sso = from_sso(name, profile); sso.provider) return sso;
    if (const auto keys = keys_of(where, profile.credentials_file))
      return {make_static_provider(*keys), where};
    if (const std::string* command = profile.find("credential_process")) {
      split_command(*command);  // Refused now rather than in the middle.
      return {refreshing([command = *command](const std::stop_token& stop) {
                return fetch_process_credentials({.command = command, .stop = stop});
              }),
              "credential_process of " + where};
    }
    if (const auto keys = keys_of(where, profile.config_file))
      return {make_static_provider(*keys), where};
    if (profile.find("login_session"))
      throw Error(ErrorCode::Unsupported, where + " takes its keys from `aws login`",
                  "set credential_process = aws configure export-credentials --format process");
    return {};
  }

  FoundCredentials from_role(const std::string& name, const Profile& profile) {
    const std::string* source_profile = profile.find("source_profile");
    const std::string* credential_source = profile.find("credential_source");
    if ((source_profile != nullptr) == (credential_source != nullptr))
      throw bad_profile(name, "has role_arn, but not one of source_profile and credential_source",
                        "set one of the two: the keys that the role is assumed with");
    if (profile.find("mfa_serial"))
      throw Error(ErrorCode::Unsupported,
                  "profile " + name + " assumes a role with mfa_serial; nobody is asked for codes",
                  "get temporary keys with the AWS CLI, or use single sign-on");
    FoundCredentials source = source_profile ? from_source_profile(name, *source_profile)
                                             : from_source(name, *credential_source);
    RoleOptions role = role_options(*profile.find("role_arn"));
    if (const std::string* session = profile.find("role_session_name"))
      role.session_name = *session;
    if (const std::string* id = profile.find("external_id")) role.external_id = *id;
    if (const std::string* text = profile.find("duration_seconds")) {
      std::int64_t seconds = 0;
      const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
      if (error != std::errc() || end != text->data() + text->size() || seconds < 900 ||
          seconds > 43200)
        throw bad_profile(name, "has a duration_seconds that is not in [900, 43200]",
                          "leave it out for an hour");
      role.duration_seconds = seconds;
    }
    const auto fetch = [role, from = source.provider](const std::stop_token& stop) {
      return assume_role(role, *from, stop);
    };
    return {refreshing(fetch), "role " + role.role_arn + " with " + source.source};
  }

  FoundCredentials from_source_profile(const std::string& name, const std::string& source) {
    if (options_.profiles.find(source) == nullptr)
      throw Error(ErrorCode::NotFound,
                  "source_profile \"" + source + "\" of profile " + name + " does not exist",
                  "check its name");
    const bool is_visited = std::find(visited_.begin(), visited_.end(), source) != visited_.end();
    if (is_visited && (source != name || !has_keys(*options_.profiles.find(source))))
      throw bad_profile(name, "is in a circle of source_profile", "let it end at keys");
    FoundCredentials found = from_profile(source, false);
    if (!found.provider)
      throw Error(ErrorCode::NotFound,
                  "source_profile \"" + source + "\" of profile " + name + " has no keys",
                  "give it keys, a process, single sign-on or a role");
    return found;
  }

  FoundCredentials from_source(const std::string& name, const std::string& credential_source) {
    const std::string kind = lower_case(credential_source);
    FoundCredentials found;
    if (kind == "environment")
      found = from_environment();
    else if (kind == "ecscontainer")
      found = from_container();
    else if (kind == "ec2instancemetadata")
      found = from_instance();
    else
      throw bad_profile(name,
                        "has a credential_source that is none of Environment, EcsContainer and "
                        "Ec2InstanceMetadata",
                        "check its spelling");
    if (!found.provider)
      throw Error(ErrorCode::NotFound,
                  "credential_source " + credential_source + " of profile " + name + " has no keys",
                  "check that it is the right one on this machine");
    return found;
  }

  FoundCredentials from_web_identity(const std::string& name, const Profile& profile,
                                     bool may_use_environment) {
    const auto value = [&](const char* variable, const char* key) -> std::string {
      if (may_use_environment)
        if (auto text = non_empty(options_.environment, variable)) return *text;
      const std::string* text = profile.find(key);
      return text ? *text : "";
    };
    const std::string file = value("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    if (file.empty()) return {};
    const std::string arn = value("AWS_ROLE_ARN", "role_arn");
    if (arn.empty())
      throw bad_profile(name, "or the environment has a web identity token file, but no role",
                        "set AWS_ROLE_ARN, or role_arn");
    RoleOptions role = role_options(arn);
    if (const std::string session = value("AWS_ROLE_SESSION_NAME", "role_session_name");
        !session.empty())
      role.session_name = session;
    const std::string path = below_home(file, options_.profiles.home).string();
    return {refreshing([role, path](const std::stop_token& stop) {
              return assume_role_with_web_identity(role, path, stop);
            }),
            "role " + arn + " with web identity"};
  }

  FoundCredentials from_sso(const std::string& name, const Profile& profile) {
    if (!profile.find("sso_account_id") && !profile.find("sso_role_name")) return {};
    static const ProfileSection kNone;
    const ProfileSection* session = &kNone;
    SsoOptions sso;
    if (const std::string* session_name = profile.find("sso_session")) {
      const auto found = options_.profiles.sso_sessions.find(*session_name);
      if (found == options_.profiles.sso_sessions.end())
        throw bad_profile(name, "names sso_session \"" + *session_name + "\", which does not exist",
                          "run: aws configure sso");
      session = &found->second;
      sso.session = *session_name;
    }
    const auto value = [&](const std::string& key) -> std::string {
      const std::string* own = profile.find(key);
      const auto shared = session->find(key);
      if (shared != session->end() && own != nullptr && *own != shared->second)
        throw bad_profile(name, "and its sso_session disagree about " + key,
                          "run: aws configure sso");
      if (own == nullptr && shared == session->end())
        throw bad_profile(name, "has no " + key, "run: aws configure sso");
      return own ? *own : shared->second;
    };
    sso.start_url = value("sso_start_url");
    sso.account_id = value("sso_account_id");
    sso.role_name = value("sso_role_name");
    const std::string region = value("sso_region");
    sso.portal_url = service_url("sso", "portal.sso", region);
    sso.oidc_url = service_url("sso_oidc", "oidc", region);
    sso.cache = options_.profiles.home / ".aws" / "sso" / "cache";
    sso.call = call_to(sso.portal_url);
    return {
        refreshing([sso](const std::stop_token& stop) { return fetch_sso_credentials(sso, stop); }),
        "single sign-on of profile " + name};
  }

  /// Without '/' at its end.
  std::string service_url(const std::string& service, const std::string& host,
                          const std::string& region) const {
    if (const auto url =
            configured_endpoint(service, options_.environment, options_.profiles, options_.profile))
      return parse_endpoint_url(*url).url();
    return "https://" + service_host(host, region, options_.variant);
  }

  RoleOptions role_options(const std::string& arn) {
    RoleOptions role;
    role.role_arn = arn;
    role.session_name =
        "skipjack-" + std::to_string(static_cast<std::int64_t>(system_clock().unix_time()));
    role.region = options_.region.empty() ? "us-east-1" : options_.region;
    role.endpoint_url = service_url("sts", "sts", role.region);
    role.call = call_to(role.endpoint_url);
    return role;
  }

  IdentityCallOptions call_to(const std::string& url) {
    IdentityCallOptions call;
    call.transport.ca_file = options_.ca_file;
    call.transport.proxy = proxy_for(url, options_.environment);
    call.seed = options_.seed + ++num_sources_;
    return call;
  }

  std::shared_ptr<CredentialsProvider> refreshing(FetchCredentials fetch,
                                                  std::optional<Credentials> first = {}) {
    return make_refreshing_provider({.fetch = std::move(fetch),
                                     .first = std::move(first),
                                     .seed = options_.seed + ++num_sources_,
                                     .log = options_.log});
  }

  const ChainOptions& options_;
  std::vector<std::string> visited_;
  std::uint64_t num_sources_ = 0;
};

}  // namespace

FoundCredentials find_credentials(const ChainOptions& options) { return Chain(options).find(); }

std::optional<std::string> configured_endpoint(const std::string& service,
                                               const EnvironmentLookup& environment,
                                               const Profiles& profiles,
                                               const std::string& profile_name) {
  const Profile* profile = profiles.find(profile_name);
  const auto setting = [&](const std::string& key) -> std::optional<std::string> {
    const std::string* value = profile ? profile->find(key) : nullptr;
    return value ? std::optional(*value) : std::nullopt;
  };
  auto ignored = non_empty(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
  if (!ignored) ignored = setting("ignore_configured_endpoint_urls");
  if (ignored && parse_flag("ignore_configured_endpoint_urls", *ignored)) return std::nullopt;
  std::string variable = "AWS_ENDPOINT_URL_" + service;
  for (char& c : variable)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (auto url = non_empty(environment, variable)) return url;
  if (auto url = non_empty(environment, "AWS_ENDPOINT_URL")) return url;
  if (const auto name = setting("services")) {
    const auto section = profiles.services.find(*name);
    if (section == profiles.services.end())
      throw bad_profile(profile_name, "names services \"" + *name + "\", which do not exist",
                        "add a section [services " + *name + "]");
    const auto url = section->second.find(service + ".endpoint_url");
    if (url != section->second.end() && !url->second.empty()) return url->second;
  }
  return setting("endpoint_url");
}

}  // namespace skipjack::s3
