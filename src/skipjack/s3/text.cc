#include "skipjack/s3/text.h"

#include <openssl/evp.h>

namespace skipjack::s3 {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string without_userinfo(std::string_view url) {
  const std::size_t at = url.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  const std::size_t scheme = url.substr(0, at).find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  return std::string(url.substr(0, begin)) + "***" + std::string(url.substr(at));
}

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
  constexpr std::string_view kMask = "***";
  for (const std::string& secret : secrets)
    for (std::size_t at = secret.empty() ? std::string::npos : text.find(secret);
         at != std::string::npos; at = text.find(secret, at + kMask.size()))
      text.replace(at, secret.size(), kMask);
  return text;
}

std::string base64(std::string_view bytes) {
  std::string text(base64_size(bytes.size()) + 1, '\0');  // OpenSSL ends it with a zero.
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace skipjack::s3
