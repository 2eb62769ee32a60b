#include "skipjack/s3/object_answer.h"

#include <algorithm>

namespace skipjack::s3 {
namespace {

[[noreturn]] void contradict(const AskedFor& asked, const std::string& what) {
  throw Error(ErrorCode::Corrupted,
              asked.context.endpoint + " contradicts itself about " +
                  to_s3_uri(asked.context.object) + ": " + what,
              "check that the endpoint is an S3 server, and what stands between");
}

[[noreturn]] void changed(const AskedFor& asked, const std::string& how) {
  throw Error(ErrorCode::Corrupted,
              to_s3_uri(asked.context.object) + " changed during the download: " + how,
              "download again; nothing was kept of the mixture");
}

void check_same_object(const HttpHead& head, const AskedFor& asked, std::int64_t size) {
  if (!asked.object_size) return;
  if (size != *asked.object_size)
    changed(asked, "it had " + std::to_string(*asked.object_size) + " bytes, now it has " +
                       std::to_string(size));
  const std::string* etag = head.find("etag");
  if (etag != nullptr && !asked.etag.empty() && *etag != asked.etag)
    changed(asked, "its ETag was " + asked.etag + ", now it is " + etag->substr(0, 100));
}

/// The whole object: it was asked for so, or the server knows no ranges.
AnsweredBody read_whole(const HttpHead& head, const AskedFor& asked,
                        std::optional<std::int64_t> length) {
  if (!length)
    throw Error(ErrorCode::Unsupported,
                "the answer for " + to_s3_uri(asked.context.object) + " has no Content-Length",
                "check that the endpoint is an S3 server");
  if (!asked.may_be_whole && *length > 0) {
    if (asked.object_size)
      contradict(asked, "it sent the whole object where a range was asked for");
    throw Error(ErrorCode::Unsupported,
                asked.context.endpoint + " sent all of " + to_s3_uri(asked.context.object) +
                    " where a range was asked for",
                "download the whole object");
  }
  check_same_object(head, asked, *length);
  return {.range = {0, *length}, .object_size = *length, .is_whole = true};
}

}  // namespace

AnsweredBody read_object_head(const HttpHead& head, const AskedFor& asked) {
  const std::string* length_text = head.find("content-length");
  const auto length = length_text ? parse_size(*length_text) : std::nullopt;
  if (head.status == 200) return read_whole(head, asked, length);
  const std::string* text = head.find("content-range");
  const auto content_range = text ? parse_content_range(*text) : std::nullopt;
  if (!content_range || !content_range->total)
    contradict(asked, "206 with Content-Range \"" + (text ? text->substr(0, 100) : "") + "\"");
  const std::int64_t total = *content_range->total;
  const ByteRange whole{0, total};
  const ByteRange range = asked.range.value_or(whole);
  const ByteRange expected{range.begin, std::min(range.end, total)};
  if (content_range->range != expected || (length && *length != expected.size()))
    contradict(asked, "asked for bytes " + std::to_string(expected.begin) + "-" +
                          std::to_string(expected.end - 1) + ", got \"" + text->substr(0, 100) +
                          "\"");
  check_same_object(head, asked, total);
  return {.range = expected, .object_size = total};
}

}  // namespace skipjack::s3
