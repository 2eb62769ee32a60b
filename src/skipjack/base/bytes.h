// Byte sizes, durations and counts as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "skipjack/base/clock.h"

namespace skipjack {

inline constexpr std::int64_t kKiB = 1024;
inline constexpr std::int64_t kMiB = 1024 * kKiB;
inline constexpr std::int64_t kGiB = 1024 * kMiB;

/// "8388608", "8MiB", "8MB" (binary, as the AWS tools read it), "1.5 GiB", "16k"; case is ignored.
/// Throws InvalidArgument for anything else, for negative sizes and for sizes above 2^63 - 1.
std::int64_t parse_byte_size(std::string_view text);
/// "8 MiB", "1.5 GiB", "999 B": four significant digits at most.
std::string format_byte_size(double bytes);

/// "60", "60s", "1.5h", "250ms", "2m30s". A bare number is seconds. Throws InvalidArgument.
Duration parse_duration(std::string_view text);
/// "250 ms", "4.90 s", "2 min 05 s", "1 h 02 min".
std::string format_duration(Duration duration);

/// "1 trial", "2 trials"; the plural of noun is made by an s.
std::string count_of(std::int64_t n, std::string_view noun);

}  // namespace skipjack
