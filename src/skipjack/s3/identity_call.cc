#include "skipjack/s3/identity_call.h"

#include <algorithm>
#include <variant>

#include "skipjack/base/json.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/dates.h"
#include "skipjack/s3/retry.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {

std::string origin_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(0, std::min(url.find_first_of("/?#", begin), url.size()));
}

SmallOutcome call_identity(const IdentityCall& call, const IdentityCallOptions& options) {
  const auto cancelled = [] {
    return Error(ErrorCode::Cancelled, "the request for credentials was cancelled");
  };
  TransportOptions transport_options = options.transport;
  transport_options.connect_timeout = options.time_limit;
  transport_options.stall_timeout = options.time_limit;
  const std::unique_ptr<Transport> transport = transport_options.proxy.empty()
                                                   ? make_socket_transport(transport_options)
                                                   : make_curl_transport(transport_options);
  const std::string origin = origin_of(call.url);
  HttpHeaders headers = call.headers;
  if (std::none_of(headers.begin(), headers.end(), [](const auto& h) { return h.first == "Host"; }))
    headers.emplace_back("Host", origin.substr(origin.find("://") + 3));
  headers.emplace_back("Accept", "*/*");
  const RetryOptions retry{.num_attempts = options.num_attempts,
                           .base = std::chrono::milliseconds(100),
                           .throttled_base = std::chrono::milliseconds(200),
                           .cap = std::chrono::seconds(5)};
  RetryQuota quota;
  Rng rng(options.seed, "s3.identity");
  for (std::int64_t attempt = 1;; ++attempt) {
    std::optional<SmallOutcome> outcome = exchange_once(
        *transport, {.method = call.method, .url = call.url, .headers = headers, .body = call.body},
        {.time_limit = options.time_limit, .stop = options.stop});
    if (!outcome) throw cancelled();
    const RetryDecision decision =
        decide_retry({.transport = outcome->status, .http_status = outcome->answer.head.status},
                     attempt, rng.uniform(), retry, quota);
    const RetryAfter* again = std::get_if<RetryAfter>(&decision);
    if (again == nullptr) return std::move(*outcome);
    wait_or_stop(again->delay, options.stop);
    if (options.stop.stop_requested()) throw cancelled();
  }
}

std::string redacted(std::string text, const std::vector<std::string>& secrets) {
  text = without_secrets(std::move(text), secrets);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text.substr(0, 300);
}

Error identity_error(const std::string& who, const std::string& url, const SmallOutcome& outcome,
                     const std::string& extra) {
  const std::string what =
      who + " (" + without_userinfo(origin_of(url)) + ") gave no credentials: ";
  if (outcome.status == TransportStatus::TimedOut)
    return Error(ErrorCode::Timeout, what + "it did not answer in time",
                 "check the network, and the proxy");
  if (outcome.status != TransportStatus::Complete)
    return Error(ErrorCode::Network, what + redacted(outcome.detail, {}),
                 "check the network, and the proxy");
  const int status = outcome.answer.head.status;
  return Error(status >= 400 && status < 500 && status != 429 ? ErrorCode::PermissionDenied
                                                              : ErrorCode::Network,
               what + "HTTP " + std::to_string(status) + (extra.empty() ? "" : ", " + extra),
               "check the profile and the role, or give keys by AWS_ACCESS_KEY_ID and "
               "AWS_SECRET_ACCESS_KEY");
}

Credentials credentials_of_json(std::string_view text, const std::string& who,
                                const std::string& token_key) {
  const auto fail = [&](const std::string& why) {
    return Error(ErrorCode::Corrupted, who + " gave no credentials: its answer " + why,
                 "check what answers there");
  };
  const std::optional<Json> object = try_parse_json(text);
  if (!object || !object->is_object()) throw fail("is no JSON object");
  const auto text_of = [&](const std::string& key) {
    const Json* value = object->find(key);
    return value != nullptr && value->is_string() ? value->as_string() : std::string();
  };
  Credentials credentials{.access_key_id = text_of("AccessKeyId"),
                          .secret_access_key = Secret(text_of("SecretAccessKey")),
                          .session_token = Secret(text_of(token_key))};
  if (credentials.access_key_id.empty()) throw fail("has no AccessKeyId");
  if (credentials.secret_access_key.empty()) throw fail("has no SecretAccessKey");
  if (const std::string date = text_of("Expiration"); !date.empty()) {
    credentials.expires = parse_iso_date(date);
    if (!credentials.expires) throw fail("has an Expiration that is no date of ISO 8601");
  }
  return credentials;
}

}  // namespace skipjack::s3
