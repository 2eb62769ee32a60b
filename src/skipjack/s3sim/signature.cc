// [AWS-SigV4]: canonical request, string to sign, key derivation, comparison in constant time.
#include "skipjack/s3sim/signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/s3sim/digest.h"

namespace skipjack::s3sim {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr double kMaxSkewSeconds = 15 * 60;
constexpr std::int64_t kLongestPresign = 7 * 24 * 3600;

std::string hmac(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  SKIPJACK_CHECK(::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                        reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                        out.data(), &size) != nullptr);
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

/// "20130524T000000Z"
std::optional<double> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t size) {
    return parse_decimal(text.substr(at, size));
  };
  const auto year = number(0, 4), month = number(4, 2), day = number(6, 2), hour = number(9, 2),
             minute = number(11, 2), second = number(13, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  std::tm parts{};
  parts.tm_year = static_cast<int>(*year) - 1900;
  parts.tm_mon = static_cast<int>(*month) - 1;
  parts.tm_mday = static_cast<int>(*day);
  parts.tm_hour = static_cast<int>(*hour);
  parts.tm_min = static_cast<int>(*minute);
  parts.tm_sec = static_cast<int>(*second);
  return static_cast<double>(::timegm(&parts));
}

/// Spaces in a row count as one.
std::string collapse(std::string_view value) {
  std::string out;
  for (const char c : value)
    if (c != ' ' || out.empty() || out.back() != ' ') out += c;
  return out;
}

/// What a request claims about its signature, from the header or from the query.
struct Claim {
  std::string access_key, date, region, service, terminator;
  std::string signed_headers, signature, amz_date, payload_hash;
  bool presigned = false;
  std::int64_t expires = 0;
};

Refusal malformed(std::string message) {
  return {.status = 400, .code = "AuthorizationHeaderMalformed", .message = std::move(message)};
}

std::optional<Refusal> take_credential(std::string_view credential, Claim& claim) {
  // The access key itself could hold a '/', so the scope is taken from the end.
  const std::vector<std::string> parts = split(credential, '/');
  if (parts.size() < 5)
    return malformed("the Credential needs an access key and a scope of four parts");
  const std::size_t n = parts.size();
  claim.terminator = parts[n - 1];
  claim.service = parts[n - 2];
  claim.region = parts[n - 3];
  claim.date = parts[n - 4];
  claim.access_key = parts[0];
  for (std::size_t i = 1; i + 4 < n; ++i) claim.access_key += "/" + parts[i];
  if (claim.terminator != "aws4_request" || claim.service != "s3")
    return malformed("the scope of the Credential must end in s3/aws4_request");
  return std::nullopt;
}

std::variant<Claim, Refusal> claim_from_header(const Request& request,
                                               std::string_view authorization) {
  Claim claim;
  if (!authorization.starts_with(std::string(kAlgorithm) + " "))
    return Refusal{.status = 400,
                   .code = "InvalidRequest",
                   .message = "Only the signing algorithm AWS4-HMAC-SHA256 is spoken here."};
  authorization.remove_prefix(kAlgorithm.size() + 1);
  for (std::string item : split(authorization, ',')) {
    item.erase(0, item.find_first_not_of(' '));
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos)
      return malformed("the Authorization header has an item without '='");
    const std::string name = item.substr(0, equals), value = item.substr(equals + 1);
    if (name == "Credential") {
      if (auto refusal = take_credential(value, claim)) return *refusal;
    } else if (name == "SignedHeaders") {
      claim.signed_headers = value;
    } else if (name == "Signature") {
      claim.signature = value;
    }
  }
  if (claim.access_key.empty() || claim.signed_headers.empty() || claim.signature.empty())
    return malformed("the Authorization header needs Credential, SignedHeaders and Signature");
  if (const std::string* date = request.header("x-amz-date")) claim.amz_date = *date;
  const std::string* hash = request.header("x-amz-content-sha256");
  if (hash == nullptr)
    return Refusal{.status = 400,
                   .code = "InvalidRequest",
                   .message = "Missing required header: x-amz-content-sha256"};
  claim.payload_hash = *hash;
  return claim;
}

std::variant<Claim, Refusal> claim_from_query(const Fields& query) {
  Claim claim;
  claim.presigned = true;
  const auto take = [&](std::string_view name) {
    const std::string* value = find_field(query, name);
    return value != nullptr ? *value : std::string();
  };
  const auto bad = [](const char* message) {
    return Refusal{.status = 400, .code = "AuthorizationQueryParametersError", .message = message};
  };
  if (take("X-Amz-Algorithm") != kAlgorithm) return bad("X-Amz-Algorithm must be AWS4-HMAC-SHA256");
  if (auto refusal = take_credential(take("X-Amz-Credential"), claim))
    return bad("X-Amz-Credential is malformed");
  claim.signed_headers = take("X-Amz-SignedHeaders");
  claim.signature = take("X-Amz-Signature");
  claim.amz_date = take("X-Amz-Date");
  const auto expires = parse_decimal(take("X-Amz-Expires"));
  if (!expires || *expires > kLongestPresign)
    return bad("X-Amz-Expires must be in [0, 604800] seconds");
  claim.expires = *expires;
  if (claim.signed_headers.empty() || claim.signature.empty())
    return bad("X-Amz-SignedHeaders and X-Amz-Signature are needed");
  claim.payload_hash = "UNSIGNED-PAYLOAD";
  return claim;
}

/// The canonical request, or a refusal if a header that must be signed is not.
std::variant<std::string, Refusal> canonical_request(const Request& request, const Fields& query,
                                                     const Claim& claim) {
  const auto path = percent_decode(request.path);
  if (!path)
    return Refusal{
        .status = 400, .code = "InvalidURI", .message = "Couldn't parse the specified URI."};
  std::string canonical = request.method + "\n" + percent_encode(*path, Slash::Keep) + "\n";

  std::vector<std::string> items;
  for (const auto& [name, value] : query) {
    if (claim.presigned && name == "X-Amz-Signature") continue;
    items.push_back(percent_encode(name, Slash::Encode) + "=" +
                    percent_encode(value, Slash::Encode));
  }
  // By encoded name, then by value: comparing "name=value" as one text would put "a-b" before "a".
  std::sort(items.begin(), items.end(), [](const std::string& a, const std::string& b) {
    const std::size_t ea = a.find('='), eb = b.find('=');
    const int names = a.compare(0, ea, b, 0, eb);
    return names != 0 ? names < 0 : a.compare(ea, std::string::npos, b, eb, std::string::npos) < 0;
  });
  for (std::size_t i = 0; i < items.size(); ++i) canonical += (i == 0 ? "" : "&") + items[i];
  canonical += "\n";

  const std::vector<std::string> names = split(claim.signed_headers, ';');
  const auto is_signed = [&](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (!is_signed("host"))
    return Refusal{
        .status = 403, .code = "AccessDenied", .message = "The host header was not signed."};
  for (const auto& [name, value] : request.headers)
    if (!claim.presigned && name.starts_with("x-amz-") && !is_signed(name))
      return Refusal{
          .status = 403,
          .code = "AccessDenied",
          .message = "There were headers present in the request which were not signed: " + name};
  for (const std::string& name : names) {
    std::string joined;
    bool found = false;
    for (const auto& [key, value] : request.headers) {
      if (key != name) continue;
      joined += (found ? "," : "") + collapse(value);
      found = true;
    }
    canonical += name + ":" + joined + "\n";
  }
  return canonical + "\n" + claim.signed_headers + "\n" + claim.payload_hash;
}

std::optional<Refusal> check_age(const Claim& claim, double unix_time) {
  const auto signed_at = parse_amz_date(claim.amz_date);
  if (!signed_at || claim.amz_date.substr(0, 8) != claim.date)
    return Refusal{
        .status = 403,
        .code = "AccessDenied",
        .message =
            "AWS authentication requires a valid X-Amz-Date on the day of the Credential's scope."};
  if (claim.presigned) {
    if (unix_time > *signed_at + static_cast<double>(claim.expires))
      return Refusal{.status = 403, .code = "AccessDenied", .message = "Request has expired"};
    if (*signed_at > unix_time + kMaxSkewSeconds)
      return Refusal{.status = 403, .code = "AccessDenied", .message = "Request is not valid yet"};
    return std::nullopt;
  }
  if (std::abs(unix_time - *signed_at) > kMaxSkewSeconds)
    return Refusal{
        .status = 403,
        .code = "RequestTimeTooSkewed",
        .message = "The difference between the request time and the server's time is too large."};
  return std::nullopt;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) { return hex_text(digest_of("sha256", bytes)); }

std::optional<Refusal> check_signature(const Request& request, const SigningKey& key,
                                       double unix_time) {
  const auto query = parse_query(request.query);
  if (!query)
    return Refusal{
        .status = 400, .code = "InvalidURI", .message = "Couldn't parse the specified URI."};
  const std::string* authorization = request.header("authorization");
  std::variant<Claim, Refusal> claimed =
      Refusal{.status = 403, .code = "AccessDenied", .message = "Access Denied"};
  if (authorization != nullptr) {
    claimed = claim_from_header(request, *authorization);
  } else if (find_field(*query, "X-Amz-Algorithm") != nullptr) {
    claimed = claim_from_query(*query);
  }
  if (const Refusal* refusal = std::get_if<Refusal>(&claimed)) return *refusal;
  const Claim& claim = std::get<Claim>(claimed);
  if (claim.access_key != key.access_key)
    return Refusal{.status = 403,
                   .code = "InvalidAccessKeyId",
                   .message = "The AWS Access Key Id you provided does not exist in our records."};
  if (auto refusal = check_age(claim, unix_time)) return refusal;

  const auto canonical = canonical_request(request, *query, claim);
  if (const Refusal* refusal = std::get_if<Refusal>(&canonical)) return *refusal;
  const std::string scope =
      claim.date + "/" + claim.region + "/" + claim.service + "/" + claim.terminator;
  const std::string to_sign = std::string(kAlgorithm) + "\n" + claim.amz_date + "\n" + scope +
                              "\n" + sha256_hex(std::get<std::string>(canonical));
  const std::string day_key = hmac("AWS4" + key.secret_key, claim.date);
  const std::string signing_key =
      hmac(hmac(hmac(day_key, claim.region), claim.service), claim.terminator);
  const std::string expected = hex_text(hmac(signing_key, to_sign));
  if (claim.signature.size() != expected.size() ||
      CRYPTO_memcmp(claim.signature.data(), expected.data(), expected.size()) != 0)
    return Refusal{
        .status = 403,
        .code = "SignatureDoesNotMatch",
        .message =
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method."};
  return std::nullopt;
}

}  // namespace skipjack::s3sim
