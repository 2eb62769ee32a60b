// The pattern is a counter run through SplitMix64's finaliser [Steele2014], eight bytes a word in
// little-endian order: any piece of it can be computed without the rest.
#include "skipjack/s3sim/synthetic.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3sim/digest.h"

namespace skipjack::s3sim {
namespace {

constexpr std::uint64_t word_at(std::uint64_t index) {
  std::uint64_t z = (index + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

constexpr std::byte byte_of(std::uint64_t word, std::uint64_t position) {
  return static_cast<std::byte>((word >> (8 * (position % 8))) & 0xff);
}

/// Pattern bytes [begin, begin + out.size()), which must not wrap.
void pattern_bytes(std::uint64_t begin, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint64_t position = begin + done;
    const std::uint64_t word = word_at(position / 8);
    if (std::endian::native == std::endian::little && position % 8 == 0 && out.size() - done >= 8) {
      std::memcpy(out.data() + done, &word, 8);
      done += 8;
      continue;
    }
    const std::size_t end = std::min<std::size_t>(out.size(), done + 8 - position % 8);
    for (; done < end; ++done) out[done] = byte_of(word, begin + done);
  }
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t name_hash(std::uint64_t seed, std::string_view purpose, std::string_view bucket,
                        std::string_view key) {
  std::string stream(purpose);
  stream += '\n';
  stream += bucket;
  stream += '/';
  stream += key;
  return Rng(seed, stream).next();
}

/// CRCs of the pattern's beginnings: of its first i * kSumBytes bytes.
constexpr std::int64_t kSumBytes = 64 << 10;
std::vector<std::uint64_t> sum_up_pattern() {
  std::vector<std::uint64_t> sums{0};
  std::vector<std::byte> piece(kSumBytes);
  for (std::int64_t offset = 0; offset + kSumBytes <= kPatternBytes; offset += kSumBytes) {
    pattern_bytes(static_cast<std::uint64_t>(offset), piece);
    sums.push_back(crc64nvme(sums.back(), as_text(piece)));
  }
  return sums;
}

std::uint64_t crc_of_beginning(std::int64_t size) {
  static const std::vector<std::uint64_t> sums = sum_up_pattern();
  const std::int64_t summed = size / kSumBytes * kSumBytes;
  std::vector<std::byte> rest(static_cast<std::size_t>(size - summed));
  pattern_bytes(static_cast<std::uint64_t>(summed), rest);
  return crc64nvme(sums[static_cast<std::size_t>(size / kSumBytes)], as_text(rest));
}

int make_pattern() {
  const int fd = ::memfd_create("skipjack-pattern", MFD_CLOEXEC);
  if (fd < 0) throw errno_error(errno, "memory file for synthetic objects");
  std::vector<std::byte> piece(std::size_t{1} << 20);
  for (std::int64_t offset = 0; offset < kPatternBytes;) {
    const std::size_t size = static_cast<std::size_t>(
        std::min<std::int64_t>(kPatternBytes - offset, static_cast<std::int64_t>(piece.size())));
    pattern_bytes(static_cast<std::uint64_t>(offset), std::span(piece).first(size));
    const ssize_t written = ::pwrite(fd, piece.data(), size, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const Error error = errno_error(errno, "filling the pattern of synthetic objects");
      ::close(fd);
      throw error;
    }
    offset += written;
  }
  return fd;
}

}  // namespace

std::int64_t synthetic_phase(std::uint64_t seed, std::string_view bucket, std::string_view key) {
  return static_cast<std::int64_t>(name_hash(seed, "phase", bucket, key) %
                                   static_cast<std::uint64_t>(kPatternBytes));
}

void synthetic_bytes(std::int64_t phase, std::int64_t offset, std::span<std::byte> out) {
  std::int64_t position = (phase + offset % kPatternBytes) % kPatternBytes;
  while (!out.empty()) {
    const std::size_t size = static_cast<std::size_t>(
        std::min<std::int64_t>(kPatternBytes - position, static_cast<std::int64_t>(out.size())));
    pattern_bytes(static_cast<std::uint64_t>(position), out.first(size));
    out = out.subspan(size);
    position = 0;
  }
}

std::string synthetic_etag(std::uint64_t seed, std::string_view bucket, std::string_view key,
                           std::int64_t size) {
  const std::uint64_t high = name_hash(seed, "etag", bucket, key);
  const std::uint64_t low = word_at(high ^ static_cast<std::uint64_t>(size));
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx-1", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return text.data();
}

std::uint64_t synthetic_crc64nvme(std::int64_t phase, std::int64_t size) {
  // From phase to the pattern's end (or the object's), then whole patterns, then a beginning.
  const std::int64_t first = std::min(size, kPatternBytes - phase);
  // The CRC of AB and that of A give that of B, since combining is an exclusive or.
  std::uint64_t crc = crc64nvme_combined(crc_of_beginning(phase), crc_of_beginning(phase + first),
                                         static_cast<std::uint64_t>(first));
  std::uint64_t repeated = crc_of_beginning(kPatternBytes);
  auto repeated_bytes = static_cast<std::uint64_t>(kPatternBytes);
  for (auto times = (size - first) / kPatternBytes; times > 0; times /= 2) {
    if (times % 2 != 0) crc = crc64nvme_combined(crc, repeated, repeated_bytes);
    repeated = crc64nvme_combined(repeated, repeated, repeated_bytes);
    repeated_bytes *= 2;
  }
  const std::int64_t last = (size - first) % kPatternBytes;
  return crc64nvme_combined(crc, crc_of_beginning(last), static_cast<std::uint64_t>(last));
}

int pattern_descriptor() {
  static const int fd = make_pattern();
  return fd;
}

}  // namespace skipjack::s3sim
