// The two files in which AWS tools keep profiles, ~/.aws/config and ~/.aws/credentials: their text,
// and what the two say together. Pure but for load_profiles.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "skipjack/s3/environment.h"

namespace skipjack::s3 {

/// Key -> value. Settings nested below another ("s3 =" and its indented lines) have both names:
/// "s3.addressing_style".
using ProfileSection = std::map<std::string, std::string>;
/// Section name -> settings. Quotes in a name and the width of its spaces don't matter.
using ProfileFile = std::map<std::string, ProfileSection>;
/// Comments, blank lines, "key: value", values of several lines (joined by line ends) and nested
/// settings are understood as the AWS CLI does. Throws
/// InvalidArgument with the line's number for text that is no profile file; never quotes it.
ProfileFile parse_profile_file(std::string_view text, const std::string& name);

/// One profile, of both files.
struct Profile {
  ProfileSection credentials_file, config_file;
  /// nullptr if there is no such setting, or an empty one. The credentials file comes first.
  const std::string* find(const std::string& key) const;
};

struct Profiles {
  std::map<std::string, Profile> profiles;
  std::map<std::string, ProfileSection> sso_sessions, services;
  /// Empty if there is no place for them (no HOME).
  std::filesystem::path config_path, credentials_path, home;

  /// nullptr if there is no such profile.
  const Profile* find(const std::string& name) const;
};
/// Of the files that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name, else those below
/// HOME/.aws; a missing file is an empty one. Throws what reading and parsing throw.
Profiles load_profiles(const EnvironmentLookup& environment);

/// A path with "~/" at its front put below home.
std::filesystem::path below_home(const std::string& path, const std::filesystem::path& home);

}  // namespace skipjack::s3
