// How fast the CRCs of the download engine are, against zlib's crc32 in turn with them, over bytes
// that are in the cache and bytes that are not. Counted in CPU time, so that others on the machine
// disturb it little. Prints a Markdown table; fails if a value is wrong.
#include <time.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/checksum.h"
#include "skipjack/s3/crc.h"

namespace skipjack::s3 {
namespace {

constexpr int kRounds = 11;
constexpr std::int64_t kBytesARound = std::int64_t{32} << 20;
constexpr std::array<const char*, 3> kKernelNames = {"tables", "PCLMULQDQ", "VPCLMULQDQ-512"};

struct Contender {
  std::string name;
  std::function<std::uint64_t(std::span<const std::byte>)> sum;
  std::vector<double> bytes_per_second{};
};

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::uint64_t zlib_crc(std::span<const std::byte> bytes) {
  return ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
}

std::vector<Contender> contenders() {
  std::vector<Contender> all{{"zlib CRC32", zlib_crc}};
  for (const auto algorithm : kChecksumAlgorithms) {
    const auto kind = crc_kind(algorithm);
    if (!kind) {
      all.push_back({std::string(to_string(algorithm)), [algorithm](auto bytes) {
                       return std::uint64_t{checksum_text(algorithm, bytes).size()};
                     }});
      continue;
    }
    for (int kernel = 0; kernel <= static_cast<int>(best_crc_kernel()); ++kernel)
      all.push_back({std::string(to_string(algorithm)) + ", " +
                         kKernelNames[static_cast<std::size_t>(kernel)],
                     [kind, kernel](auto bytes) {
                       return crc_update(*kind, 0, bytes, static_cast<CrcKernel>(kernel));
                     }});
  }
  return all;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void check(std::span<const std::byte> bytes) {
  SKIPJACK_CHECK(crc_update(CrcKind::Crc32, 0, bytes) == zlib_crc(bytes));
  for (const CrcKind kind : {CrcKind::Crc64Nvme, CrcKind::Crc32c})
    SKIPJACK_CHECK(crc_update(kind, 0, bytes) == crc_update(kind, 0, bytes, CrcKernel::Portable));
}

void run(std::size_t piece_bytes, const char* where) {
  std::vector<std::byte> bytes(piece_bytes);
  Rng rng(1, "bench");
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.next() & 0xff);
  check(bytes);
  std::vector<Contender> all = contenders();
  std::uint64_t sink = 0;
  for (int round = 0; round < kRounds; ++round)
    for (Contender& contender : all) {
      const double begin = cpu_seconds();
      std::int64_t done = 0;
      for (; done < kBytesARound; done += static_cast<std::int64_t>(piece_bytes))
        sink ^= contender.sum(bytes);
      contender.bytes_per_second.push_back(static_cast<double>(done) / (cpu_seconds() - begin));
    }
  std::printf(
      "\n%s, %d rounds in turn (%llx)\n\n| sum | GB/s | CPU s/GiB | times zlib (quartiles) |\n"
      "|---|---|---|---|\n",
      where, kRounds, static_cast<unsigned long long>(sink));
  for (const Contender& contender : all) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < contender.bytes_per_second.size(); ++i)
      ratios.push_back(contender.bytes_per_second[i] / all.front().bytes_per_second[i]);
    std::sort(ratios.begin(), ratios.end());
    const double rate = median(contender.bytes_per_second);
    std::printf("| %s | %.2f | %.3f | %.2f (%.2f to %.2f) |\n", contender.name.c_str(), rate / 1e9,
                1073741824.0 / rate, ratios[ratios.size() / 2], ratios[ratios.size() / 4],
                ratios[ratios.size() * 3 / 4]);
  }
}

}  // namespace
}  // namespace skipjack::s3

int main() {
  skipjack::s3::run(std::size_t{256} << 10, "256 KiB again and again (in the cache)");
  skipjack::s3::run(std::size_t{32} << 20, "32 MiB (mostly from memory)");
}
