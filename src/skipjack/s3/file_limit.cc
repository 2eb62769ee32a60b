#include "skipjack/s3/file_limit.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace skipjack::s3 {

std::string lack_of_files(int error) {
  if (error != EMFILE && error != ENFILE) return {};
  std::string why = std::strerror(error);
  rlimit files{};
  if (error == EMFILE && ::getrlimit(RLIMIT_NOFILE, &files) == 0)
    why += ", the limit of this process is " + std::to_string(files.rlim_cur);
  return why;
}

int error_of_one_more_file(int descriptor) {
  const int probe = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (probe < 0) return errno;
  ::close(probe);
  return 0;
}

}  // namespace skipjack::s3
