#include "skipjack/s3tune/tuned_profiles.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <system_error>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/json.h"

namespace skipjack::s3tune {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMostProfiles = 256;
constexpr std::uintmax_t kLargestFile = kMiB;
constexpr std::size_t kLongestName = 300;
constexpr std::int64_t kMostConnections = 10'000, kLargestPart = 5 * kGiB;

std::optional<std::int64_t> number_in(const Json& object, std::string_view key, std::int64_t least,
                                      std::int64_t most) {
  const Json* value = object.find(key);
  if (value == nullptr || !value->is_int()) return std::nullopt;
  const std::int64_t number = value->as_int();
  if (number < least || number > most) return std::nullopt;
  return number;
}

std::optional<std::string> name_in(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  if (value == nullptr || !value->is_string() || value->as_string().size() > kLongestName)
    return std::nullopt;
  return value->as_string();
}

std::optional<TunedProfile> profile_of(const Json& object) {
  const auto host = name_in(object, "host"), endpoint = name_in(object, "endpoint");
  const auto size = number_in(object, "size_class", 0, 31);
  const auto number = number_in(object, "max_concurrency", 1, kMostConnections);
  const auto part = number_in(object, "multipart_chunksize", 1, kLargestPart);
  if (!host || !endpoint || !size || !number || !part) return std::nullopt;
  return TunedProfile{{*host, *endpoint, static_cast<int>(*size)}, *number, *part};
}

Json to_json(const TunedProfile& profile) {
  return Json(Json::Object{{"host", profile.tuned_for.host},
                           {"endpoint", profile.tuned_for.endpoint},
                           {"size_class", profile.tuned_for.size_class},
                           {"max_concurrency", profile.max_concurrency},
                           {"multipart_chunksize", profile.multipart_chunksize}});
}

auto same_as(const TunedFor& wanted) {
  return [&wanted](const TunedProfile& profile) { return profile.tuned_for == wanted; };
}

Error not_profiles(const std::filesystem::path& path, const std::string& why) {
  return Error(ErrorCode::Corrupted, path.string() + " holds no tuned profiles: " + why,
               "remove it, and tune with --save again");
}

}  // namespace

int size_class(std::int64_t object_size) {
  SKIPJACK_CHECK(object_size >= 0);
  return std::max(0,
                  static_cast<int>(std::bit_width(static_cast<std::uint64_t>(object_size))) - 1) /
         2;
}

std::string endpoint_name(const s3::EndpointOptions& endpoint) {
  if (endpoint.endpoint_url.empty()) return "AWS " + endpoint.region;
  const s3::RequestTarget target = s3::parse_endpoint_url(endpoint.endpoint_url);
  return target.scheme + "://" + target.authority;
}

const TunedProfile* find_profile(const std::vector<TunedProfile>& profiles,
                                 const TunedFor& wanted) {
  const auto found = std::find_if(profiles.begin(), profiles.end(), same_as(wanted));
  return found == profiles.end() ? nullptr : &*found;
}

void keep_profile(std::vector<TunedProfile>& profiles, TunedProfile profile) {
  forget_profile(profiles, profile.tuned_for);
  profiles.push_back(std::move(profile));
  if (profiles.size() > kMostProfiles)
    profiles.erase(profiles.begin(), profiles.end() - kMostProfiles);
}

bool forget_profile(std::vector<TunedProfile>& profiles, const TunedFor& wanted) {
  return std::erase_if(profiles, same_as(wanted)) > 0;
}

std::vector<TunedProfile> read_profiles(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  if (status.type() == std::filesystem::file_type::none)
    throw errno_error(error.value(), "can't look at " + path.string());
  if (!std::filesystem::is_regular_file(status)) throw not_profiles(path, "it is no file");
  if (std::filesystem::file_size(path, error) > kLargestFile || error)
    throw not_profiles(path, "it is larger than " + format_byte_size(kLargestFile));
  const auto json = try_parse_json(read_file(path));
  if (!json || !json->is_object()) throw not_profiles(path, "it is no JSON object");
  const auto version = number_in(*json, "version", 1, INT64_MAX);
  const Json* list = json->find("profiles");
  if (!version || list == nullptr || !list->is_array())
    throw not_profiles(path, "it has no version or no list");
  if (*version != kVersion)
    throw Error(ErrorCode::Unsupported,
                path.string() + " has version " + std::to_string(*version) + ", and this program " +
                    std::to_string(kVersion),
                "remove it, or use the program that wrote it");
  std::vector<TunedProfile> profiles;
  for (const Json& entry : list->as_array())
    if (entry.is_object())
      if (auto profile = profile_of(entry)) keep_profile(profiles, std::move(*profile));
  return profiles;
}

void write_profiles(const std::filesystem::path& path, const std::vector<TunedProfile>& profiles) {
  Json::Array list;
  for (const TunedProfile& profile : profiles) list.push_back(to_json(profile));
  const Json json(Json::Object{{"version", kVersion}, {"profiles", std::move(list)}});
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) throw errno_error(error.value(), "can't make the folder of " + path.string());
  write_file_atomically(path, to_json_text(json, JsonStyle::Indented) + "\n", FileMode::Private);
}

}  // namespace skipjack::s3tune
