#include "skipjack/s3/credentials.h"

#include <cstdlib>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

/// The sections of a file, under the names of profiles; nothing if there is no such file.
ProfileFile load_profile_file(const std::filesystem::path& path) {
  std::string text;
  try {
    text = read_file(path);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::NotFound) return {};
    throw;
  }
  return parse_profile_file(text, path.string());
}

std::string value_of(const std::map<std::string, std::string>& section, const std::string& key) {
  const auto found = section.find(key);
  return found == section.end() ? std::string() : found->second;
}

/// Keys from one section, or nullopt if it has none. Half a pair is a mistake worth saying.
std::optional<Credentials> credentials_from(const std::map<std::string, std::string>& section,
                                            const std::string& where) {
  Credentials credentials{value_of(section, "aws_access_key_id"),
                          Secret(value_of(section, "aws_secret_access_key")),
                          Secret(value_of(section, "aws_session_token"))};
  if (credentials.access_key_id.empty() && credentials.secret_access_key.empty())
    return std::nullopt;
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty())
    throw Error(ErrorCode::InvalidArgument,
                where + " has only one of access key id and secret access key",
                "set both, or none");
  return credentials;
}

std::optional<std::string> non_empty(const EnvironmentLookup& environment,
                                     const std::string& name) {
  std::optional<std::string> value = environment(name);
  if (value && value->empty()) value.reset();
  return value;
}

}  // namespace

EnvironmentLookup process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

ProfileFile parse_profile_file(std::string_view text, const std::string& name) {
  ProfileFile file;
  std::map<std::string, std::string>* section = nullptr;
  bool nested = false;  // below a setting without a value, where indented lines belong to it.
  for (int line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto fail = [&](const std::string& why) -> Error {
      // The line itself may hold a secret.
      return Error(ErrorCode::InvalidArgument,
                   name + ":" + std::to_string(line_number) + ": " + why,
                   "profile files hold [sections] and lines \"key = value\"");
    };
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      const std::size_t close = line.find(']');
      if (close == std::string_view::npos) throw fail("a section without ']'");
      section = &file[std::string(trim(line.substr(1, close - 1)))];
      nested = false;
      continue;
    }
    const bool indented = raw.front() == ' ' || raw.front() == '\t';
    if (indented && nested) continue;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)).empty())
      throw fail("neither a section nor \"key = value\"");
    if (section == nullptr) throw fail("a setting before the first section");
    std::string key = lower_case(trim(line.substr(0, equals)));
    const std::string_view value = trim(line.substr(equals + 1));
    nested = value.empty();
    (*section)[std::move(key)] = std::string(value);
  }
  return file;
}

AwsSettings load_aws_settings(const AwsSettingsOptions& options) {
  const EnvironmentLookup& environment = options.environment;
  AwsSettings settings;

  // Variables first. A profile asked for by argument comes before keys in the environment, as in
  // boto3.
  if (!options.profile) {
    std::map<std::string, std::string> keys;
    for (const auto& [key, variable] : {std::pair("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
                                        std::pair("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
                                        std::pair("aws_session_token", "AWS_SESSION_TOKEN")})
      keys[key] = non_empty(environment, variable).value_or("");
    settings.credentials = credentials_from(keys, "the environment");
    if (settings.credentials) settings.credentials_source = "environment";
  }
  settings.region = non_empty(environment, "AWS_REGION");
  if (!settings.region) settings.region = non_empty(environment, "AWS_DEFAULT_REGION");
  settings.endpoint_url = non_empty(environment, "AWS_ENDPOINT_URL_S3");
  if (!settings.endpoint_url) settings.endpoint_url = non_empty(environment, "AWS_ENDPOINT_URL");
  settings.ca_bundle = non_empty(environment, "AWS_CA_BUNDLE");

  std::optional<std::string> profile = options.profile;
  if (!profile) profile = non_empty(environment, "AWS_PROFILE");
  const bool named = profile.has_value();
  const std::string profile_name = profile.value_or("default");

  const std::filesystem::path folder =
      std::filesystem::path(non_empty(environment, "HOME").value_or("")) / ".aws";
  const auto file_path = [&](const char* variable,
                             const char* default_name) -> std::filesystem::path {
    if (const auto path = non_empty(environment, variable)) return *path;
    return folder.is_absolute() ? folder / default_name : std::filesystem::path();
  };
  const std::filesystem::path credentials_path =
      file_path("AWS_SHARED_CREDENTIALS_FILE", "credentials");
  const std::filesystem::path config_path = file_path("AWS_CONFIG_FILE", "config");
  const ProfileFile credentials_file =
      credentials_path.empty() ? ProfileFile() : load_profile_file(credentials_path);
  const ProfileFile config_file =
      config_path.empty() ? ProfileFile() : load_profile_file(config_path);

  // The config file writes "profile NAME" for all but the default.
  std::map<std::string, std::string> from_config, from_credentials;
  bool found = false;
  std::vector<std::string> config_names = {"profile " + profile_name};
  if (profile_name == "default") config_names.emplace_back("default");
  for (const std::string& section_name : config_names)
    if (const auto it = config_file.find(section_name); it != config_file.end() && !found) {
      from_config = it->second;
      found = true;
    }
  if (const auto it = credentials_file.find(profile_name); it != credentials_file.end()) {
    from_credentials = it->second;
    found = true;
  }
  if (named && !found)
    throw Error(ErrorCode::NotFound,
                "profile \"" + profile_name + "\" is neither in " + credentials_path.string() +
                    " nor in " + config_path.string(),
                "check its name (argument or AWS_PROFILE)");

  for (const auto& [section, path] :
       {std::pair(&from_credentials, &credentials_path), std::pair(&from_config, &config_path)}) {
    if (settings.credentials) break;
    const std::string where = "profile " + profile_name + " in " + path->string();
    settings.credentials = credentials_from(*section, where);
    if (settings.credentials) settings.credentials_source = where;
  }
  const auto from_profile = [&](const std::string& key) -> std::optional<std::string> {
    for (const auto* section : {&from_config, &from_credentials})
      if (std::string value = value_of(*section, key); !value.empty()) return value;
    return std::nullopt;
  };
  if (!settings.region) settings.region = from_profile("region");
  if (!settings.endpoint_url) settings.endpoint_url = from_profile("endpoint_url");
  if (!settings.ca_bundle) settings.ca_bundle = from_profile("ca_bundle");
  return settings;
}

}  // namespace skipjack::s3
