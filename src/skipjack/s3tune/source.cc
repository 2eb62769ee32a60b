#include "skipjack/s3tune/source.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/crc.h"
#include "skipjack/s3/target_tree.h"

namespace skipjack::s3tune {
namespace {

Source look_at_folder(s3::Client& client, const s3::ObjectAddress& folder, const std::string& uri) {
  Source source{.num_objects = 0};
  ListingDigest digest;
  double squares = 0;
  client.list({.bucket = folder.bucket, .prefix = folder.key}, [&](const s3::ListPage& page) {
    for (const s3::ListedObject& object : page.objects) {
      if (!is_file(object)) continue;
      s3::check_relative_name(std::string_view(object.key).substr(folder.key.size()));
      digest.add(object);
      ++source.num_objects;
      source.size += object.size;
      squares += static_cast<double>(object.size) * static_cast<double>(object.size);
      if (source.largest_key.empty() || object.size > source.largest_size) {
        source.largest_size = object.size;
        source.largest_key = object.key;
      }
    }
    return true;
  });
  if (source.num_objects == 0)
    throw Error(ErrorCode::NotFound, "no object lies below '" + uri + "'",
                "check bucket and prefix");
  source.etag = digest.text();
  if (source.size > 0)
    source.typical_size = std::llround(squares / static_cast<double>(source.size));
  source.server = client.head_object({.bucket = folder.bucket, .key = source.largest_key}).server;
  return source;
}

}  // namespace

bool is_folder_uri(std::string_view uri) { return uri.ends_with('/'); }

std::string describe(const Source& source, const std::string& uri) {
  return uri + ", " +
         (is_folder_uri(uri) ? count_of(source.num_objects, "object") + ", " : std::string()) +
         format_byte_size(static_cast<double>(source.size));
}

bool is_file(const s3::ListedObject& object) { return !object.key.ends_with('/'); }

void ListingDigest::add(const s3::ListedObject& object) {
  const std::string line =
      object.key + "\t" + std::to_string(object.size) + "\t" + object.etag + "\n";
  crc_ = s3::crc_update(s3::CrcKind::Crc32, crc_, std::as_bytes(std::span(line)));
}

std::string ListingDigest::text() const {
  char text[32];
  std::snprintf(text, sizeof text, "listing-%08llx", static_cast<unsigned long long>(crc_));
  return text;
}

Source look_at(s3::Client& client, const std::string& uri) {
  const s3::ObjectAddress address = s3::parse_s3_uri(uri);
  if (is_folder_uri(uri)) return look_at_folder(client, address, uri);
  if (address.key.empty())
    throw Error(ErrorCode::InvalidArgument, "'" + uri + "' names no object",
                "write s3://bucket/key, or s3://bucket/prefix/ for everything below it");
  const s3::ObjectSummary summary = client.head_object(address);
  return {.size = summary.size,
          .etag = summary.etag,
          .largest_key = address.key,
          .server = summary.server};
}

}  // namespace skipjack::s3tune
