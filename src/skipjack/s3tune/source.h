// What is downloaded again and again, as the server has it: one object, or everything below a
// prefix.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "skipjack/s3/client.h"
#include "skipjack/s3/list.h"

namespace skipjack::s3tune {

/// Whether a URI stands for everything below it: "s3://bucket/prefix/", "s3://bucket/".
bool is_folder_uri(std::string_view uri);

struct Source {
  /// Bytes in all.
  std::int64_t size = 0;
  /// As sent; empty: the server sends none. Of a folder: ListingDigest::text().
  std::string etag{};
  std::int64_t num_objects = 1;
  /// Bytes of the largest object; 0: size.
  std::int64_t largest_size = 0;
  /// The largest object's key.
  std::string largest_key{};
  /// Bytes of the object in which the average byte lies; 0: size. This is the size that values
  /// found for a folder are most about.
  std::int64_t typical_size = 0;
  /// The Server header: who answered.
  std::string server{};

  std::int64_t largest() const { return largest_size > 0 ? largest_size : size; }
  std::int64_t typical() const { return typical_size > 0 ? typical_size : size; }
};

/// "s3://bucket/prefix/, 12 objects, 3 GiB".
std::string describe(const Source& source, const std::string& uri);

/// Objects of a folder that are files: keys that end with '/' only mark folders.
bool is_file(const s3::ListedObject& object);

/// One text for all keys, sizes and ETags of a listing, in its order.
class ListingDigest {
 public:
  void add(const s3::ListedObject& object);
  /// "listing-1b2c3d4e": the CRC-32 of a line for each object.
  std::string text() const;

 private:
  std::uint64_t crc_ = 0;
};

/// HEAD of the object, or the listing of the folder. Throws as s3::Client does; NotFound if nothing
/// lies below a prefix; InvalidArgument for a URI that names no object, and for keys below a prefix
/// that can't be names of files below a folder.
Source look_at(s3::Client& client, const std::string& uri);

}  // namespace skipjack::s3tune
