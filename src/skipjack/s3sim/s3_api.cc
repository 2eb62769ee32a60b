// See s3_api.h. Facts of S3's behaviour are from its API reference [AWS-S3-API].
#include "skipjack/s3sim/s3_api.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <pugixml.hpp>

#include "skipjack/s3sim/s3_xml.h"

namespace skipjack::s3sim {
namespace {

constexpr std::size_t kLongestKey = 1024;

/// Sub-resources that S3 has and this server hasn't.
constexpr std::array<std::string_view, 29> kNotSpoken = {
    "accelerate",     "acl",          "analytics",         "attributes",
    "cors",           "delete",       "encryption",        "intelligent-tiering",
    "inventory",      "legal-hold",   "lifecycle",         "logging",
    "metrics",        "notification", "object-lock",       "ownershipControls",
    "policy",         "policyStatus", "publicAccessBlock", "replication",
    "requestPayment", "restore",      "retention",         "select",
    "tagging",        "torrent",      "versionId",         "versioning",
    "versions"};

/// If-Match and its kind: a list of tags, or "*".
bool names_tag(std::string_view list, std::string_view etag) {
  const auto bare = [](std::string_view tag) {
    while (!tag.empty() && (tag.front() == ' ' || tag.front() == '\t')) tag.remove_prefix(1);
    while (!tag.empty() && (tag.back() == ' ' || tag.back() == '\t')) tag.remove_suffix(1);
    if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"')
      tag = tag.substr(1, tag.size() - 2);
    return tag;
  };
  while (!list.empty()) {
    const std::string_view tag = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), tag.size() + 1));
    if (bare(tag) == "*" || bare(tag) == bare(etag)) return true;
  }
  return false;
}

/// The bytes of a part by its number, which begins at 1; an object that was not uploaded in parts
/// is part 1.
std::optional<ByteRange> range_of_part(const ObjectVersion& version, std::string_view text) {
  const auto number = parse_decimal(text);
  if (number == 1 && version.part_ends.empty()) return ByteRange{0, version.size};
  if (!number || *number < 1 || *number > static_cast<std::int64_t>(version.part_ends.size()))
    return std::nullopt;
  const auto index = static_cast<std::size_t>(*number - 1);
  return ByteRange{index == 0 ? 0 : version.part_ends[index - 1], version.part_ends[index]};
}

enum class Condition { Holds, Failed, NotModified };

Condition check_conditions(const Request& request, const ObjectVersion& version) {
  if (const std::string* tags = request.header("if-match")) {
    if (!names_tag(*tags, version.etag)) return Condition::Failed;
  } else if (const std::string* date = request.header("if-unmodified-since")) {
    const auto seconds = parse_http_date(*date);
    if (seconds && version.last_modified > *seconds) return Condition::Failed;
  }
  if (const std::string* tags = request.header("if-none-match")) {
    if (names_tag(*tags, version.etag)) return Condition::NotModified;
  } else if (const std::string* date = request.header("if-modified-since")) {
    const auto seconds = parse_http_date(*date);
    if (seconds && version.last_modified <= *seconds) return Condition::NotModified;
  }
  return Condition::Holds;
}

Refusal not_implemented(std::string what) {
  return {.status = 501,
          .code = "NotImplemented",
          .message = "This server does not implement " + std::move(what) + "."};
}

/// The path of the target, whose form may be absolute ("http://host/path").
std::string_view target_path(std::string_view path) {
  const std::size_t scheme = path.find("://");
  if (path.starts_with('/') || scheme == std::string_view::npos) return path;
  const std::size_t slash = path.find('/', scheme + 3);
  return slash == std::string_view::npos ? "/" : path.substr(slash);
}

}  // namespace

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 416:
      return "Requested Range Not Satisfiable";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Slow Down";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

Answer S3Api::error(const Request& request, const Refusal& refusal) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("Error");
  add_text(root, "Code", refusal.code);
  add_text(root, "Message", refusal.message);
  add_text(root, "Resource", request.path);
  Answer answer = xml_answer(document, refusal.status);
  if (request.method == "HEAD") answer.body = Answer::Body::Omit;
  return answer;
}

Answer S3Api::no_bucket(const Request& request, const Route& route) const {
  return error(request, {.status = 404,
                         .code = "NoSuchBucket",
                         .message = "The specified bucket does not exist: " + route.bucket});
}

std::variant<Route, Answer> S3Api::route(const Request& request, double unix_time) const {
  const auto refuse = [&](Refusal refusal) { return error(request, refusal); };
  if (!options_.key.access_key.empty())
    if (const auto refusal = check_signature(request, options_.key, unix_time))
      return refuse(*refusal);

  const std::string_view path = target_path(request.path);
  const auto query = parse_query(request.query);
  if (!path.starts_with('/') || !query || !percent_decode(path))
    return refuse(
        {.status = 400, .code = "InvalidURI", .message = "Couldn't parse the specified URI."});
  const std::size_t slash = path.find('/', 1);
  Route route{.bucket = *percent_decode(path.substr(1, slash - 1)), .key = {}, .query = *query};
  if (slash != std::string_view::npos) route.key = *percent_decode(path.substr(slash + 1));
  if (route.key.size() > kLongestKey)
    return refuse({.status = 400, .code = "KeyTooLongError", .message = "Your key is too long."});
  for (const auto& [name, value] : route.query)
    if (std::find(kNotSpoken.begin(), kNotSpoken.end(), name) != kNotSpoken.end())
      return refuse(not_implemented("the sub-resource \"" + name + "\""));

  if (!route.key.empty() && (find_field(route.query, "uploads") != nullptr ||
                             find_field(route.query, "uploadId") != nullptr))
    return route_upload(request, std::move(route));
  const std::string& method = request.method;
  const bool is_bucket = route.key.empty();
  if (route.bucket.empty()) {
    if (method == "GET" && is_bucket) return route;
  } else if (is_bucket) {
    if (method == "GET") {
      route.operation = find_field(route.query, "location") != nullptr ? Operation::BucketLocation
                                                                       : Operation::ListObjects;
      return route;
    }
    if (method == "HEAD" || method == "PUT") {
      route.operation = method == "HEAD" ? Operation::HeadBucket : Operation::CreateBucket;
      if (method == "PUT" && !is_valid_bucket_name(route.bucket))
        return refuse({.status = 400,
                       .code = "InvalidBucketName",
                       .message = "The specified bucket is not valid."});
      return route;
    }
  } else if (method == "GET" || method == "HEAD" || method == "DELETE") {
    route.operation = method == "GET"    ? Operation::GetObject
                      : method == "HEAD" ? Operation::HeadObject
                                         : Operation::DeleteObject;
    return route;
  } else if (method == "PUT") {
    if (request.header("x-amz-copy-source") != nullptr) return refuse(not_implemented("copying"));
    if (!request.chunked && !request.content_length)
      return refuse({.status = 411,
                     .code = "MissingContentLength",
                     .message = "You must provide the Content-Length HTTP header."});
    if (!store_.has_bucket(route.bucket)) return no_bucket(request, route);
    route.operation = Operation::PutObject;
    return route;
  }
  if (method == "POST") return refuse(not_implemented("POST"));
  return refuse({.status = 405,
                 .code = "MethodNotAllowed",
                 .message = "The specified method is not allowed against this resource."});
}

bool has_object_body(Operation operation) {
  return operation == Operation::PutObject || operation == Operation::PutPart ||
         operation == Operation::CompleteUpload;
}

std::variant<Route, Answer> S3Api::route_upload(const Request& request, Route route) const {
  if (!store_.has_bucket(route.bucket)) return no_bucket(request, route);
  const std::string* id = find_field(route.query, "uploadId");
  if (id == nullptr) {
    if (request.method != "POST") return error(request, not_implemented("listing uploads"));
    route.operation = Operation::BeginUpload;
    return route;
  }
  if (const auto refusal = uploads_.check({route.bucket, route.key, *id}))
    return error(request, *refusal);
  if (request.method == "PUT") {
    const std::string* number = find_field(route.query, "partNumber");
    if (number == nullptr || !part_number(*number))
      return error(request, {.status = 400,
                             .code = "InvalidArgument",
                             .message = "Part number must be an integer between 1 and 10000"});
    if (request.header("x-amz-copy-source") != nullptr)
      return error(request, not_implemented("copying"));
    route.operation = Operation::PutPart;
  } else if (request.method == "POST") {
    route.operation = Operation::CompleteUpload;
  } else if (request.method == "DELETE") {
    route.operation = Operation::AbortUpload;
  } else {
    return error(request, not_implemented("listing parts"));
  }
  return route;
}

Answer S3Api::answer(const Request& request, const Route& route) {
  if (route.operation == Operation::ListBuckets) return list_buckets();
  if (route.operation == Operation::CreateBucket) {
    store_.create_bucket(route.bucket);
    return {.headers = {{"Location", "/" + route.bucket}}};
  }
  if (!store_.has_bucket(route.bucket)) return no_bucket(request, route);
  switch (route.operation) {
    case Operation::HeadBucket:
      return {.headers = {{"x-amz-bucket-region", options_.region}}, .body = Answer::Body::Omit};
    case Operation::BucketLocation: {
      pugi::xml_document document;
      pugi::xml_node root = document.append_child("LocationConstraint");
      root.append_attribute("xmlns").set_value(kS3Namespace);
      // S3 names its oldest region by an empty text.
      if (options_.region != "us-east-1") root.text().set(options_.region.c_str());
      return xml_answer(document, 200);
    }
    case Operation::ListObjects:
      return list_objects(request, route);
    case Operation::BeginUpload: {
      pugi::xml_document document;
      pugi::xml_node root = document.append_child("InitiateMultipartUploadResult");
      root.append_attribute("xmlns").set_value(kS3Namespace);
      add_text(root, "Bucket", route.bucket);
      add_text(root, "Key", route.key);
      add_text(root, "UploadId", uploads_.begin(route.bucket, route.key, request));
      return xml_answer(document, 200);
    }
    case Operation::AbortUpload:
      if (const auto refusal =
              uploads_.abort({route.bucket, route.key, *find_field(route.query, "uploadId")}))
        return error(request, *refusal);
      return {.status = 204, .body = Answer::Body::Omit};
    case Operation::DeleteObject: {
      store_.remove(route.bucket, route.key);
      return {.status = 204, .body = Answer::Body::Omit};
    }
    default:
      return object_answer(request, route);
  }
}

Answer S3Api::object_answer(const Request& request, const Route& route) const {
  const auto version = store_.find(route.bucket, route.key);
  if (!version)
    return error(request, {.status = 404,
                           .code = "NoSuchKey",
                           .message = "The specified key does not exist: " + route.key});
  const std::string* part = find_field(route.query, "partNumber");
  const auto part_range = part != nullptr ? range_of_part(*version, *part) : std::nullopt;
  if (part != nullptr && !part_range)
    return error(request, {.status = 416,
                           .code = "InvalidPartNumber",
                           .message = "The requested partnumber is not satisfiable"});
  const Condition condition = check_conditions(request, *version);
  if (condition == Condition::Failed)
    return error(request,
                 {.status = 412,
                  .code = "PreconditionFailed",
                  .message = "At least one of the pre-conditions you specified did not hold"});
  Answer answer{.headers = {{"ETag", version->etag},
                            {"Last-Modified", http_date(version->last_modified)},
                            {"Accept-Ranges", "bytes"},
                            {"Content-Type", version->content_type}},
                .blob = version->blob,
                .range = {0, version->size}};
  if (condition == Condition::NotModified) {
    answer.status = 304;
    answer.body = Answer::Body::Omit;
    return answer;
  }
  if (route.operation == Operation::HeadObject) answer.body = Answer::Body::Omit;
  const auto limit_to = [&](ByteRange range) {
    answer.status = 206;
    answer.range = range;
    answer.headers.emplace_back("Content-Range", "bytes " + std::to_string(range.begin) + "-" +
                                                     std::to_string(range.end - 1) + "/" +
                                                     std::to_string(version->size));
  };
  if (part_range && !version->part_ends.empty()) {
    limit_to(*part_range);
    answer.headers.emplace_back("x-amz-mp-parts-count", std::to_string(version->part_ends.size()));
  }
  if (const std::string* header = request.header("range"); header != nullptr && part == nullptr) {
    const auto range = parse_range(*header, version->size);
    if (std::holds_alternative<UnsatisfiableRange>(range)) {
      Answer refused = error(request, {.status = 416,
                                       .code = "InvalidRange",
                                       .message = "The requested range is not satisfiable"});
      refused.headers.emplace_back("Content-Range", "bytes */" + std::to_string(version->size));
      return refused;
    }
    if (const ByteRange* bytes = std::get_if<ByteRange>(&range)) limit_to(*bytes);
  }
  answer.headers.insert(answer.headers.end(), version->metadata.begin(), version->metadata.end());
  const std::string* mode = request.header("x-amz-checksum-mode");
  if (mode != nullptr && *mode == "ENABLED" && version->checksum)
    for (auto& header :
         checksum_headers(*version->checksum, answer.range, version->size, version->part_ends))
      answer.headers.push_back(std::move(header));
  return answer;
}

Answer S3Api::finish_upload(const Route& route, Upload& upload, double unix_time) {
  const Request named{.method = "PUT", .path = "/" + route.bucket + "/" + route.key};
  auto finished = upload.finish(static_cast<std::int64_t>(unix_time));
  if (const Refusal* refusal = std::get_if<Refusal>(&finished)) return error(named, *refusal);
  ObjectVersion& version = std::get<ObjectVersion>(finished);
  if (route.operation == Operation::PutPart) return finish_part(named, route, std::move(version));
  if (route.operation == Operation::CompleteUpload) {
    Answer answer = complete_upload(named, route, *version.blob, upload.object_checksums(),
                                    static_cast<std::int64_t>(unix_time));
    store_.release(version.blob->charged_bytes);
    return answer;
  }
  Answer answer{.headers = {{"ETag", version.etag}}};
  for (auto& header : checksum_headers(*version.checksum, {0, version.size}, version.size, {}))
    answer.headers.push_back(std::move(header));
  const std::int64_t charged = version.blob->charged_bytes;
  if (store_.put(route.bucket, route.key, std::move(version)) == StoreOutcome::Ok) return answer;
  store_.release(charged);
  return no_bucket(named, route);
}

Answer S3Api::finish_part(const Request& named, const Route& route, ObjectVersion part) {
  Answer answer{.headers = {{"ETag", part.etag}}};
  for (auto& header : checksum_headers(*part.checksum, {0, part.size}, part.size, {}))
    answer.headers.push_back(std::move(header));
  const std::int64_t charged = part.blob->charged_bytes;
  const auto refusal =
      uploads_.add_part({route.bucket, route.key, *find_field(route.query, "uploadId")},
                        *part_number(*find_field(route.query, "partNumber")), std::move(part));
  if (!refusal) return answer;
  store_.release(charged);
  return error(named, *refusal);
}

Answer S3Api::complete_upload(const Request& named, const Route& route, const Blob& xml,
                              const Fields& checksums, std::int64_t now) {
  std::string list = xml.text;
  if (xml.fd >= 0) {
    list.resize(static_cast<std::size_t>(xml.size));
    if (::pread(xml.fd, list.data(), list.size(), 0) != xml.size) list.clear();
  }
  auto joined = uploads_.complete({route.bucket, route.key, *find_field(route.query, "uploadId")},
                                  list, checksums, now);
  if (const Refusal* refusal = std::get_if<Refusal>(&joined)) return error(named, *refusal);
  ObjectVersion& version = std::get<ObjectVersion>(joined);
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUploadResult");
  root.append_attribute("xmlns").set_value(kS3Namespace);
  add_text(root, "Bucket", route.bucket);
  add_text(root, "Key", route.key);
  add_text(root, "ETag", version.etag);
  const std::int64_t charged = version.blob->charged_bytes;
  if (store_.put(route.bucket, route.key, std::move(version)) == StoreOutcome::Ok)
    return xml_answer(document, 200);
  store_.release(charged);
  return no_bucket(named, route);
}

}  // namespace skipjack::s3sim
