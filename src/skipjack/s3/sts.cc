#include "skipjack/s3/sts.h"

#include <cmath>
#include <pugixml.hpp>
#include <utility>
#include <vector>

#include "skipjack/base/file.h"
#include "skipjack/s3/dates.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/sigv4.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

constexpr const char* kWho = "the Security Token Service";
/// The service takes signatures that are up to five minutes off.
constexpr double kClockTolerance = 240;

std::string form_of(const RoleOptions& options, const std::string& action,
                    std::vector<std::pair<std::string, std::string>> fields) {
  fields.insert(fields.begin(), {{"Action", action},
                                 {"Version", "2011-06-15"},
                                 {"RoleArn", options.role_arn},
                                 {"RoleSessionName", options.session_name}});
  if (options.duration_seconds)
    fields.emplace_back("DurationSeconds", std::to_string(*options.duration_seconds));
  std::string form;
  for (const auto& [name, value] : fields)
    form += (form.empty() ? "" : "&") + name + "=" + percent_encode(value, Slashes::Encode);
  return form;
}

IdentityCall call_of(const RoleOptions& options, std::string form) {
  return {.method = "POST",
          .url = options.endpoint_url,
          .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
          .body = std::move(form)};
}

IdentityCall signed_call(const RoleOptions& options, const std::string& form,
                         const Credentials& source, std::int64_t unix_time) {
  IdentityCall call = call_of(options, form);
  RequestTarget target = parse_endpoint_url(options.endpoint_url);
  if (target.path.empty()) target.path = "/";
  call.url = target.url();
  call.headers = sign({.method = call.method,
                       .target = target,
                       .headers = std::move(call.headers),
                       .payload_hash = sha256_hex(form),
                       .region = options.region,
                       .service = "sts",
                       .unix_time = unix_time},
                      source);
  return call;
}

/// How far the service's clock is ahead, if so far that it would refuse a signature.
std::optional<std::int64_t> clock_offset(const SmallOutcome& outcome, std::int64_t unix_time) {
  const int status = outcome.answer.head.status;
  const std::string* date = outcome.answer.head.find("date");
  if (outcome.status != TransportStatus::Complete || (status != 400 && status != 403) || !date)
    return std::nullopt;
  const auto theirs = parse_http_date(*date);
  if (!theirs || !is_plausible_now(*theirs) ||
      std::abs(static_cast<double>(*theirs - unix_time)) < kClockTolerance)
    return std::nullopt;
  return *theirs - unix_time;
}

/// Of the refusal in an answer; null where there is none.
pugi::xml_node error_of(const pugi::xml_document& document) {
  return document.child("ErrorResponse").child("Error");
}

bool says_keys_ended(const SmallOutcome& outcome) {
  if (outcome.status != TransportStatus::Complete || outcome.answer.head.status == 200)
    return false;
  pugi::xml_document document;
  document.load_buffer(outcome.answer.body.data(), outcome.answer.body.size());
  const std::string_view code = error_of(document).child_value("Code");
  return code == "ExpiredToken" || code == "ExpiredTokenException";
}

Credentials credentials_of_answer(const RoleOptions& options, const std::string& action,
                                  const SmallOutcome& outcome,
                                  const std::vector<std::string>& secrets) {
  pugi::xml_document document;
  const bool is_xml = static_cast<bool>(
      document.load_buffer(outcome.answer.body.data(), outcome.answer.body.size()));
  if (outcome.status != TransportStatus::Complete || outcome.answer.head.status != 200) {
    std::string words;
    if (is_xml) {
      const pugi::xml_node error = error_of(document);
      words = redacted(error.child_value("Code") + std::string(": ") + error.child_value("Message"),
                       secrets);
    }
    throw identity_error(kWho, options.endpoint_url, outcome,
                         words.empty() ? "" : "for role " + options.role_arn + ": " + words);
  }
  const pugi::xml_node node = document.child((action + "Response").c_str())
                                  .child((action + "Result").c_str())
                                  .child("Credentials");
  const std::string key(trim(node.child_value("AccessKeyId")));
  const std::string secret(trim(node.child_value("SecretAccessKey")));
  const std::string token(trim(node.child_value("SessionToken")));
  const auto expires = parse_iso_date(node.child_value("Expiration"));
  if (key.empty() || secret.empty() || token.empty() || !expires)
    throw Error(ErrorCode::Corrupted,
                std::string(kWho) + " (" + origin_of(options.endpoint_url) +
                    ") gave no credentials: its answer is not what " + action + " returns",
                "check AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL");
  return {.access_key_id = key,
          .secret_access_key = Secret(secret),
          .session_token = Secret(token),
          .expires = expires};
}

IdentityCallOptions with_stop(const RoleOptions& options, const std::stop_token& stop) {
  IdentityCallOptions call = options.call;
  call.stop = stop;
  return call;
}

}  // namespace

Credentials assume_role(const RoleOptions& options, CredentialsProvider& source,
                        const std::stop_token& stop) {
  const std::string action = "AssumeRole";
  std::vector<std::pair<std::string, std::string>> fields;
  if (!options.external_id.empty()) fields.emplace_back("ExternalId", options.external_id);
  const std::string form = form_of(options, action, std::move(fields));
  const IdentityCallOptions call = with_stop(options, stop);
  Credentials keys = source.get(stop);
  std::int64_t offset = 0;
  const auto ask = [&] {
    const auto now = static_cast<std::int64_t>(system_clock().unix_time());
    return call_identity(signed_call(options, form, keys, now + offset), call);
  };
  SmallOutcome outcome = ask();
  // A machine with a wrong clock can still prove who it is: the service says what time it is.
  if (const auto ahead =
          clock_offset(outcome, static_cast<std::int64_t>(system_clock().unix_time()))) {
    offset = *ahead;
    outcome = ask();
  }
  if (says_keys_ended(outcome) && source.refuse(keys)) {
    keys = source.get(stop);
    outcome = ask();
  }
  return credentials_of_answer(options, action, outcome,
                               {keys.secret_access_key.reveal(), keys.session_token.reveal()});
}

Credentials assume_role_with_web_identity(const RoleOptions& options, const std::string& token_file,
                                          const std::stop_token& stop) {
  const std::string action = "AssumeRoleWithWebIdentity";
  const std::string token(trim(read_file(token_file)));
  if (token.empty())
    throw Error(ErrorCode::InvalidArgument,
                "the web identity token file " + token_file + " is empty");
  const std::string form = form_of(options, action, {{"WebIdentityToken", token}});
  const SmallOutcome outcome = call_identity(call_of(options, form), with_stop(options, stop));
  return credentials_of_answer(options, action, outcome, {token});
}

}  // namespace skipjack::s3
