// Uploads in parts: begun, filled part by part in any order, and joined to one object or dropped.
// Facts of S3's behaviour are from its API reference [AWS-S3-API]. Not in here: listing uploads and
// parts, copying parts, checksums of the whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "skipjack/s3sim/http.h"
#include "skipjack/s3sim/object_store.h"
#include "skipjack/s3sim/signature.h"

namespace skipjack::s3sim {

/// Used by one thread. Parts hold memory of the store until their upload ends.
class MultipartUploads {
 public:
  /// The store must outlive it.
  explicit MultipartUploads(ObjectStore& store) : store_(store) {}
  ~MultipartUploads();
  MultipartUploads(const MultipartUploads&) = delete;
  MultipartUploads& operator=(const MultipartUploads&) = delete;

  /// Which object an upload is for.
  struct Name {
    std::string bucket, key, upload_id;
  };
  /// The upload's id. Content type and metadata are the request's.
  std::string begin(const std::string& bucket, const std::string& key, const Request& request);
  std::optional<Refusal> check(const Name& name) const;
  /// Replaces a part of the same number. Takes over its memory, unless refused.
  std::optional<Refusal> add_part(const Name& name, std::int64_t number, ObjectVersion part);
  /// Joins the parts that xml (CompleteMultipartUpload) lists; the upload has ended then.
  /// checksums: x-amz-checksum-... headers that the object is to have. The object holds their
  /// memory.
  std::variant<ObjectVersion, Refusal> complete(const Name& name, std::string_view xml,
                                                const Fields& checksums,
                                                std::int64_t last_modified);
  std::optional<Refusal> abort(const Name& name);

 private:
  struct Open {
    std::string bucket, key, content_type;
    std::string checksum_algorithm = "crc64nvme";
    Fields metadata;
    std::map<std::int64_t, ObjectVersion> parts;
  };
  void drop(std::map<std::string, Open>::iterator upload);

  ObjectStore& store_;
  std::map<std::string, Open> open_;
  std::int64_t num_begun_ = 0;
};

/// A part number of a query, [1, 10000].
std::optional<std::int64_t> part_number(std::string_view text);

}  // namespace skipjack::s3sim
