// Where objects are: in memory (PUT), computed (synthetic), or in a folder (read only). A blob is
// what a response sends from; it is immutable and shared, so replacing an object never disturbs a
// download.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/descriptor.h"
#include "skipjack/s3sim/http.h"
#include "skipjack/s3sim/stored_checksum.h"

namespace skipjack::s3sim {

/// The bytes of an object: a text, or a file that is read round and round from a phase.
struct Blob {
  std::string text;
  /// Borrowed (the pattern) or owned; -1: the bytes are text.
  int fd = -1;
  Descriptor owned;
  std::int64_t phase = 0;
  /// Bytes after which the file starts again; equals size where it doesn't.
  std::int64_t period = 0;
  std::int64_t size = 0;
  /// Bytes of the store's limit that it holds.
  std::int64_t charged_bytes = 0;
};

/// What HEAD tells.
struct ObjectVersion {
  std::shared_ptr<const Blob> blob{};
  std::int64_t size = 0;
  /// With its quotes.
  std::string etag{};
  std::int64_t last_modified = 0;
  std::string content_type = "binary/octet-stream";
  /// "x-amz-meta-...", as the uploader sent them.
  Fields metadata{};
  /// nullopt for a file of the folder.
  std::optional<StoredChecksum> checksum{};
  /// Where its parts end, if it was uploaded in parts.
  std::vector<std::int64_t> part_ends{};
};

struct ListedObject {
  std::string key;
  std::int64_t size = 0;
  std::string etag;
  std::int64_t last_modified = 0;
};

struct ObjectStoreOptions {
  std::string folder;
  std::int64_t memory_limit = 0;
};

enum class StoreOutcome { Ok, NoBucket, NoRoom };

/// Thread-safe.
class ObjectStore {
 public:
  /// Throws NotFound if there is a folder's name and no folder.
  explicit ObjectStore(ObjectStoreOptions options);

  void create_bucket(const std::string& bucket);
  bool has_bucket(const std::string& bucket) const;
  std::vector<std::string> buckets() const;
  /// Memory hides a file of the same name.
  std::optional<ObjectVersion> find(const std::string& bucket, const std::string& key) const;
  StoreOutcome put(const std::string& bucket, const std::string& key, ObjectVersion version);
  void remove(const std::string& bucket, const std::string& key);
  /// Sorted by key; all that start with prefix.
  std::vector<ListedObject> list(const std::string& bucket, const std::string& prefix) const;

  /// Bytes for an upload in progress. False if the limit forbids; what was reserved must be
  /// released.
  bool reserve(std::int64_t bytes);
  void release(std::int64_t bytes);

 private:
  using Bucket = std::map<std::string, ObjectVersion>;
  std::optional<ObjectVersion> find_in_folder(const std::string& bucket,
                                              const std::string& key) const;
  void list_folder(const std::string& bucket, const std::string& prefix,
                   std::map<std::string, ListedObject>& into) const;

  const ObjectStoreOptions options_;
  Descriptor folder_;
  mutable std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
  std::int64_t bytes_used_ = 0;
};

/// S3's rules for a new bucket's name: 3 to 63 of [a-z0-9.-], letter or digit at both ends.
bool is_valid_bucket_name(std::string_view name);

}  // namespace skipjack::s3sim
