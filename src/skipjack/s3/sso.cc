#include "skipjack/s3/sso.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <optional>

#include "skipjack/base/file.h"
#include "skipjack/base/json.h"
#include "skipjack/s3/dates.h"
#include "skipjack/s3/endpoint.h"

namespace skipjack::s3 {
namespace {

constexpr const char* kWho = "single sign-on";
/// A token is refreshed when less is left of its hour or hours.
constexpr std::int64_t kRefreshAhead = 15 * 60;

std::string sha1_hex(const std::string& text) {
  std::array<unsigned char, 20> digest;
  unsigned length = 0;
  SKIPJACK_CHECK(
      EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr) == 1 &&
      length == digest.size());
  constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kHex[byte >> 4];
    hex += kHex[byte & 15];
  }
  return hex;
}

Error sign_in_again(const SsoOptions& options, ErrorCode code, const std::string& why) {
  return Error(
      code,
      "the single sign-on token of " +
          (options.session.empty() ? options.start_url : "sso-session " + options.session) + " " +
          why,
      options.session.empty() ? "sign in with: aws sso login"
                              : "sign in with: aws sso login --sso-session " + options.session);
}

std::string text_of(const Json& object, const std::string& key) {
  const Json* value = object.find(key);
  return value != nullptr && value->is_string() ? value->as_string() : std::string();
}

/// For its owner's eyes alone, in one step.
void write_token(const std::filesystem::path& path, const Json& token) {
  static std::atomic<std::uint64_t> num_written = 0;
  const std::string temporary =
      path.string() + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(num_written++);
  ::unlink(temporary.c_str());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return;  // A cache that can't be written to costs a refresh more, no download.
  const std::string text = to_json_text(token);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (::close(fd) != 0 || !written || ::rename(temporary.c_str(), path.c_str()) != 0)
    ::unlink(temporary.c_str());
}

/// The token with another in its place, or nullopt if the service gives none. Where that is the
/// service's trouble and the token has ended, throws it: signing in again would not help.
std::optional<Json> refreshed(const SsoOptions& options, Json token,
                              const IdentityCallOptions& call) {
  const std::string refresh = text_of(token, "refreshToken");
  const std::string id = text_of(token, "clientId");
  const std::string secret = text_of(token, "clientSecret");
  const auto registered = parse_iso_date(text_of(token, "registrationExpiresAt"));
  const auto now = static_cast<std::int64_t>(system_clock().unix_time());
  const auto expires = parse_iso_date(text_of(token, "expiresAt"));
  const bool has_ended = expires && *expires <= now;
  if (refresh.empty() || id.empty() || secret.empty() || (registered && *registered <= now))
    return std::nullopt;
  Json form{Json::Object{}};
  form.set("grantType", "refresh_token");
  form.set("clientId", id);
  form.set("clientSecret", secret);
  form.set("refreshToken", refresh);
  const SmallOutcome outcome = call_identity({.method = "POST",
                                              .url = options.oidc_url + "/token",
                                              .headers = {{"Content-Type", "application/json"}},
                                              .body = to_json_text(form)},
                                             call);
  const int status = outcome.answer.head.status;
  if (has_ended && (outcome.status != TransportStatus::Complete || status == 429 || status >= 500))
    throw identity_error(kWho, options.oidc_url, outcome);
  if (outcome.status != TransportStatus::Complete || status != 200) return std::nullopt;
  const std::optional<Json> answer = try_parse_json(outcome.answer.body);
  if (!answer || text_of(*answer, "accessToken").empty()) return std::nullopt;
  const Json* seconds = answer->find("expiresIn");
  if (seconds == nullptr || !seconds->is_int() || seconds->as_int() < 0 ||
      seconds->as_int() > 366 * 86400)
    return std::nullopt;
  token.set("accessToken", text_of(*answer, "accessToken"));
  token.set("expiresAt", to_iso_date(now + seconds->as_int()));
  if (const std::string next = text_of(*answer, "refreshToken"); !next.empty())
    token.set("refreshToken", next);
  return token;
}

/// A token that is good now.
std::string access_token(const SsoOptions& options, const IdentityCallOptions& call) {
  const std::filesystem::path path = sso_token_path(options);
  std::string text;
  try {
    text = read_file(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::NotFound) throw;
    throw sign_in_again(options, ErrorCode::NotFound, "is not there");
  }
  std::optional<Json> token = try_parse_json(text);
  if (!token || text_of(*token, "accessToken").empty())
    throw sign_in_again(options, ErrorCode::Corrupted, "is not readable");
  const auto expires = parse_iso_date(text_of(*token, "expiresAt"));
  if (!expires) throw sign_in_again(options, ErrorCode::Corrupted, "does not say when it ends");
  const auto now = static_cast<std::int64_t>(system_clock().unix_time());
  if (!options.session.empty() && *expires - now < kRefreshAhead)
    if (std::optional<Json> next = refreshed(options, *token, call)) {
      write_token(path, *next);
      return text_of(*next, "accessToken");
    }
  if (*expires <= now) throw sign_in_again(options, ErrorCode::PermissionDenied, "has ended");
  return text_of(*token, "accessToken");
}

}  // namespace

std::filesystem::path sso_token_path(const SsoOptions& options) {
  return options.cache /
         (sha1_hex(options.session.empty() ? options.start_url : options.session) + ".json");
}

Credentials fetch_sso_credentials(const SsoOptions& options, const std::stop_token& stop) {
  IdentityCallOptions call = options.call;
  call.stop = stop;
  const std::string token = access_token(options, call);
  const std::string url = options.portal_url + "/federation/credentials?role_name=" +
                          percent_encode(options.role_name, Slashes::Encode) +
                          "&account_id=" + percent_encode(options.account_id, Slashes::Encode);
  const SmallOutcome outcome =
      call_identity({.url = url, .headers = {{"x-amz-sso_bearer_token", token}}}, call);
  if (outcome.status == TransportStatus::Complete && outcome.answer.head.status == 401)
    throw sign_in_again(options, ErrorCode::PermissionDenied, "is refused");
  const std::optional<Json> answer = try_parse_json(outcome.answer.body);
  if (outcome.status != TransportStatus::Complete || outcome.answer.head.status != 200)
    throw identity_error(kWho, options.portal_url, outcome,
                         "for role " + options.role_name + " of account " + options.account_id +
                             (answer ? ": " + redacted(text_of(*answer, "message"), {token}) : ""));
  const Json* keys = answer ? answer->find("roleCredentials") : nullptr;
  const Json* expiration = keys != nullptr ? keys->find("expiration") : nullptr;
  if (expiration == nullptr || !expiration->is_int() || text_of(*keys, "accessKeyId").empty() ||
      text_of(*keys, "secretAccessKey").empty())
    throw Error(ErrorCode::Corrupted,
                std::string(kWho) + " (" + origin_of(options.portal_url) +
                    ") gave no credentials: its answer has no roleCredentials",
                "check what answers there");
  return {.access_key_id = text_of(*keys, "accessKeyId"),
          .secret_access_key = Secret(text_of(*keys, "secretAccessKey")),
          .session_token = Secret(text_of(*keys, "sessionToken")),
          .expires = expiration->as_int() / 1000};
}

}  // namespace skipjack::s3
