// CRCs and checksums against published values, zlib, and a division written out bit by bit.
#include "skipjack/s3/checksum.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/s3/crc.h"

namespace skipjack::s3 {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::vector<std::byte> random_bytes(Rng& rng, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.next() & 0xff);
  return bytes;
}

std::size_t random_below(Rng& rng, std::size_t bound) {
  return static_cast<std::size_t>(rng.next() % bound);
}

/// The division as the standards define it, with the polynomial as they print it.
std::uint64_t crc_by_bits(CrcKind kind, std::span<const std::byte> bytes) {
  const int width = static_cast<int>(8 * crc_bytes(kind));
  const std::uint64_t polynomial = kind == CrcKind::Crc64Nvme ? 0xad93d23594c93659
                                   : kind == CrcKind::Crc32c  ? 0x1edc6f41
                                                              : 0x04c11db7;
  const std::uint64_t top = std::uint64_t{1} << (width - 1);
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - width);
  std::uint64_t remainder = mask;
  for (const std::byte byte : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool in = ((static_cast<unsigned>(byte) >> bit) & 1) != 0;
      const bool out = (remainder & top) != 0;
      remainder = (remainder << 1) & mask;
      if (in != out) remainder ^= polynomial;
    }
  std::uint64_t reflected = 0;
  for (int bit = 0; bit < width; ++bit)
    if (((remainder >> bit) & 1) != 0) reflected |= top >> bit;
  return reflected ^ mask;
}

class CrcTest : public testing::TestWithParam<CrcKind> {
 protected:
  static std::vector<CrcKernel> kernels() {
    std::vector<CrcKernel> found;
    for (const CrcKernel kernel : {CrcKernel::Portable, CrcKernel::Pclmul, CrcKernel::Vpclmul512})
      if (kernel <= best_crc_kernel()) found.push_back(kernel);
    return found;
  }
};

TEST_P(CrcTest, EveryKernelDividesEveryLengthAndAlignment) {
  Rng rng(1, "crc");
  const std::vector<std::byte> bytes = random_bytes(rng, 1024 + 64);
  for (std::size_t size = 0; size <= 1024; ++size) {
    const auto piece = std::span(bytes).subspan(size % 64, size);
    const std::uint64_t truth = crc_by_bits(GetParam(), piece);
    for (const CrcKernel kernel : kernels())
      ASSERT_EQ(crc_update(GetParam(), 0, piece, kernel), truth)
          << size << " bytes, kernel " << static_cast<int>(kernel);
  }
}

TEST_P(CrcTest, EveryKernelAgreesOnLongAndOddPieces) {
  Rng rng(2, "crc");
  const std::vector<std::byte> bytes = random_bytes(rng, 100'000);
  for (int round = 0; round < 200; ++round) {
    const std::size_t begin = random_below(rng, 300);
    const auto piece = std::span(bytes).subspan(begin, random_below(rng, bytes.size() - begin));
    const std::uint64_t start =
        rng.next() & (~std::uint64_t{0} >> (64 - 8 * crc_bytes(GetParam())));
    const std::uint64_t portable = crc_update(GetParam(), start, piece, CrcKernel::Portable);
    for (const CrcKernel kernel : kernels())
      ASSERT_EQ(crc_update(GetParam(), start, piece, kernel), portable)
          << piece.size() << " bytes from " << begin << ", kernel " << static_cast<int>(kernel);
  }
}

TEST_P(CrcTest, PiecesInARowAreTheWhole) {
  Rng rng(3, "crc");
  const std::vector<std::byte> bytes = random_bytes(rng, 20'000);
  const std::uint64_t truth = crc_by_bits(GetParam(), bytes);
  for (int round = 0; round < 50; ++round) {
    std::uint64_t crc = 0;
    for (auto rest = std::span<const std::byte>(bytes); !rest.empty();) {
      const auto piece = rest.first(1 + random_below(rng, rest.size()));
      crc = crc_update(GetParam(), crc, piece);
      rest = rest.subspan(piece.size());
    }
    ASSERT_EQ(crc, truth);
  }
}

TEST_P(CrcTest, CombinationNeedsNoBytes) {
  Rng rng(4, "crc");
  const std::vector<std::byte> bytes = random_bytes(rng, 20'000);
  const std::uint64_t truth = crc_by_bits(GetParam(), bytes);
  const auto piece_crc = [&](std::size_t begin, std::size_t end) {
    return crc_update(GetParam(), 0, std::span(bytes).subspan(begin, end - begin));
  };
  for (int round = 0; round < 50; ++round) {
    const std::size_t first = random_below(rng, bytes.size() + 1);
    const std::size_t second = first + random_below(rng, bytes.size() + 1 - first);
    const auto length = [](std::size_t begin, std::size_t end) {
      return static_cast<std::int64_t>(end - begin);
    };
    // ((a b) c) and (a (b c)).
    const std::uint64_t a = piece_crc(0, first), b = piece_crc(first, second),
                        c = piece_crc(second, bytes.size());
    const std::uint64_t ab = crc_combine(GetParam(), a, b, length(first, second));
    const std::uint64_t bc = crc_combine(GetParam(), b, c, length(second, bytes.size()));
    ASSERT_EQ(crc_combine(GetParam(), ab, c, length(second, bytes.size())), truth);
    ASSERT_EQ(crc_combine(GetParam(), a, bc, length(first, bytes.size())), truth);
  }
}

TEST_P(CrcTest, CombinationReachesTheLongestObjects) {
  // 2^62 bytes by doubling what is combined, against one step.
  const std::uint64_t zero = crc_update(GetParam(), 0, std::vector<std::byte>(1));
  std::uint64_t zeros = zero;
  for (int k = 0; k < 62; ++k) zeros = crc_combine(GetParam(), zeros, zeros, std::int64_t{1} << k);
  EXPECT_EQ(crc_combine(GetParam(), zeros, zero, 1),
            crc_combine(GetParam(), zero, zeros, std::int64_t{1} << 62));
}

std::string name_of(const testing::TestParamInfo<CrcKind>& kind) {
  constexpr std::array<const char*, kNumCrcKinds> kNames = {"Crc64Nvme", "Crc32c", "Crc32"};
  return kNames[static_cast<std::size_t>(kind.param)];
}
INSTANTIATE_TEST_SUITE_P(Kinds, CrcTest,
                         testing::Values(CrcKind::Crc64Nvme, CrcKind::Crc32c, CrcKind::Crc32),
                         name_of);

TEST(Crc, HasThePublishedCheckValues) {
  const auto check = bytes_of("123456789");
  EXPECT_EQ(crc_update(CrcKind::Crc32, 0, check), 0xcbf43926u);
  EXPECT_EQ(crc_update(CrcKind::Crc32c, 0, check), 0xe3069283u);
  EXPECT_EQ(crc_update(CrcKind::Crc64Nvme, 0, check), 0xae8b14860a799888u);
}

TEST(Crc, Crc32cIsThatOfRfc3720) {
  std::vector<std::byte> bytes(32);
  EXPECT_EQ(crc_update(CrcKind::Crc32c, 0, bytes), 0x8a9136aau);
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
  EXPECT_EQ(crc_update(CrcKind::Crc32c, 0, bytes), 0x62a8ab43u);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(crc_update(CrcKind::Crc32c, 0, bytes), 0x46dd794eu);
}

TEST(Crc, Crc64NvmeIsThatOfTheNvmeSpecification) {
  std::vector<std::byte> bytes(4096);
  EXPECT_EQ(crc_update(CrcKind::Crc64Nvme, 0, bytes), 0x6482d367eb22b64eu);
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
  EXPECT_EQ(crc_update(CrcKind::Crc64Nvme, 0, bytes), 0xc0ddba7302eca3acu);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i % 256);
  EXPECT_EQ(crc_update(CrcKind::Crc64Nvme, 0, bytes), 0x3e729f5f6750449cu);
}

TEST(Crc, Crc32IsZlibs) {
  Rng rng(5, "crc");
  const std::vector<std::byte> bytes = random_bytes(rng, 1 << 20);
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  const auto size = static_cast<uInt>(bytes.size());
  const std::uint64_t whole = crc_update(CrcKind::Crc32, 0, bytes);
  EXPECT_EQ(whole, ::crc32(0, data, size));
  EXPECT_EQ(crc_combine(CrcKind::Crc32, 0x12345678, whole, size),
            ::crc32_combine(0x12345678, static_cast<uLong>(whole), size));
}

// The digests of FIPS 180-4's examples, and of the check values above, in base64.
TEST(Checksum, IsWrittenAsS3WritesIt) {
  EXPECT_EQ(checksum_text(ChecksumAlgorithm::Crc64Nvme, bytes_of("123456789")), "rosUhgp5mIg=");
  EXPECT_EQ(checksum_text(ChecksumAlgorithm::Crc32, bytes_of("123456789")), "y/Q5Jg==");
  EXPECT_EQ(checksum_text(ChecksumAlgorithm::Crc32c, bytes_of("123456789")), "4waSgw==");
  EXPECT_EQ(checksum_text(ChecksumAlgorithm::Sha1, bytes_of("abc")),
            "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
  EXPECT_EQ(checksum_text(ChecksumAlgorithm::Sha256, bytes_of("abc")),
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  EXPECT_EQ(checksum_text(ChecksumAlgorithm::Crc64Nvme, {}), "AAAAAAAAAAA=");
}

TEST(Checksum, PiecesInARowAreTheWhole) {
  for (const ChecksumAlgorithm algorithm : kChecksumAlgorithms) {
    Checksum checksum(algorithm);
    checksum.update(bytes_of("1234"));
    checksum.update({});
    checksum.update(bytes_of("56789"));
    EXPECT_EQ(checksum.text(), checksum_text(algorithm, bytes_of("123456789")))
        << to_string(algorithm);
  }
}

TEST(StatedChecksum, IsTheCheapestThatIsOfTheBytes) {
  const auto stated = [](HttpHeaders headers) {
    return stated_checksum({.status = 200, .headers = std::move(headers)});
  };
  EXPECT_FALSE(stated({{"etag", "\"x\""}, {"x-amz-checksum-type", "FULL_OBJECT"}}));
  const auto full = stated({{"x-amz-checksum-sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="},
                            {"x-amz-checksum-crc64nvme", "rosUhgp5mIg=-3"},
                            {"x-amz-checksum-crc32", "y/Q5Jg=="}});
  ASSERT_TRUE(full);
  EXPECT_EQ(to_string(full->algorithm), "CRC32");
  EXPECT_EQ(full->text, "y/Q5Jg==");
  EXPECT_FALSE(full->composite);
  const auto composite = stated({{"x-amz-checksum-crc32c", "4waSgw==-12"}});
  ASSERT_TRUE(composite);
  EXPECT_TRUE(composite->composite);
  EXPECT_EQ(composite->text, "4waSgw==");
}

TEST(StatedChecksum, IsNoneWhereTheValueCanBeNone) {
  for (const char* value : {"", "-", "-1", "y/Q5Jg", "y/Q5Jg==y/Q5Jg==", "y/Q5\x1bg=="})
    EXPECT_FALSE(stated_checksum({.status = 200, .headers = {{"x-amz-checksum-crc32", value}}}))
        << value;
}

}  // namespace
}  // namespace skipjack::s3
