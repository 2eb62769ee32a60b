#include "skipjack/s3/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "skipjack/base/error.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

using Digest = std::array<unsigned char, 32>;

std::string_view as_text(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string hex(const Digest& digest) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

Digest sha256(std::string_view bytes) {
  Digest digest;
  unsigned length = 0;
  SKIPJACK_CHECK(
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1 &&
      length == digest.size());
  return digest;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest digest;
  unsigned length = 0;
  SKIPJACK_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                      digest.data(), &length) != nullptr &&
                 length == digest.size());
  return digest;
}

/// Without the ends' white space, and with every run of spaces inside made one.
std::string canonical_value(std::string_view value) {
  std::string result;
  for (const char c : value) {
    const bool space = c == ' ' || c == '\t';
    if (space && (result.empty() || result.back() == ' ')) continue;
    result += space ? ' ' : c;
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

std::string canonical_query(const RequestTarget& target) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : target.query)
    encoded.emplace_back(percent_encode(name, Slashes::Encode),
                         percent_encode(value, Slashes::Encode));
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) text += (text.empty() ? "" : "&") + name + "=" + value;
  return text;
}

/// "20130524T000000Z".
std::string amz_date(std::int64_t unix_time) {
  const std::time_t seconds = unix_time;
  std::tm utc{};
  SKIPJACK_CHECK(gmtime_r(&seconds, &utc) != nullptr);
  char text[32];
  SKIPJACK_CHECK(std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc) == 16);
  return text;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) { return hex(sha256(bytes)); }

HttpHeaders sign(const SigningInput& input, const Credentials& credentials) {
  HttpHeaders headers = input.headers;
  headers.emplace_back("Host", input.target.authority);
  if (!credentials.anonymous()) {
    headers.emplace_back("x-amz-date", amz_date(input.unix_time));
    headers.emplace_back("x-amz-content-sha256", std::string(input.payload_hash));
    if (!credentials.session_token.empty())
      headers.emplace_back("x-amz-security-token", credentials.session_token.reveal());
  }
  constexpr std::string_view kLineBreaks("\r\n\0", 3);
  for (const auto& [name, value] : headers)
    if ((name + value).find_first_of(kLineBreaks) != std::string::npos)
      throw Error(ErrorCode::InvalidArgument, "the header " + name + " holds a line break");
  if (credentials.access_key_id.find_first_of(kLineBreaks) != std::string::npos)
    throw Error(ErrorCode::InvalidArgument, "the access key id holds a line break",
                "check where the keys come from");
  if (credentials.anonymous()) return headers;

  HttpHeaders sorted;
  for (const auto& [name, value] : headers)
    sorted.emplace_back(lower_case(name), canonical_value(value));
  std::sort(sorted.begin(), sorted.end());
  std::string canonical_headers, signed_headers;
  for (const auto& [name, value] : sorted) {
    canonical_headers += name + ":" + value + "\n";
    signed_headers += (signed_headers.empty() ? "" : ";") + name;
  }
  std::string canonical_request(input.method);
  canonical_request += "\n" + input.target.path + "\n" + canonical_query(input.target) + "\n" +
                       canonical_headers + "\n" + signed_headers + "\n";
  canonical_request += input.payload_hash;

  const std::string date_time = amz_date(input.unix_time);
  const std::string date = date_time.substr(0, 8);
  const std::string scope =
      date + "/" + std::string(input.region) + "/" + std::string(input.service) + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + date_time + "\n" + scope + "\n" + sha256_hex(canonical_request);

  const Digest date_key = hmac_sha256("AWS4" + credentials.secret_access_key.reveal(), date);
  const Digest region_key = hmac_sha256(as_text(date_key), input.region);
  const Digest service_key = hmac_sha256(as_text(region_key), input.service);
  const Digest signing_key = hmac_sha256(as_text(service_key), "aws4_request");
  headers.emplace_back("Authorization",
                       "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + "/" + scope +
                           ",SignedHeaders=" + signed_headers +
                           ",Signature=" + hex(hmac_sha256(as_text(signing_key), to_sign)));
  return headers;
}

}  // namespace skipjack::s3
