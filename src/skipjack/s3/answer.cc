#include "skipjack/s3/answer.h"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>

#include "skipjack/s3/dates.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

/// For messages: no control characters (terminals obey them), no novels.
std::string printable(std::string_view text, std::size_t most) {
  std::string result(text.substr(0, most));
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return result;
}

std::string quoted_code(const FinalFailure& failure) {
  std::string text = "HTTP " + std::to_string(failure.attempt.http_status);
  if (!failure.attempt.s3_code.empty()) text += " " + failure.attempt.s3_code;
  if (!failure.s3_message.empty()) text += ": " + failure.s3_message;
  return text;
}

std::string attempts_text(std::int64_t attempts) {
  return attempts > 1 ? " (after " + std::to_string(attempts) + " attempts)" : "";
}

Error transport_error(const RequestContext& context, const FinalFailure& failure) {
  const std::string detail =
      (failure.transport_detail.empty() ? "" : ": " + printable(failure.transport_detail, 300)) +
      attempts_text(failure.attempts_made);
  switch (failure.attempt.transport) {
    case TransportStatus::ConnectFailed:
      return Error(ErrorCode::Network, "can't reach " + context.endpoint + detail,
                   "check the endpoint URL, that the server runs, and the network");
    case TransportStatus::OutOfFiles:
      return Error(ErrorCode::Exhausted, "no further connection can be opened" + detail,
                   "lower max_concurrency, or allow more open files (ulimit -n)");
    case TransportStatus::TlsFailed:
      return Error(ErrorCode::Network, "no trusted connection to " + context.endpoint + detail,
                   "check the endpoint URL, or name the file with its certificate authority");
    case TransportStatus::TimedOut:
      return Error(ErrorCode::Timeout, context.endpoint + " stopped answering" + detail,
                   "check the network, or allow a longer stall");
    case TransportStatus::Truncated:
    case TransportStatus::Reset:
      return Error(ErrorCode::Network, "the connection to " + context.endpoint + " broke" + detail,
                   "try again, or raise num_download_attempts");
    default:
      return Error(ErrorCode::Network,
                   context.endpoint + " does not answer like an S3 server" + detail,
                   "check the endpoint URL");
  }
}

Error permission_error(const RequestContext& context, const FinalFailure& failure) {
  const std::string& code = failure.attempt.s3_code;
  const std::string what = "access to " + to_s3_uri(context.object) + " at " + context.endpoint +
                           " was refused (" + quoted_code(failure) + ")";
  std::string advice = "check that these credentials may read the object";
  if (code == "InvalidAccessKeyId")
    advice = "this server does not know the access key id; check it";
  else if (code == "SignatureDoesNotMatch")
    advice = "the secret access key does not fit the access key id; check it, and the region " +
             context.region;
  else if (code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired")
    advice = "get a new session token";
  else if (code == "RequestTimeTooSkewed")
    advice = "set this machine's clock";
  else if (context.anonymous)
    advice =
        "no credentials were given; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile";
  return Error(ErrorCode::PermissionDenied, what, advice);
}

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (text.substr(0, kUnit.size()) != kUnit) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const std::size_t dash = text.find('-');
  const std::size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash)
    return std::nullopt;
  const auto first = parse_size(text.substr(0, dash));
  const auto last = parse_size(text.substr(dash + 1, slash - dash - 1));
  if (!first || !last || *last < *first || *last == INT64_MAX) return std::nullopt;
  ContentRange result{{*first, *last + 1}, std::nullopt};
  const std::string_view total = text.substr(slash + 1);
  if (total != "*") {
    result.total = parse_size(total);
    if (!result.total || *result.total <= *last) return std::nullopt;
  }
  return result;
}

std::optional<Duration> parse_retry_after(std::string_view text) {
  const auto seconds = parse_size(text);
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(std::min<std::int64_t>(*seconds, 86400));
}

std::optional<Duration> parse_amz_retry_after(std::string_view text) {
  const auto milliseconds = parse_size(text);
  if (!milliseconds) return std::nullopt;
  return std::chrono::milliseconds(std::min<std::int64_t>(*milliseconds, 86'400'000));
}

S3ErrorBody parse_s3_error(std::string_view xml, const std::vector<std::string>& secrets) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return {};
  const pugi::xml_node error = document.child("Error");
  const auto text = [&](const char* name, std::size_t most) {
    return printable(without_secrets(error.child_value(name), secrets), most);
  };
  return {text("Code", 100), text("Message", 300), text("Region", 64)};
}

FinalFailure describe_failure(const FailedAnswer& answer) {
  const HttpHead& head = answer.head;
  const S3ErrorBody error = parse_s3_error(answer.body, answer.secrets);
  FinalFailure failure{.attempt = {.transport = answer.status, .http_status = head.status},
                       .s3_message = error.message,
                       .transport_detail = std::string(answer.detail),
                       .bucket_region = error.region};
  failure.attempt.s3_code = error.code;
  if (const std::string* region = head.find("x-amz-bucket-region")) failure.bucket_region = *region;
  if (const std::string* date = head.find("date")) failure.server_time = parse_http_date(*date);
  if (const std::string* after = head.find("retry-after"))
    failure.attempt.retry_after = parse_retry_after(*after);
  if (const std::string* after = head.find("x-amz-retry-after"))
    failure.attempt.amz_retry_after = parse_amz_retry_after(*after);
  return failure;
}

Error to_error(const RequestContext& context, const FinalFailure& failure) {
  if (failure.attempt.transport != TransportStatus::Complete)
    return transport_error(context, failure);
  const std::string& code = failure.attempt.s3_code;
  const std::string object = to_s3_uri(context.object);
  const std::string at = " at " + context.endpoint;
  if (code == "NoSuchBucket" || (failure.attempt.http_status == 404 && context.object.key.empty()))
    return Error(ErrorCode::NotFound, "bucket " + context.object.bucket + " does not exist" + at,
                 "check the bucket's name and the endpoint");
  switch (failure.attempt.http_status) {
    case 404:
      if (code == "NoSuchVersion")
        return Error(ErrorCode::NotFound, object + " has no such version" + at,
                     "check the version id");
      return Error(ErrorCode::NotFound, object + " does not exist" + at,
                   "check the key; it is case-sensitive");
    case 401:
    case 403:
      return permission_error(context, failure);
    case 409:
      if (code == "BucketAlreadyExists" || code == "BucketAlreadyOwnedByYou")
        return Error(ErrorCode::AlreadyExists,
                     "bucket " + context.object.bucket + " exists already" + at,
                     "choose another name");
      break;
    case 412:
      if (failure.had_if_match)
        return Error(ErrorCode::Corrupted, object + " changed during the download" + at,
                     "download again; nothing was kept of the mixture");
      break;
    case 416:
      return Error(ErrorCode::Corrupted, object + " became shorter during the download" + at,
                   "download again");
    case 301:
    case 302:
    case 307:
    case 308:
    case 400:
      if (!failure.bucket_region.empty() && failure.bucket_region != context.region)
        return Error(ErrorCode::InvalidArgument,
                     "bucket " + context.object.bucket + " is in region " + failure.bucket_region +
                         ", not in " + context.region,
                     "use region " + failure.bucket_region);
      if (!failure.bucket_region.empty() && failure.attempt.http_status < 400)
        return Error(ErrorCode::InvalidArgument,
                     "bucket " + context.object.bucket + " is in region " + failure.bucket_region +
                         ", which " + context.endpoint + " does not serve (" +
                         quoted_code(failure) + ")",
                     "use the endpoint of that region");
      if (code == "InvalidArgument" || code == "AuthorizationHeaderMalformed" ||
          code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired")
        return permission_error(context, failure);
      break;
    default:
      break;
  }
  if (is_retryable(failure.attempt))
    return Error(ErrorCode::Network,
                 context.endpoint + " could not serve " + object + ": " + quoted_code(failure) +
                     attempts_text(failure.attempts_made),
                 "try again later, with fewer connections, or raise num_download_attempts");
  return Error(ErrorCode::Unsupported,
               "unexpected answer for " + object + at + ": " + quoted_code(failure),
               "check that the endpoint is an S3 server, and the region");
}

}  // namespace skipjack::s3
