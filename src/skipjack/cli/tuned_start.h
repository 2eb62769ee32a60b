// What `s3 tune --save` keeps and `s3 get` begins with: tuned_profiles.h for this host, in this
// user's state folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "skipjack/cli/context.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/transfer_config.h"

namespace skipjack::cli {

/// Throws what state_folder() throws.
std::filesystem::path tuned_profiles_path(const Context& context);

/// Takes a line for people.
using Say = std::function<void(const std::string&)>;

/// For DownloadOptions::start: where downloads of this size from this endpoint begin, as far as it
/// was tuned and saved. Says so when it is used, and why not if the file can't be understood.
std::function<s3::TransferConfig(std::int64_t bytes)> tuned_start(
    const Context& context, const s3::EndpointOptions& endpoint, const Say& say);

struct TunedOutcome {
  std::string endpoint;  ///< s3tune::endpoint_name().
  std::int64_t object_size = 0;
  /// Unset: nothing is better than what the engine finds itself, so nothing is kept.
  std::optional<s3::TransferConfig> winner{};
};
/// Throws what s3tune::write_profiles throws, and Unsupported for a newer file. One that is broken
/// is replaced.
void save_tuned(const Context& context, const TunedOutcome& outcome, const Say& say);

}  // namespace skipjack::cli
