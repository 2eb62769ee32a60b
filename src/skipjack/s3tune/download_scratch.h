// Where a measured download goes: a folder for what it writes, on a file system without dirty
// pages, and what came, as one number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace skipjack::s3tune {

/// A folder of an unpredictable name, removed with what is in it.
class DownloadScratch {
 public:
  explicit DownloadScratch(const std::filesystem::path& parent);
  ~DownloadScratch();
  DownloadScratch(const DownloadScratch&) = delete;
  DownloadScratch& operator=(const DownloadScratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Waits until the folder's file system has written what is dirty, so that no download pays for the
/// one before. Throws what errno_error makes of the reason.
void flush_file_system(const std::filesystem::path& folder);

/// What was written: bytes and number of files, and "crc32-1b2c3d4e" over the bytes of a file, or
/// over name, NUL and bytes of each file below a folder, by name.
struct Content {
  std::int64_t bytes = 0;
  std::int64_t num_files = 0;
  std::string digest{};
};
/// Digest::None leaves the digest empty and reads no file.
enum class Digest { None, Crc32 };
/// Throws Error (Io, NotFound, PermissionDenied).
Content content_of(const std::filesystem::path& path, Digest digest);

}  // namespace skipjack::s3tune
