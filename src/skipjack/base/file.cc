#include "skipjack/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

/// Closes a file descriptor at the end of its scope.
struct OpenFile {
  int fd;
  ~OpenFile() {
    if (fd >= 0) ::close(fd);
  }
};

/// False with errno set.
bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      return false;
  }
  return true;
}

/// A device, a pipe, a socket: what is written to and never replaced.
bool is_special(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  return std::filesystem::exists(status) && std::filesystem::is_other(status);
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  const OpenFile file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) throw errno_error(errno, "can't open " + path.string());
  std::string bytes;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(file.fd, buffer, sizeof buffer);
    if (n > 0) {
      bytes.append(buffer, static_cast<std::size_t>(n));
    } else if (n == 0) {
      return bytes;
    } else if (errno != EINTR) {
      throw errno_error(errno, "can't read " + path.string());
    }
  }
}

void write_file_atomically(const std::filesystem::path& given, std::string_view bytes,
                           FileMode mode) {
  if (is_special(given)) {
    OpenFile file{::open(given.c_str(), O_WRONLY | O_CLOEXEC)};
    if (file.fd < 0) throw errno_error(errno, "can't open " + given.string());
    if (!write_all(file.fd, bytes)) throw errno_error(errno, "can't write " + given.string());
    return;
  }
  // A link stays a link: what it leads to is replaced.
  std::error_code not_there;
  const std::filesystem::path target = std::filesystem::canonical(given, not_there);
  const std::filesystem::path& path = not_there ? given : target;
  static std::atomic<unsigned> counter{0};
  const std::string temporary =
      path.string() + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++);
  const auto fail = [&](const char* what) {
    const int error_number = errno;
    ::unlink(temporary.c_str());
    throw errno_error(error_number, std::string(what) + given.string());
  };
  OpenFile file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                       mode == FileMode::Private ? 0600 : 0666)};
  if (file.fd < 0) fail("can't create ");
  if (!write_all(file.fd, bytes)) fail("can't write ");
  const int fd = std::exchange(file.fd, -1);
  if (::close(fd) != 0) fail("can't write ");
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail("can't replace ");
}

}  // namespace skipjack
