#include "skipjack/s3sim/multipart.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <pugixml.hpp>
#include <vector>

#include "skipjack/s3sim/digest.h"

namespace skipjack::s3sim {
namespace {

constexpr std::int64_t kSmallestPart = std::int64_t{5} << 20;
constexpr std::int64_t kMostParts = 10000;
constexpr std::size_t kMostUploads = 1000;

Refusal no_upload() {
  return {.status = 404,
          .code = "NoSuchUpload",
          .message =
              "The specified upload does not exist. The upload ID may be invalid, or the "
              "upload may have been aborted or completed."};
}

Refusal invalid_part() {
  return {.status = 400,
          .code = "InvalidPart",
          .message = "One or more of the specified parts could not be found."};
}

std::string_view unquoted(std::string_view etag) {
  return etag.size() >= 2 && etag.front() == '"' && etag.back() == '"'
             ? etag.substr(1, etag.size() - 2)
             : etag;
}

/// The bytes of an MD5 written in hexadecimal between quotes.
std::string md5_bytes(std::string_view etag) {
  std::string bytes;
  etag = unquoted(etag);
  for (std::size_t i = 0; i + 1 < etag.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(etag.substr(i, 2)), nullptr, 16));
  return bytes;
}

bool is_equal_without_case(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

/// The checksum of a file of so many bytes, in parts that end there; nullopt without memory for it.
std::optional<StoredChecksum> checksum_of_file(int fd, std::string_view algorithm,
                                               const std::vector<std::int64_t>& ends) {
  const auto size = static_cast<std::size_t>(ends.back());
  if (size == 0) return checksum_of_parts(algorithm, {}, ends);
  void* const bytes = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED) return std::nullopt;
  auto checksum = checksum_of_parts(algorithm, {static_cast<const char*>(bytes), size}, ends);
  ::munmap(bytes, size);
  return checksum;
}

bool copy_into(int fd, std::int64_t offset, const Blob& blob) {
  std::vector<char> buffer(std::size_t{1} << 20);
  for (std::int64_t done = 0; done < blob.size;) {
    const char* from = blob.text.data() + done;
    auto size = static_cast<ssize_t>(
        std::min<std::int64_t>(blob.size - done, static_cast<std::int64_t>(buffer.size())));
    if (blob.fd >= 0) {
      size = ::pread(blob.fd, buffer.data(), static_cast<std::size_t>(size), done);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return false;
      from = buffer.data();
    }
    for (ssize_t written = 0; written < size;) {
      const ssize_t n = ::pwrite(fd, from + written, static_cast<std::size_t>(size - written),
                                 offset + done + written);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      written += n;
    }
    done += size;
  }
  return true;
}

}  // namespace

std::optional<std::int64_t> part_number(std::string_view text) {
  const auto number = parse_decimal(text);
  if (!number || *number < 1 || *number > kMostParts) return std::nullopt;
  return number;
}

MultipartUploads::~MultipartUploads() {
  while (!open_.empty()) drop(open_.begin());
}

void MultipartUploads::drop(std::map<std::string, Open>::iterator upload) {
  for (const auto& [number, part] : upload->second.parts) store_.release(part.blob->charged_bytes);
  open_.erase(upload);
}

std::string MultipartUploads::begin(const std::string& bucket, const std::string& key,
                                    const Request& request) {
  // The oldest goes: nobody comes back for an upload after a thousand others.
  if (open_.size() == kMostUploads) drop(open_.begin());
  std::array<char, 32> id{};
  std::snprintf(id.data(), id.size(), "upload-%016lld", static_cast<long long>(++num_begun_));
  Open& upload = open_[id.data()];
  upload.bucket = bucket;
  upload.key = key;
  const std::string* type = request.header("content-type");
  upload.content_type = type != nullptr ? *type : "binary/octet-stream";
  if (const std::string* named = request.header("x-amz-checksum-algorithm"))
    for (const std::string_view algorithm : {"crc32", "crc32c", "sha1", "sha256"})
      if (is_equal_without_case(*named, algorithm)) upload.checksum_algorithm = algorithm;
  for (const auto& [name, value] : request.headers)
    if (name.starts_with("x-amz-meta-")) upload.metadata.emplace_back(name, value);
  return id.data();
}

std::optional<Refusal> MultipartUploads::check(const Name& name) const {
  const auto upload = open_.find(name.upload_id);
  if (upload == open_.end() || upload->second.bucket != name.bucket ||
      upload->second.key != name.key)
    return no_upload();
  return std::nullopt;
}

std::optional<Refusal> MultipartUploads::add_part(const Name& name, std::int64_t number,
                                                  ObjectVersion part) {
  if (auto refusal = check(name)) return refusal;
  auto& parts = open_.at(name.upload_id).parts;
  if (const auto old = parts.find(number); old != parts.end())
    store_.release(old->second.blob->charged_bytes);
  parts.insert_or_assign(number, std::move(part));
  return std::nullopt;
}

std::variant<ObjectVersion, Refusal> MultipartUploads::complete(const Name& name,
                                                                std::string_view xml,
                                                                const Fields& checksums,
                                                                std::int64_t last_modified) {
  if (auto refusal = check(name)) return *refusal;
  const auto upload = open_.find(name.upload_id);
  pugi::xml_document document;
  document.load_buffer(xml.data(), xml.size());
  std::vector<const ObjectVersion*> parts;
  std::int64_t last_number = 0, size = 0;
  for (const pugi::xml_node node : document.child("CompleteMultipartUpload").children("Part")) {
    const auto number = part_number(node.child_value("PartNumber"));
    if (!number) return invalid_part();
    if (*number <= last_number)
      return Refusal{.status = 400,
                     .code = "InvalidPartOrder",
                     .message = "The list of parts was not in ascending order."};
    last_number = *number;
    const auto part = upload->second.parts.find(*number);
    if (part == upload->second.parts.end() ||
        unquoted(node.child_value("ETag")) != unquoted(part->second.etag))
      return invalid_part();
    if (!parts.empty() && parts.back()->size < kSmallestPart)
      return Refusal{.status = 400,
                     .code = "EntityTooSmall",
                     .message = "Your proposed upload is smaller than the minimum allowed size"};
    parts.push_back(&part->second);
    size += part->second.size;
  }
  if (parts.empty())
    return Refusal{.status = 400,
                   .code = "MalformedXML",
                   .message = "The XML you provided was not well-formed or did not validate."};

  auto blob = std::make_shared<Blob>();
  blob->owned = Descriptor(::memfd_create("skipjack-object", MFD_CLOEXEC));
  blob->fd = blob->owned.get();
  blob->size = blob->period = size;
  std::string digests;
  std::vector<std::int64_t> ends;
  std::int64_t offset = 0;
  bool is_whole = blob->fd >= 0;
  for (const ObjectVersion* part : parts) {
    is_whole = is_whole && copy_into(blob->fd, offset, *part->blob);
    offset += part->size;
    ends.push_back(offset);
    blob->charged_bytes += part->blob->charged_bytes;
    digests += md5_bytes(part->etag);
  }
  auto checksum =
      is_whole ? checksum_of_file(blob->fd, upload->second.checksum_algorithm, ends) : std::nullopt;
  if (!checksum)
    return Refusal{.status = 500, .code = "InternalError", .message = "No memory for the object."};
  for (const auto& [header, value] : checksums)
    if (header == "x-amz-checksum-" + checksum->algorithm && value != checksum->value)
      return Refusal{.status = 400,
                     .code = "BadDigest",
                     .message = "The " + header + " you specified did not match the object."};
  ObjectVersion object{.blob = blob,
                       .size = size,
                       .etag = "\"" + hex_text(digest_of("md5", digests)) + "-" +
                               std::to_string(parts.size()) + "\"",
                       .last_modified = last_modified,
                       .content_type = upload->second.content_type,
                       .metadata = std::move(upload->second.metadata),
                       .checksum = std::move(checksum),
                       .part_ends = std::move(ends)};
  // What was not listed is dropped; what was is the object's now.
  for (const auto& [number, part] : upload->second.parts)
    if (std::find(parts.begin(), parts.end(), &part) == parts.end())
      store_.release(part.blob->charged_bytes);
  open_.erase(upload);
  return object;
}

std::optional<Refusal> MultipartUploads::abort(const Name& name) {
  if (auto refusal = check(name)) return refusal;
  drop(open_.find(name.upload_id));
  return std::nullopt;
}

}  // namespace skipjack::s3sim
