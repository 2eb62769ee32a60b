// What tunings found, kept from one run to the next: for a host, an endpoint and objects of a
// size, where a download begins. One small JSON file, which may be shared by hosts, edited, broken
// or written by another version: it is only advice, so whoever reads it can do without.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "skipjack/s3/endpoint.h"

namespace skipjack::s3tune {

/// What a profile holds for.
struct TunedFor {
  std::string host;
  /// endpoint_name().
  std::string endpoint;
  /// size_class().
  int size_class = 0;
  friend bool operator==(const TunedFor&, const TunedFor&) = default;
};

struct TunedProfile {
  TunedFor tuned_for;
  /// [1, 10000].
  std::int64_t max_concurrency = 1;
  /// Bytes, [1, 5 GiB].
  std::int64_t multipart_chunksize = 1;
};

/// Objects of one class have sizes within a factor of four: 64 to 256 MiB, 256 MiB to 1 GiB. The
/// class is the logarithm of the size to the base of four, rounded down; size >= 0.
int size_class(std::int64_t object_size);
/// "http://127.0.0.1:9000", "AWS us-east-1". Throws what parse_endpoint_url throws.
std::string endpoint_name(const s3::EndpointOptions& endpoint);

/// The one that is kept for this, or nullptr.
const TunedProfile* find_profile(const std::vector<TunedProfile>& profiles, const TunedFor& wanted);
/// In place of the one that is there for the same. Of more than 256 the oldest goes.
void keep_profile(std::vector<TunedProfile>& profiles, TunedProfile profile);
/// Whether there was one.
bool forget_profile(std::vector<TunedProfile>& profiles, const TunedFor& wanted);

/// Oldest first; none if there is no such file. What is no profile is left out. Throws Unsupported
/// for a file of another version, Corrupted for one that is no such file or larger than 1 MiB, and
/// what read_file throws.
std::vector<TunedProfile> read_profiles(const std::filesystem::path& path);
/// In one step, for this user's eyes only; makes the folder. Of two processes that write at the
/// same time one wins. Throws what write_file_atomically throws, and Io.
void write_profiles(const std::filesystem::path& path, const std::vector<TunedProfile>& profiles);

}  // namespace skipjack::s3tune
