#include "skipjack/s3/own_file.h"

#include <sys/stat.h>
#include <unistd.h>

namespace skipjack::s3 {

bool is_own_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 &&
         status.st_uid == ::geteuid();
}

Error foreign_file_error(const std::filesystem::path& path) {
  return Error(ErrorCode::PermissionDenied, path.string() + " is not a file of this user's alone",
               "remove it, or download to another file");
}

}  // namespace skipjack::s3
