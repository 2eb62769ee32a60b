// Where the bytes of an upload come from, read piece after piece.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "skipjack/s3/upload.h"

namespace skipjack::s3 {

class UploadReader {
 public:
  virtual ~UploadReader() = default;
  /// nullopt if only the end tells.
  virtual std::optional<std::int64_t> size() const = 0;
  /// The next bytes, that many unless the end is near; of a file not more than it had when it was
  /// opened. Throws Error: Io, for a file that has become shorter too; Corrupted, at the end, for
  /// one that was changed meanwhile; Cancelled, for a pipe that was waited for when it was stopped.
  virtual std::string read(std::int64_t size) = 0;
};
/// stop ends the wait for a pipe or a device within a tenth of a second. Throws Error: NotFound,
/// PermissionDenied, InvalidArgument (a folder), Io.
std::unique_ptr<UploadReader> open_source(const UploadSource& source, std::stop_token stop);

/// Has pieces of a source that may keep one waiting read by a thread of its own. The source must
/// outlive it; its destructor waits for the read in progress.
class PieceReader {
 public:
  /// on_read: called by that thread when next() has something.
  PieceReader(UploadReader& source, std::function<void()> on_read)
      : source_(source), on_read_(std::move(on_read)) {}
  /// The next piece once it is there; the first call for each begins to read it. Throws what
  /// reading it threw.
  std::optional<std::string> next(std::int64_t size);

 private:
  UploadReader& source_;
  const std::function<void()> on_read_;
  std::mutex mutex_;
  bool is_reading_ = false;
  std::optional<std::string> piece_;
  std::exception_ptr failure_;
  std::jthread thread_;
};

}  // namespace skipjack::s3
