#include "fsync_log.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <utility>

namespace skipjack::s3 {
namespace {

std::mutex mutex;
std::vector<Synced> all_synced;
std::atomic<int> folder_error = 0;

}  // namespace

std::vector<Synced> take_synced() {
  const std::lock_guard lock(mutex);
  return std::exchange(all_synced, {});
}

bool is_file(const Synced& synced, const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && status.st_dev == synced.device &&
         status.st_ino == synced.inode;
}

FailingFolderSync::FailingFolderSync(int error_number) { folder_error = error_number; }
FailingFolderSync::~FailingFolderSync() { folder_error = 0; }

extern "C" int fsync(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return -1;
  const std::string name =
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file)).string();
  {
    const std::lock_guard lock(mutex);
    all_synced.push_back({name, status.st_dev, status.st_ino});
  }
  if (S_ISDIR(status.st_mode) && folder_error != 0) {
    errno = folder_error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, file));
}

}  // namespace skipjack::s3
