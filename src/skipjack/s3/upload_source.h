// Where the bytes of an upload come from, read piece after piece.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "skipjack/s3/upload.h"

namespace skipjack::s3 {

class UploadReader {
 public:
  virtual ~UploadReader() = default;
  /// nullopt if only the end tells.
  virtual std::optional<std::int64_t> size() const = 0;
  /// The next bytes, that many unless the end is near; of a file not more than it had when it was
  /// opened. Throws Error: Io, for a file that has become shorter too; Corrupted, at the end, for
  /// one that was changed meanwhile.
  virtual std::string read(std::int64_t size) = 0;
};
/// Throws Error: NotFound, PermissionDenied, InvalidArgument (a folder), Io.
std::unique_ptr<UploadReader> open_source(const UploadSource& source);

}  // namespace skipjack::s3
