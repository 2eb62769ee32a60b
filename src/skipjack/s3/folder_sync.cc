#include "skipjack/s3/folder_sync.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack::s3 {

void sync_folder(int folder, const std::filesystem::path& what) {
  if (::fsync(folder) == 0 || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return;
  throw errno_error(errno, "can't bring the names in " + what.string() + " onto the disk");
}

SyncedFolder::SyncedFolder(std::filesystem::path path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

SyncedFolder::~SyncedFolder() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace skipjack::s3
