// The object that the benchmarks of downloads fetch: any size, computed, different at every offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace skipjack::bench {

/// A prime, so that no part's beginning looks like another's before 2^50 bytes.
inline constexpr std::int64_t kPeriod = 67'108'859;

/// The first period of the object: its byte at offset o is the one at o % kPeriod.
inline std::vector<std::byte> object_period() {
  std::vector<std::byte> bytes(static_cast<std::size_t>(kPeriod + 8));
  std::uint64_t x = 88172645463325252u;  // xorshift64
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    std::memcpy(bytes.data() + i, &x, 8);
  }
  bytes.resize(static_cast<std::size_t>(kPeriod));
  return bytes;
}

}  // namespace skipjack::bench
