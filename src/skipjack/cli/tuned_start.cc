#include "skipjack/cli/tuned_start.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3tune/tuned_profiles.h"

namespace skipjack::cli {
namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::string in_words(const s3tune::TunedProfile& profile) {
  return std::to_string(profile.max_concurrency) + " requests of " +
         format_byte_size(static_cast<double>(profile.multipart_chunksize));
}

std::vector<s3tune::TunedProfile> profiles_or_none(const std::filesystem::path& path,
                                                   const Say& say) {
  try {
    return s3tune::read_profiles(path);
  } catch (const Error& error) {
    say("note: " + std::string(error.what()));
    return {};
  }
}

}  // namespace

std::filesystem::path tuned_profiles_path(const Context& context) {
  return state_folder(context) / "tuned-downloads.json";
}

std::function<s3::TransferConfig(std::int64_t)> tuned_start(const Context& context,
                                                            const s3::EndpointOptions& endpoint,
                                                            const Say& say) {
  std::filesystem::path path;
  try {
    path = tuned_profiles_path(context);
  } catch (const Error&) {
    return {};  // No home, so nothing was saved.
  }
  return [profiles = profiles_or_none(path, say), host = host_name(),
          name = s3tune::endpoint_name(endpoint), say](std::int64_t bytes) -> s3::TransferConfig {
    const s3tune::TunedProfile* found =
        s3tune::find_profile(profiles, {host, name, s3tune::size_class(bytes)});
    if (found == nullptr) return {};
    say("note: begins with " + in_words(*found) +
        ", as tuned for this host, endpoint and size; --no-tuned begins without");
    return {.max_concurrency = found->max_concurrency,
            .multipart_chunksize = found->multipart_chunksize};
  };
}

void save_tuned(const Context& context, const TunedOutcome& outcome, const Say& say) {
  const std::filesystem::path path = tuned_profiles_path(context);
  std::vector<s3tune::TunedProfile> profiles;
  try {
    profiles = s3tune::read_profiles(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Corrupted) throw;
    say("note: " + std::string(error.what()) + "; it is replaced");
  }
  const s3tune::TunedFor place{host_name(), outcome.endpoint,
                               s3tune::size_class(outcome.object_size)};
  if (!outcome.winner || !outcome.winner->max_concurrency || !outcome.winner->multipart_chunksize) {
    const bool had_one = s3tune::forget_profile(profiles, place);
    if (had_one) s3tune::write_profiles(path, profiles);
    say(had_one ? "note: nothing beats the engine left to itself; what was saved is forgotten"
                : "note: nothing beats the engine left to itself, so nothing is saved");
    return;
  }
  const s3tune::TunedProfile profile{place, *outcome.winner->max_concurrency,
                                     *outcome.winner->multipart_chunksize};
  s3tune::keep_profile(profiles, profile);
  s3tune::write_profiles(path, profiles);
  say("note: saved in " + path.string() + ": s3 get begins with " + in_words(profile) + " here");
}

}  // namespace skipjack::cli
