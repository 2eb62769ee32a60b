#include "skipjack/s3sim/digest.h"

#include <openssl/evp.h>

#include <array>
#include <limits>

#include "skipjack/base/error.h"

namespace skipjack::s3sim {
namespace {

constexpr std::uint64_t kNvme = 0x9a6c9329ac4bc9b5;

/// table[k][b]: the register after byte b and k zero bytes, for a reflected polynomial.
using CrcTable = std::array<std::array<std::uint64_t, 256>, 8>;

CrcTable make_table(std::uint64_t polynomial) {
  CrcTable table{};
  for (std::size_t b = 0; b < 256; ++b) {
    std::uint64_t word = b;
    for (int bit = 0; bit < 8; ++bit) word = (word & 1) != 0 ? (word >> 1) ^ polynomial : word >> 1;
    table[0][b] = word;
  }
  for (std::size_t k = 1; k < table.size(); ++k)
    for (std::size_t b = 0; b < 256; ++b)
      table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 0xff];
  return table;
}

std::uint64_t update(const CrcTable& table, std::uint64_t value, std::string_view bytes) {
  const auto byte = [&](std::size_t i) {
    return std::uint64_t{static_cast<unsigned char>(bytes[i])};
  };
  while (bytes.size() >= 8) {
    std::uint64_t next = 0;
    for (std::size_t i = 0; i < 8; ++i) next ^= table[7 - i][((value >> (8 * i)) ^ byte(i)) & 0xff];
    value = next;
    bytes.remove_prefix(8);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value = table[0][(value ^ byte(i)) & 0xff] ^ (value >> 8);
  return value;
}

std::string big_endian(std::uint64_t value, int bits) {
  std::string out;
  for (int shift = bits - 8; shift >= 0; shift -= 8)
    out += static_cast<char>((value >> shift) & 0xff);
  return out;
}

/// All bits set before, inverted after.
template <class Word, Word kPolynomial>
class Crc final : public Digest {
 public:
  void update(std::string_view bytes) override {
    static const CrcTable table = make_table(kPolynomial);
    value_ = s3sim::update(table, value_, bytes);
  }
  std::string finish() override {
    return big_endian(static_cast<Word>(~value_), std::numeric_limits<Word>::digits);
  }

 private:
  std::uint64_t value_ = static_cast<Word>(~Word{0});
};

class EvpDigest final : public Digest {
 public:
  explicit EvpDigest(const EVP_MD* kind) : context_(EVP_MD_CTX_new()) {
    SKIPJACK_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_, kind, nullptr) == 1);
  }
  ~EvpDigest() override { EVP_MD_CTX_free(context_); }
  EvpDigest(const EvpDigest&) = delete;
  EvpDigest& operator=(const EvpDigest&) = delete;

  void update(std::string_view bytes) override {
    SKIPJACK_CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
  }

  std::string finish() override {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned int size = 0;
    SKIPJACK_CHECK(EVP_DigestFinal_ex(context_, out.data(), &size) == 1);
    return {reinterpret_cast<const char*>(out.data()), size};
  }

 private:
  EVP_MD_CTX* context_;
};

/// a b mod the polynomial of CRC64NVME; bit 63 is the coefficient of 1.
std::uint64_t nvme_product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  for (int i = 63; i >= 0; --i) {
    if (((a >> i) & 1) != 0) product ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ kNvme : b >> 1;
  }
  return product;
}

}  // namespace

std::unique_ptr<Digest> make_digest(std::string_view name) {
  if (name == "crc32") return std::make_unique<Crc<std::uint32_t, 0xedb88320U>>();
  if (name == "crc32c") return std::make_unique<Crc<std::uint32_t, 0x82f63b78U>>();
  if (name == "crc64nvme") return std::make_unique<Crc<std::uint64_t, kNvme>>();
  if (name == "sha1") return std::make_unique<EvpDigest>(EVP_sha1());
  if (name == "sha256") return std::make_unique<EvpDigest>(EVP_sha256());
  if (name == "md5") return std::make_unique<EvpDigest>(EVP_md5());
  return nullptr;
}

std::string digest_of(std::string_view name, std::string_view bytes) {
  const auto digest = make_digest(name);
  SKIPJACK_CHECK(digest != nullptr);
  digest->update(bytes);
  return digest->finish();
}

std::uint64_t crc64nvme(std::uint64_t crc, std::string_view bytes) {
  static const CrcTable table = make_table(kNvme);
  return ~update(table, ~crc, bytes);
}

std::uint64_t crc64nvme_combined(std::uint64_t first, std::uint64_t second,
                                 std::uint64_t second_bytes) {
  std::uint64_t power = std::uint64_t{1} << (63 - 8);  // of a byte: x^8
  for (; second_bytes != 0; second_bytes >>= 1) {
    if ((second_bytes & 1) != 0) first = nvme_product(first, power);
    power = nvme_product(power, power);
  }
  return first ^ second;
}

std::string crc64nvme_bytes(std::uint64_t crc) { return big_endian(crc, 64); }

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string hex_text(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

}  // namespace skipjack::s3sim
