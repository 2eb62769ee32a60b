#include "skipjack/s3/object_access.h"

#include <openssl/evp.h>

#include <array>

#include "skipjack/base/error.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

std::string md5(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_md5(), nullptr) != 1)
    throw Error(ErrorCode::Unsupported, "this system's OpenSSL has no MD5, which SSE-C needs");
  return {reinterpret_cast<const char*>(digest.data()), length};
}

}  // namespace

HttpHeaders access_headers(const ObjectAccess& access) {
  constexpr std::size_t kKeyBytes = 32;
  HttpHeaders headers;
  if (access.is_requester_paying) headers.emplace_back("x-amz-request-payer", "requester");
  if (access.customer_key) {
    const std::string& key = access.customer_key->reveal();
    if (key.size() != kKeyBytes)
      throw Error(
          ErrorCode::InvalidArgument,
          "the customer's key has " + std::to_string(key.size()) + " bytes; it must have 32");
    const std::string prefix = "x-amz-server-side-encryption-customer-";
    headers.emplace_back(prefix + "algorithm", "AES256");
    headers.emplace_back(prefix + "key", base64(key));
    headers.emplace_back(prefix + "key-MD5", base64(md5(key)));
  }
  return headers;
}

}  // namespace skipjack::s3
