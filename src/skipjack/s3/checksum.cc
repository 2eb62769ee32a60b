#include "skipjack/s3/checksum.h"

#include <openssl/evp.h>

#include "skipjack/base/error.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

struct Description {
  std::string_view name;
  std::string_view header_end;
  std::optional<CrcKind> crc;
  std::size_t bytes;
};
// By ChecksumAlgorithm.
constexpr std::array<Description, kChecksumAlgorithms.size()> kDescriptions = {{
    {"CRC64NVME", "crc64nvme", CrcKind::Crc64Nvme, 8},
    {"CRC32C", "crc32c", CrcKind::Crc32c, 4},
    {"CRC32", "crc32", CrcKind::Crc32, 4},
    {"SHA256", "sha256", std::nullopt, 32},
    {"SHA1", "sha1", std::nullopt, 20},
}};

const Description& describe(ChecksumAlgorithm algorithm) {
  return kDescriptions[static_cast<std::size_t>(algorithm)];
}

bool is_base64(std::string_view text) {
  return text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") ==
         std::string_view::npos;
}

}  // namespace

std::string_view to_string(ChecksumAlgorithm algorithm) { return describe(algorithm).name; }

std::string checksum_header(ChecksumAlgorithm algorithm) {
  return "x-amz-checksum-" + std::string(describe(algorithm).header_end);
}

std::optional<CrcKind> crc_kind(ChecksumAlgorithm algorithm) { return describe(algorithm).crc; }

std::string crc_text(CrcKind kind, std::uint64_t crc) {
  std::string bytes;
  for (std::size_t shift = 8 * crc_bytes(kind); shift > 0; shift -= 8)
    bytes += static_cast<char>((crc >> (shift - 8)) & 0xff);
  return base64(bytes);
}

void Checksum::FreeDigest::operator()(void* context) const {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context));
}

Checksum::Checksum(ChecksumAlgorithm algorithm) : algorithm_(algorithm) {
  if (crc_kind(algorithm)) return;
  Digest digest(EVP_MD_CTX_new());
  const EVP_MD* kind = algorithm == ChecksumAlgorithm::Sha256 ? EVP_sha256() : EVP_sha1();
  if (!digest || EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(digest.get()), kind, nullptr) != 1)
    throw Error(ErrorCode::Unsupported, "OpenSSL gives no " + std::string(to_string(algorithm)),
                "set checksum to when_required, or allow this digest in OpenSSL's configuration");
  state_ = std::move(digest);
}

void Checksum::update(std::span<const std::byte> bytes) {
  if (const auto kind = crc_kind(algorithm_)) {
    auto& crc = std::get<std::uint64_t>(state_);
    crc = crc_update(*kind, crc, bytes);
  } else {
    SKIPJACK_CHECK(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(std::get<Digest>(state_).get()),
                                    bytes.data(), bytes.size()) == 1);
  }
}

std::string Checksum::text() {
  if (const auto kind = crc_kind(algorithm_))
    return crc_text(*kind, std::get<std::uint64_t>(state_));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  SKIPJACK_CHECK(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(std::get<Digest>(state_).get()),
                                    digest.data(), &size) == 1);
  return base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::string checksum_text(ChecksumAlgorithm algorithm, std::span<const std::byte> bytes) {
  Checksum checksum(algorithm);
  checksum.update(bytes);
  return checksum.text();
}

std::optional<StatedChecksum> stated_checksum(const HttpHead& head) {
  std::optional<StatedChecksum> composite;
  for (const ChecksumAlgorithm algorithm : kChecksumAlgorithms) {
    const std::string* value = head.find(checksum_header(algorithm));
    if (value == nullptr) continue;
    const std::size_t dash = value->find('-');
    const std::string text = value->substr(0, dash);
    if (text.size() != base64_size(describe(algorithm).bytes) || !is_base64(text)) continue;
    if (dash == std::string::npos) return StatedChecksum{.algorithm = algorithm, .text = text};
    if (!composite) composite = {.algorithm = algorithm, .text = text, .composite = true};
  }
  return composite;
}

}  // namespace skipjack::s3
