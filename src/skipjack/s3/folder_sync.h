// Names in a folder, brought onto the disk: a new or renamed file survives a loss of power only
// when the folder that names it has been written, too (fsync(2)).
#pragma once

#include <filesystem>

namespace skipjack::s3 {

/// Of an open folder; path is for the message. Where the file system can't sync folders this does
/// nothing: a name is as durable there as it gets. Throws Error (Io).
void sync_folder(int folder, const std::filesystem::path& path);

/// A folder that is opened before a name in it changes, so that nothing but the disk can fail
/// afterwards. One that this user can't open (write, but not read) is never synced.
class SyncedFolder {
 public:
  explicit SyncedFolder(std::filesystem::path path);
  ~SyncedFolder();
  SyncedFolder(const SyncedFolder&) = delete;
  SyncedFolder& operator=(const SyncedFolder&) = delete;

  void sync() const {
    if (fd_ >= 0) sync_folder(fd_, path_);
  }

 private:
  const std::filesystem::path path_;
  const int fd_;
};

}  // namespace skipjack::s3
