// Many files in one call. Small ones are one PUT each, many at a time; large ones go in parts, one
// after the other. One thread, memory bounded over all of it.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "skipjack/s3/download_many.h"
#include "skipjack/s3/upload.h"

namespace skipjack::s3 {

struct FileToUpload {
  std::filesystem::path path;
  ObjectAddress object{};
};

struct UploadManyOptions {
  std::vector<FileToUpload> files{};
  /// Empty: S3's own.
  std::string content_type = "binary/octet-stream";
  std::map<std::string, std::string> metadata{};
  ObjectAccess access{};
  /// max_concurrency bounds small files on their way, and the parts of a large one. Unset: 32 small
  /// ones.
  TransferConfig config{};
  /// In the order in which they end; not of those that a stop takes back. By the calling thread.
  std::function<void(const ObjectEnd&)> on_end{};
  std::function<void(const ManyCounts&)> progress{};
  Duration progress_interval = std::chrono::milliseconds(100);
  std::stop_token stop{};
};

/// What goes wrong with one file is told to on_end and counted, and the others go on. A stop is
/// thrown (Cancelled) once uploads in parts are aborted.
ManyCounts run_upload_many(Requester& requester, const UploadManyOptions& options);

}  // namespace skipjack::s3
