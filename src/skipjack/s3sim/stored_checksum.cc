#include "skipjack/s3sim/stored_checksum.h"

#include <algorithm>

#include "skipjack/s3sim/digest.h"

namespace skipjack::s3sim {
namespace {

/// The digests of the parts, one after the other.
std::vector<std::string> digests_of_parts(std::string_view algorithm, std::string_view bytes,
                                          const std::vector<std::int64_t>& ends) {
  std::vector<std::string> digests;
  std::size_t begin = 0;
  for (const std::int64_t end : ends) {
    const auto size = static_cast<std::size_t>(end) - begin;
    digests.push_back(digest_of(algorithm, bytes.substr(begin, size)));
    begin += size;
  }
  return digests;
}

std::string digest_of_digests(std::string_view algorithm, const std::vector<std::string>& digests) {
  std::string all;
  for (const std::string& digest : digests) all += digest;
  return digest_of(algorithm, all);
}

}  // namespace

std::vector<std::int64_t> part_ends(std::int64_t size, std::int64_t part_bytes) {
  std::vector<std::int64_t> ends;
  for (std::int64_t end = part_bytes; end < size; end += part_bytes) ends.push_back(end);
  ends.push_back(size);
  return ends;
}

StoredChecksum checksum_of_parts(std::string_view algorithm, std::string_view bytes,
                                 const std::vector<std::int64_t>& ends) {
  const std::vector<std::string> digests = digests_of_parts(algorithm, bytes, ends);
  StoredChecksum checksum{.algorithm = std::string(algorithm)};
  for (const std::string& digest : digests) checksum.part_values.push_back(base64(digest));
  if (algorithm == "crc64nvme") {
    checksum.value = base64(digest_of(algorithm, bytes));
  } else {
    checksum.type = StoredChecksum::Type::Composite;
    checksum.value =
        base64(digest_of_digests(algorithm, digests)) + "-" + std::to_string(ends.size());
  }
  return checksum;
}

std::string etag_of_parts(std::string_view bytes, const std::vector<std::int64_t>& ends) {
  return "\"" + hex_text(digest_of_digests("md5", digests_of_parts("md5", bytes, ends))) + "-" +
         std::to_string(ends.size()) + "\"";
}

Fields checksum_headers(const StoredChecksum& checksum, ByteRange range, std::int64_t size,
                        const std::vector<std::int64_t>& ends) {
  const std::string* value = nullptr;
  if (range.begin == 0 && range.end == size) value = &checksum.value;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < std::min(ends.size(), checksum.part_values.size()); ++i) {
    if (value == nullptr && range.begin == begin && range.end == ends[i])
      value = &checksum.part_values[i];
    begin = ends[i];
  }
  if (value == nullptr) return {};
  const bool is_full = checksum.type == StoredChecksum::Type::FullObject;
  return {{"x-amz-checksum-" + checksum.algorithm, *value},
          {"x-amz-checksum-type", is_full ? "FULL_OBJECT" : "COMPOSITE"}};
}

}  // namespace skipjack::s3sim
