// Checking, naming and reading of profiles. One list of fields with their ranges serves validation
// and both directions of JSON.
#include "skipjack/s3sim/profile.h"

#include <cmath>
#include <limits>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack::s3sim {
namespace {

constexpr double kAnything = std::numeric_limits<double>::max();
/// A day: a first byte or a pause beyond it is a slip of the pen.
constexpr double kLongestSeconds = 86400;

struct Field {
  const char* name;
  double Profile::*member;
  double lower;
  double upper;
};

constexpr Field kFields[] = {
    {"first_byte_median_seconds", &Profile::first_byte_median_seconds, 0, kLongestSeconds},
    {"first_byte_sigma", &Profile::first_byte_sigma, 0, 3},
    {"first_byte_floor_seconds", &Profile::first_byte_floor_seconds, 0, kLongestSeconds},
    {"first_byte_tail_odds", &Profile::first_byte_tail_odds, 0, 1},
    {"first_byte_tail_median_seconds", &Profile::first_byte_tail_median_seconds, 0,
     kLongestSeconds},
    {"first_byte_tail_sigma", &Profile::first_byte_tail_sigma, 0, 3},
    {"connect_seconds", &Profile::connect_seconds, 0, kLongestSeconds},
    {"connection_bytes_per_second", &Profile::connection_bytes_per_second, 0, kAnything},
    {"connection_sigma", &Profile::connection_sigma, 0, 2},
    {"request_sigma", &Profile::request_sigma, 0, 2},
    {"slow_odds", &Profile::slow_odds, 0, 1},
    {"slow_bytes_per_second", &Profile::slow_bytes_per_second, 0, kAnything},
    {"link_bytes_per_second", &Profile::link_bytes_per_second, 0, kAnything},
    {"drift_amplitude", &Profile::drift_amplitude, 0, 0.9},
    {"drift_period_seconds", &Profile::drift_period_seconds, 1e-3, kAnything},
    {"slow_down_odds", &Profile::slow_down_odds, 0, 1},
    {"internal_error_odds", &Profile::internal_error_odds, 0, 1},
    {"reset_odds", &Profile::reset_odds, 0, 1},
    {"truncate_odds", &Profile::truncate_odds, 0, 1},
    {"stall_odds", &Profile::stall_odds, 0, 1},
    {"stall_seconds", &Profile::stall_seconds, 0, kLongestSeconds},
};

std::string profile_names() {
  std::string names;
  for (const Profile& profile : builtin_profiles())
    names += (names.empty() ? "" : ", ") + profile.name;
  return names;
}

[[noreturn]] void reject(const Profile& profile, const std::string& what) {
  throw Error(ErrorCode::InvalidArgument, "profile \"" + profile.name + "\": " + what);
}

}  // namespace

std::string Profile::remark() const {
  return "Measured on the embedded server with the network model \"" + name +
         "\": times and gains are a property of that model, not of Amazon S3.";
}

void validate(const Profile& profile) {
  for (const Field& field : kFields) {
    const double value = profile.*field.member;
    if (!(value >= field.lower && value <= field.upper))
      reject(profile,
             std::string(field.name) + " = " + shortest_decimal(value) + " must be in [" +
                 shortest_decimal(field.lower) + ", " +
                 (field.upper == kAnything ? "infinity)" : shortest_decimal(field.upper) + "]"));
  }
  if (profile.slow_odds > 0 && profile.slow_bytes_per_second == 0)
    reject(profile, "slow_bytes_per_second = 0 must be > 0 where slow_odds > 0");
  const double odds = profile.slow_down_odds + profile.internal_error_odds + profile.reset_odds +
                      profile.truncate_odds + profile.stall_odds;
  if (odds > 1)
    reject(profile, "the odds of all faults sum to " + shortest_decimal(odds) + ", must be <= 1");
}

Profile find_profile(std::string_view name) {
  for (const Profile& profile : builtin_profiles())
    if (profile.name == name) return profile;
  throw Error(ErrorCode::InvalidArgument,
              "no network profile is called \"" + std::string(name) + "\"",
              "one of " + profile_names() + ", or the path of a JSON file");
}

Profile load_profile(std::string_view name_or_path) {
  const bool is_path =
      name_or_path.find('/') != std::string_view::npos || name_or_path.ends_with(".json");
  if (!is_path) return find_profile(name_or_path);
  return profile_from_json(parse_json(read_file(std::string(name_or_path))));
}

Profile profile_from_json(const Json& json) {
  if (!json.is_object())
    throw Error(ErrorCode::InvalidArgument, "a network profile must be a JSON object");
  Profile profile{.name = "custom"};
  if (const Json* base = json.find("base")) profile = find_profile(base->as_string());
  for (const auto& [key, value] : json.as_object()) {
    if (key == "base") continue;
    if (key == "name") {
      profile.name = value.as_string();
      continue;
    }
    if (key == "description") {
      profile.description = value.as_string();
      continue;
    }
    const Field* known = nullptr;
    for (const Field& field : kFields)
      if (key == field.name) known = &field;
    if (known == nullptr) reject(profile, "unknown field \"" + key + "\"");
    if (!value.is_number()) reject(profile, "\"" + key + "\" must be a number");
    profile.*known->member = value.as_double();
  }
  validate(profile);
  return profile;
}

Json to_json(const Profile& profile) {
  Json json;
  json.set("name", profile.name);
  json.set("description", profile.description);
  for (const Field& field : kFields) json.set(field.name, profile.*field.member);
  return json;
}

}  // namespace skipjack::s3sim
