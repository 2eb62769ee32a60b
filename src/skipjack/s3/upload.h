// One upload: a single PUT, or parts over many connections that become one object at the end. The
// bytes of a part are read once and kept until S3 has them, so that it can be sent again. Whatever
// ends a multipart upload before its time, it is aborted: parts left behind would be paid for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include "skipjack/s3/client.h"
#include "skipjack/s3/requester.h"
#include "skipjack/s3/task.h"

namespace skipjack::s3 {

struct FromFile {
  std::filesystem::path path;
};
struct FromMemory {
  std::string_view bytes;  ///< must outlive the upload.
};
/// A stream whose end shows when it comes. Parts of one size, so at most 10,000 times
/// multipart_chunksize.
struct FromStream {
  /// Fills the space from its beginning; less than all of it only at the end. May wait: what is on
  /// its way goes on. Called by a thread of its own (the calling one for the first part, and always
  /// with use_threads = false), never by two; the upload does not end before it has returned.
  std::function<std::size_t(std::span<std::byte>)> read;
};
using UploadSource = std::variant<FromFile, FromMemory, FromStream>;

struct UploadOptions {
  ObjectAddress object{};
  UploadSource source = FromMemory{};
  std::string content_type = "binary/octet-stream";
  /// Without the "x-amz-meta-" that their headers have; printable ASCII.
  std::map<std::string, std::string> metadata{};
  ObjectAccess access{};
  /// io_chunksize and max_io_queue have no meaning here; num_download_attempts counts for uploads
  /// too. max_bandwidth holds on average: a part, or an object in one PUT, is sent at once, and the
  /// next one begins when it is paid for.
  TransferConfig config{};
  /// Bytes that S3 has confirmed. Called by the calling thread.
  std::function<void(std::int64_t bytes_done, std::optional<std::int64_t> total)> progress{};
  /// Ends the upload with Error Cancelled once what it began is aborted. An upload whose parts are
  /// being joined comes to its end.
  std::stop_token stop{};
};

struct UploadResult {
  std::int64_t bytes = 0;
  Duration duration{0};
  std::int64_t num_parts = 1;
  std::int64_t part_bytes = 0;
  std::int64_t max_concurrency = 1;
  std::int64_t num_requests = 0;
  std::string etag;  ///< quotes included.
  std::string version_id;
};

class UploadTask : public Task {
 public:
  /// No part more is sent; what was begun is aborted, and advance() then throws Cancelled. Where
  /// the end is near, it comes.
  virtual void cancel() = 0;
  /// That S3 has confirmed so far.
  virtual std::int64_t bytes_done() const = 0;
  /// Once, after advance() has said true.
  virtual UploadResult finish() = 0;
};

/// Starts it. requester and options must outlive it.
std::unique_ptr<UploadTask> start_upload(Requester& requester, const UploadOptions& options,
                                         TokenBucket* bandwidth);

/// Throws what Client's calls throw, and what reading the source throws.
UploadResult run_upload(Requester& requester, const UploadOptions& options);

}  // namespace skipjack::s3
