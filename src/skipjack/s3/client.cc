#include "skipjack/s3/client.h"

#include <algorithm>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/download.h"
#include "skipjack/s3/download_many.h"
#include "skipjack/s3/remove_many.h"
#include "skipjack/s3/requester.h"
#include "skipjack/s3/upload_many.h"

namespace skipjack::s3 {
namespace {

std::string header_of(const HttpHead& head, std::string_view name) {
  const std::string* value = head.find(name);
  return value ? *value : std::string();
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(ClientOptions options) : requester(std::move(options)) {}
  Requester requester;
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

DownloadResult Client::download(const DownloadOptions& options) {
  const auto* last = options.range ? std::get_if<LastBytes>(&*options.range) : nullptr;
  if (last == nullptr) return run_download(impl_->requester, options);
  // Where the last bytes begin, only the object's size tells.
  if (last->count < 1)
    throw Error(ErrorCode::InvalidArgument,
                "the last " + std::to_string(last->count) + " bytes must be >= 1");
  const ObjectSummary object =
      head_object(options.object, {.version_id = options.version_id, .access = options.access});
  DownloadOptions from_there = options;
  from_there.range = ByteSpan{.begin = std::max<std::int64_t>(0, object.size - last->count)};
  if (options.if_match.empty()) from_there.if_match = object.etag;
  return run_download(impl_->requester, from_there);
}

DownloadManyResult Client::download_many(const DownloadManyOptions& options) {
  return run_download_many(impl_->requester, options);
}

UploadResult Client::upload(const UploadOptions& options) {
  return run_upload(impl_->requester, options);
}

ManyCounts Client::upload_many(const UploadManyOptions& options) {
  return run_upload_many(impl_->requester, options);
}

ManyCounts Client::remove_many(const RemoveManyOptions& options) {
  return run_remove_many(impl_->requester, options);
}

void Client::list(const ListOptions& options, const std::function<bool(const ListPage&)>& take,
                  const std::stop_token& stop) {
  read_listing(impl_->requester, options, take, stop);
}

ObjectSummary Client::head_object(const ObjectAddress& object, const HeadOptions& options) {
  RequestSpec spec{.method = "HEAD", .object = object, .headers = access_headers(options.access)};
  if (!options.version_id.empty()) spec.query.emplace_back("versionId", options.version_id);
  const HttpHead head = impl_->requester.exchange(spec, {}).head;
  const auto size = parse_size(header_of(head, "content-length"));
  if (!size)
    throw Error(ErrorCode::Unsupported,
                "the answer for " + to_s3_uri(object) + " has no Content-Length",
                "check that the endpoint is an S3 server");
  return {.size = *size,
          .etag = header_of(head, "etag"),
          .version_id = header_of(head, "x-amz-version-id"),
          .last_modified = header_of(head, "last-modified"),
          .content_type = header_of(head, "content-type"),
          .server = header_of(head, "server")};
}

std::string Client::put_object(const PutOptions& options) {
  constexpr std::size_t kLargestPut = static_cast<std::size_t>(5 * kGiB);
  if (options.bytes.size() > kLargestPut)
    throw Error(ErrorCode::InvalidArgument,
                "an upload of " + std::to_string(options.bytes.size()) +
                    " bytes must be <= " + std::to_string(kLargestPut),
                "upload it in parts (upload.h)");
  RequestSpec spec{.method = "PUT",
                   .object = options.object,
                   .headers = access_headers(options.access),
                   .body = options.bytes};
  spec.headers.emplace_back("Content-Type", options.content_type);
  return header_of(impl_->requester.exchange(spec, options.stop).head, "etag");
}

void Client::create_bucket(const std::string& bucket) {
  // us-east-1 takes no body; other regions of AWS want their name in one.
  const RequestContext context = impl_->requester.context_of({bucket, ""});
  std::string body;
  if (context.region != "us-east-1")
    body =
        "<CreateBucketConfiguration "
        "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>" +
        context.region + "</LocationConstraint></CreateBucketConfiguration>";
  impl_->requester.exchange({.method = "PUT",
                             .object = {bucket, ""},
                             .body = body,
                             .accepted_s3_code = "BucketAlreadyOwnedByYou"},
                            {});
}

double DownloadResult::bytes_per_second() const {
  const double seconds = to_seconds(duration);
  return seconds > 0 ? static_cast<double>(bytes - resumed_bytes) / seconds : 0;
}

Json to_json(const DownloadResult& result) {
  Json object{Json::Object{}};
  object.set("bytes", result.bytes);
  object.set("seconds", to_seconds(result.duration));
  object.set("bytes_per_second", result.bytes_per_second());
  object.set("seconds_to_first_byte", to_seconds(result.time_to_first_byte));
  object.set("num_parts", result.num_parts);
  object.set("resumed_bytes", result.resumed_bytes);
  object.set("num_requests", result.num_requests);
  object.set("num_retries", result.num_retries);
  object.set("num_hedges", result.num_hedges);
  object.set("hedged_bytes", result.hedged_bytes);
  object.set("num_connections", result.num_connections);
  object.set("peak_buffer_bytes", result.peak_buffer_bytes);
  object.set("etag", result.etag);
  object.set("version_id", result.version_id.empty() ? Json() : Json(result.version_id));
  object.set("checksum",
             result.checksum.verified.empty() ? Json() : Json(result.checksum.verified));
  if (!result.checksum.note.empty()) object.set("checksum_note", result.checksum.note);
  object.set("config", to_json(result.config));
  return object;
}

}  // namespace skipjack::s3
