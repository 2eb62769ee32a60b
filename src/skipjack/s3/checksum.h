// Checksums as S3 names and writes them: x-amz-checksum-ALGORITHM headers, whose value is the
// base64 of the digest's bytes, most significant first; "-N" behind it says that it is a checksum
// of the checksums of N parts (composite), which says nothing of the bytes themselves. CRCs by
// crc.h, SHA by OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "skipjack/s3/crc.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

enum class ChecksumAlgorithm { Crc64Nvme, Crc32c, Crc32, Sha256, Sha1 };
/// The cheapest first: of several that an answer gives, the first is looked at.
inline constexpr std::array<ChecksumAlgorithm, 5> kChecksumAlgorithms = {
    ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc32,
    ChecksumAlgorithm::Sha256, ChecksumAlgorithm::Sha1};

/// "CRC64NVME", as in x-amz-checksum-algorithm.
std::string_view to_string(ChecksumAlgorithm algorithm);
/// "x-amz-checksum-crc64nvme"
std::string checksum_header(ChecksumAlgorithm algorithm);
/// nullopt for the others, whose parts can't be combined.
std::optional<CrcKind> crc_kind(ChecksumAlgorithm algorithm);
/// A CRC as a header's value.
std::string crc_text(CrcKind kind, std::uint64_t crc);

/// A stream of bytes, in order.
class Checksum {
 public:
  explicit Checksum(ChecksumAlgorithm algorithm);
  ChecksumAlgorithm algorithm() const { return algorithm_; }
  void update(std::span<const std::byte> bytes);
  /// The header's value for all bytes so far; the last call.
  std::string text();

 private:
  struct FreeDigest {
    void operator()(void* context) const;
  };
  using Digest = std::unique_ptr<void, FreeDigest>;

  ChecksumAlgorithm algorithm_;
  std::variant<std::uint64_t, Digest> state_;
};
/// The header's value for these bytes.
std::string checksum_text(ChecksumAlgorithm algorithm, std::span<const std::byte> bytes);

/// What an answer says of a checksum.
struct StatedChecksum {
  ChecksumAlgorithm algorithm = ChecksumAlgorithm::Crc64Nvme;
  std::string text;  ///< without the "-N".
  bool composite = false;
};
/// The first of kChecksumAlgorithms that is there and is of the bytes; else a composite one;
/// nullopt where there is none, or nothing that can be one.
std::optional<StatedChecksum> stated_checksum(const HttpHead& head);

}  // namespace skipjack::s3
