#include "skipjack/cli/standard_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "skipjack/base/error.h"

namespace skipjack::cli {
namespace {

/// Longest wait for the other side before the stop token is looked at.
constexpr int kLookMilliseconds = 50;

void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::Cancelled, "the transfer was cancelled");
}

/// Standard output. A pipe is opened anew, so that writing to it need not wait, and other processes
/// that have it don't notice.
class OutputPipe {
 public:
  OutputPipe() {
    struct ::stat status {};
    if (::fstat(STDOUT_FILENO, &status) == 0 && S_ISFIFO(status.st_mode))
      own_ = ::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  }
  ~OutputPipe() {
    if (own_ >= 0) ::close(own_);
  }
  OutputPipe(const OutputPipe&) = delete;
  OutputPipe& operator=(const OutputPipe&) = delete;

  void write(std::span<const std::byte> bytes, const std::stop_token& stop) const {
    const int fd = own_ >= 0 ? own_ : STDOUT_FILENO;
    while (!bytes.empty()) {
      throw_if_stopped(stop);
      const ssize_t n = ::write(fd, bytes.data(), bytes.size());
      if (n >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(n));
      } else if (errno == EAGAIN) {
        ::pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
        ::poll(&waiting, 1, kLookMilliseconds);
      } else if (errno == EPIPE) {
        ::signal(SIGPIPE, SIG_DFL);
        ::raise(SIGPIPE);
      } else if (errno != EINTR) {
        throw errno_error(errno, "cannot write to standard output");
      }
    }
  }

 private:
  int own_ = -1;
};

}  // namespace

s3::ToConsumer standard_output(std::stop_token stop) {
  const auto pipe = std::make_shared<const OutputPipe>();
  return {[pipe, stop = std::move(stop)](std::span<const std::byte> bytes) {
    pipe->write(bytes, stop);
  }};
}

s3::FromStream standard_input(std::stop_token stop) {
  return {[stop = std::move(stop)](std::span<std::byte> space) {
    std::size_t filled = 0;
    while (filled < space.size()) {
      throw_if_stopped(stop);
      ::pollfd waiting{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, kLookMilliseconds) <= 0) continue;
      const ssize_t n = ::read(STDIN_FILENO, space.data() + filled, space.size() - filled);
      if (n == 0) break;
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n < 0) throw errno_error(errno, "cannot read standard input");
      filled += static_cast<std::size_t>(n);
    }
    return filled;
  }};
}

}  // namespace skipjack::cli
