// The three CRCs of S3 (CRC64NVME, CRC32C, CRC32), at the speed of memory: one folding kernel for
// all of them on x86-64's carry-less multiplication [Gopal2009], chosen at run time, and a table of
// eight bytes a step elsewhere (AArch64 included). Values follow zlib's convention: 0 for no bytes,
// the value of what came before goes in again. Adjacent ranges are combined without their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace skipjack::s3 {

enum class CrcKind { Crc64Nvme, Crc32c, Crc32 };
inline constexpr std::size_t kNumCrcKinds = 3;

/// Bytes of a value: 8 or 4.
constexpr std::size_t crc_bytes(CrcKind kind) { return kind == CrcKind::Crc64Nvme ? 8 : 4; }

/// Ways to the same value, slowest first.
enum class CrcKernel {
  Portable,   ///< tables.
  Pclmul,     ///< 128 bits at a time.
  Vpclmul512  ///< 512 bits at a time.
};
/// The fastest that this machine has; slower ones work too.
CrcKernel best_crc_kernel();

/// The CRC of (bytes whose CRC is crc) followed by bytes. Any length and alignment.
std::uint64_t crc_update(CrcKind kind, std::uint64_t crc, std::span<const std::byte> bytes);
/// The same by a given kernel, at most best_crc_kernel().
std::uint64_t crc_update(CrcKind kind, std::uint64_t crc, std::span<const std::byte> bytes,
                         CrcKernel kernel);

/// The CRC of AB from those of A and B, and B's length (>= 0). O(log second_bytes).
std::uint64_t crc_combine(CrcKind kind, std::uint64_t first, std::uint64_t second,
                          std::int64_t second_bytes);

}  // namespace skipjack::s3
