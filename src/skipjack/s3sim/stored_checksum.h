// The checksum that S3 keeps of an object, and what it tells of it: the whole's in an answer
// without a range, a stored part's in an answer for exactly that part, nothing for other ranges.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/s3sim/http.h"

namespace skipjack::s3sim {

struct StoredChecksum {
  /// "crc64nvme", "crc32c", "crc32", "sha256" or "sha1".
  std::string algorithm{};
  /// Base64; "-N" behind it for a composite one, a digest of the digests of N parts.
  std::string value{};
  enum class Type { FullObject, Composite } type = Type::FullObject;
  /// Of each part, for an object that was uploaded in parts.
  std::vector<std::string> part_values{};
};

/// Ends of the parts of so many bytes, the last one the object's.
std::vector<std::int64_t> part_ends(std::int64_t size, std::int64_t part_bytes);
/// What an upload in parts leaves: CRC64NVME of the whole object, any other composite.
StoredChecksum checksum_of_parts(std::string_view algorithm, std::string_view bytes,
                                 const std::vector<std::int64_t>& ends);
/// The ETag of such an upload, quotes included.
std::string etag_of_parts(std::string_view bytes, const std::vector<std::int64_t>& ends);

/// Headers for an answer that brings this range of an object of that size. ends: of its parts.
Fields checksum_headers(const StoredChecksum& checksum, ByteRange range, std::int64_t size,
                        const std::vector<std::int64_t>& ends);

}  // namespace skipjack::s3sim
