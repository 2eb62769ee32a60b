#include "skipjack/s3/profile_file.h"

#include <algorithm>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

/// Words of a section's name with one space between them and without quotes.
std::string canonical_name(std::string_view name) {
  std::string result;
  bool quoted = false;
  for (const char c : trim(name)) {
    if (c == '"' || c == '\'') {
      quoted = !quoted;
      continue;
    }
    const bool space = !quoted && (c == ' ' || c == '\t');
    if (space && result.ends_with(' ')) continue;
    result += space ? ' ' : c;
  }
  return result;
}

ProfileFile load_profile_file(const std::filesystem::path& path) {
  if (path.empty()) return {};
  std::string text;
  try {
    text = read_file(path);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::NotFound) return {};
    throw;
  }
  return parse_profile_file(text, path.string());
}

}  // namespace

ProfileFile parse_profile_file(std::string_view text, const std::string& name) {
  ProfileFile file;
  ProfileSection* section = nullptr;
  // The last setting: lines indented deeper than it belong to its value, or where that is empty,
  // are settings below it.
  std::string parent;
  std::string* value = nullptr;
  std::size_t indent = 0;
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
      section = &file[canonical_name(line.substr(1, close - 1))];
      value = nullptr;
      continue;
    }
    if (section == nullptr) throw fail("a setting before the first section");
    const std::size_t line_indent = raw.find_first_not_of(" \t");
    const bool is_below = value != nullptr && line_indent > indent;
    if (is_below && !value->empty()) {
      value->append("\n").append(line);
      continue;
    }
    const std::size_t separator = line.find_first_of(is_below ? "=" : "=:");
    if (separator == std::string_view::npos || trim(line.substr(0, separator)).empty())
      throw fail("neither a section nor \"key = value\"");
    const std::string key = lower_case(trim(line.substr(0, separator)));
    const std::string_view text_of_value = trim(line.substr(separator + 1));
    if (is_below) {
      (*section)[parent + "." + key] = text_of_value;
      continue;
    }
    parent = key;
    value = &(*section)[key];
    *value = text_of_value;
    indent = line_indent;
  }
  return file;
}

const std::string* Profile::find(const std::string& key) const {
  for (const ProfileSection* section : {&credentials_file, &config_file})
    if (const auto found = section->find(key); found != section->end() && !found->second.empty())
      return &found->second;
  return nullptr;
}

const Profile* Profiles::find(const std::string& name) const {
  const auto found = profiles.find(name);
  return found == profiles.end() ? nullptr : &found->second;
}

Profiles load_profiles(const EnvironmentLookup& environment) {
  Profiles result;
  result.home = non_empty(environment, "HOME").value_or("");
  if (!result.home.is_absolute()) result.home.clear();
  const auto path_of = [&](const char* variable, const char* name) {
    if (const auto path = non_empty(environment, variable)) return below_home(*path, result.home);
    return result.home.empty() ? std::filesystem::path() : result.home / ".aws" / name;
  };
  result.credentials_path = path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials");
  result.config_path = path_of("AWS_CONFIG_FILE", "config");
  for (const auto& [name, section] : load_profile_file(result.credentials_path))
    result.profiles[name].credentials_file = section;
  const ProfileFile config = load_profile_file(result.config_path);
  for (const auto& [name, section] : config) {
    const auto rest_after = [&name = name](std::string_view kind) {
      return name.starts_with(kind) ? name.substr(kind.size()) : std::string();
    };
    // The config file writes "profile NAME" for all but the default, and may for that.
    if (const std::string profile = rest_after("profile "); !profile.empty())
      result.profiles[profile].config_file = section;
    else if (name == "default" && !config.contains("profile default"))
      result.profiles[name].config_file = section;
    else if (const std::string session = rest_after("sso-session "); !session.empty())
      result.sso_sessions[session] = section;
    else if (const std::string services = rest_after("services "); !services.empty())
      result.services[services] = section;
  }
  return result;
}

std::filesystem::path below_home(const std::string& path, const std::filesystem::path& home) {
  if (path.starts_with("~/") && !home.empty()) return home / path.substr(2);
  return path;
}

}  // namespace skipjack::s3
