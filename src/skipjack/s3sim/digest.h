// Digests by name, and CRC64NVME with its arithmetic. Tables, fast enough for a test server, and
// sharing nothing with the download engine's, so that each finds the other's mistakes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace skipjack::s3sim {

/// "crc32", "crc32c", "crc64nvme", "sha1", "sha256" or "md5" of a stream of bytes.
class Digest {
 public:
  virtual ~Digest() = default;
  virtual void update(std::string_view bytes) = 0;
  /// The digest's bytes, most significant first; once.
  virtual std::string finish() = 0;
};
/// nullptr for a name that is none of those.
std::unique_ptr<Digest> make_digest(std::string_view name);
/// The digest's bytes of this text; the name must be one of those above.
std::string digest_of(std::string_view name, std::string_view bytes);

/// CRC64NVME of (bytes whose CRC is crc, 0 for none) followed by bytes.
std::uint64_t crc64nvme(std::uint64_t crc, std::string_view bytes);
/// CRC64NVME of AB from those of A and B. O(log second_bytes).
std::uint64_t crc64nvme_combined(std::uint64_t first, std::uint64_t second,
                                 std::uint64_t second_bytes);
/// As Digest::finish() writes it.
std::string crc64nvme_bytes(std::uint64_t crc);

std::string base64(std::string_view bytes);
/// Lower-case hexadecimal.
std::string hex_text(std::string_view bytes);

}  // namespace skipjack::s3sim
