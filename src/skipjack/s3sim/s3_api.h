// S3's verbs over an object store: from a request to an answer, without sockets or time of its own.
// Path style only; what is not spoken (ACLs, versions, copies, ...) is answered by 501
// NotImplemented.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "skipjack/s3sim/http.h"
#include "skipjack/s3sim/multipart.h"
#include "skipjack/s3sim/object_store.h"
#include "skipjack/s3sim/signature.h"
#include "skipjack/s3sim/upload.h"

namespace skipjack::s3sim {

/// What goes back. Content-Length is written by whoever sends it.
struct Answer {
  int status = 200;
  Fields headers{};
  /// The body, unless a blob is set.
  std::string text{};
  std::shared_ptr<const Blob> blob{};
  /// Bytes of the blob that are the body.
  ByteRange range{};
  /// HEAD and 304: headers as if, but no body.
  enum class Body { Send, Omit } body = Body::Send;

  std::int64_t content_length() const {
    return blob ? range.size() : static_cast<std::int64_t>(text.size());
  }
};

enum class Operation {
  ListBuckets,
  CreateBucket,
  HeadBucket,
  BucketLocation,
  ListObjects,
  GetObject,
  HeadObject,
  PutObject,
  DeleteObject,
  BeginUpload,
  PutPart,
  CompleteUpload,
  AbortUpload,
};
/// Whether the request's body is of the operation, so that it is taken in by an Upload.
bool has_object_body(Operation operation);

/// What a request asks for.
struct Route {
  Operation operation = Operation::ListBuckets;
  std::string bucket{};
  std::string key{};
  Fields query{};
};

struct S3ApiOptions {
  /// Empty access key: signatures are not looked at.
  SigningKey key;
  std::string region;
};

/// Used by one thread; the store may be shared.
class S3Api {
 public:
  /// The store must outlive it.
  S3Api(ObjectStore& store, S3ApiOptions options)
      : store_(store), uploads_(store), options_(std::move(options)) {}

  /// Decided by the head alone: where it goes, or an error (bad path, not signed, not implemented,
  /// bucket of a PUT missing). unix_time in seconds.
  std::variant<Route, Answer> route(const Request& request, double unix_time) const;
  /// For everything without an object's body.
  Answer answer(const Request& request, const Route& route);
  Answer finish_upload(const Route& route, Upload& upload, double unix_time);

  static Answer error(const Request& request, const Refusal& refusal);

 private:
  Answer object_answer(const Request& request, const Route& route) const;
  Answer list_objects(const Request& request, const Route& route) const;
  Answer list_buckets() const;
  Answer no_bucket(const Request& request, const Route& route) const;

  std::variant<Route, Answer> route_upload(const Request& request, Route route) const;
  Answer finish_part(const Request& named, const Route& route, ObjectVersion part);
  Answer complete_upload(const Request& named, const Route& route, const Blob& xml,
                         const Fields& checksums, std::int64_t now);

  ObjectStore& store_;
  MultipartUploads uploads_;
  const S3ApiOptions options_;
};

/// "Partial Content"
const char* reason_phrase(int status);

}  // namespace skipjack::s3sim
