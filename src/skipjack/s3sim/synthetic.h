// Bytes of synthetic objects. One pattern of kPatternBytes pseudo-random bytes lies in memory once
// a process, and an object of any size reads it round and round from a phase of its own, so that
// sendfile can send it. The pattern's length is a prime above 64 MiB: no part size divides it or is
// a multiple of it, so two parts of one object never hold the same bytes and a part written at the
// wrong offset shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace skipjack::s3sim {

/// Period of every synthetic object, a prime: 2^26 + 15.
inline constexpr std::int64_t kPatternBytes = 67108879;

/// Where in the pattern the object starts, in [0, kPatternBytes); seed is the server's.
std::int64_t synthetic_phase(std::uint64_t seed, std::string_view bucket, std::string_view key);

/// Fills out with the object's bytes from offset (>= 0) on; computed, no server needed.
void synthetic_bytes(std::int64_t phase, std::int64_t offset, std::span<std::byte> out);

/// ETag without quotes. In the form of a multi-part upload ("<32 hex>-1"), which no client takes
/// for an MD5 of the body; a function of seed, bucket, key and size.
std::string synthetic_etag(std::uint64_t seed, std::string_view bucket, std::string_view key,
                           std::int64_t size);

/// CRC64NVME of such an object; from sums over the pattern, whatever its size.
std::uint64_t synthetic_crc64nvme(std::int64_t phase, std::int64_t size);

/// Read-only descriptor of a memory file that holds the pattern; the process keeps it open.
/// Throws Io if there is no memory for it.
int pattern_descriptor();

}  // namespace skipjack::s3sim
