// The end is told by a pidfd, not by the end of the output: a program's own children may hold the
// pipe for longer. Peak memory and CPU come from wait4(2).
#include "skipjack/s3tune/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "skipjack/base/descriptor.h"
#include "skipjack/base/error.h"
#include "skipjack/base/spawn.h"

namespace skipjack::s3tune {
namespace {

constexpr std::size_t kMostOutput = 64 * 1024;

/// Takes what is there now. False at the end of the output.
bool read_some(int pipe, std::string& output) {
  for (char buffer[16 * 1024];;) {
    const ssize_t count = ::read(pipe, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 && errno == EAGAIN;
    output.append(buffer, static_cast<std::size_t>(count));
    if (output.size() > kMostOutput) output.erase(0, output.size() - kMostOutput);
  }
}

/// Until the child has ended. False if its time is over before.
bool wait_for_end(int child, int pipe, std::optional<Duration> end, std::string& output) {
  bool is_open = true;
  for (;;) {
    int timeout = -1;
    if (end) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*end - system_clock().now()).count();
      if (left <= 0) return false;
      timeout = static_cast<int>(std::min<std::int64_t>(left, 1'000'000));
    }
    ::pollfd waiting[] = {{child, POLLIN, 0}, {is_open ? pipe : -1, POLLIN, 0}};
    if (::poll(waiting, 2, timeout) <= 0) continue;
    if (waiting[1].revents != 0) is_open = read_some(pipe, output);
    if (waiting[0].revents != 0) return true;
  }
}

double to_double(const ::timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

ChildResult run_child(const ChildOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error(errno, "cannot make a pipe");
  const Descriptor output(ends[0]);
  Descriptor theirs(ends[1]);
  if (::fcntl(output.get(), F_SETFL, O_NONBLOCK) != 0)
    throw errno_error(errno, "cannot set up a pipe");

  const Duration started = system_clock().now();
  ChildResult result;
  pid_t child = -1;
  try {
    child = spawn({.words = options.words,
                   .descriptors = {{theirs.get(), STDOUT_FILENO}, {theirs.get(), STDERR_FILENO}},
                   .closed = {STDIN_FILENO},
                   .apart = SpawnOptions::Apart::No,
                   .environment = options.environment,
                   .what = "it"});
  } catch (const Error& error) {
    return {.exit_code = 127, .output = error.what()};
  }
  theirs.close();
  bool ended = false;
  {
    const Descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    // It is not waited for before the end of this scope, so its number stays its own.
    const std::stop_callback on_stop(options.stop, [child] { ::kill(child, SIGTERM); });
    std::optional<Duration> end;
    if (options.time_limit) end = started + *options.time_limit;
    ended = handle.get() >= 0 && wait_for_end(handle.get(), output.get(), end, result.output);
    result.duration = system_clock().now() - started;
    if (!ended) ::kill(child, SIGKILL);
  }
  int status = 0;
  ::rusage used{};
  while (::wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
  }
  read_some(output.get(), result.output);
  if (options.stop.stop_requested())
    throw Error(ErrorCode::Cancelled, options.words[0] + " was asked to end");
  if (!ended)
    throw Error(ErrorCode::Timeout, options.words[0] + " did not end in time", "run it by hand");
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.cpu_seconds = to_double(used.ru_utime) + to_double(used.ru_stime);
  result.peak_memory_bytes = static_cast<std::int64_t>(used.ru_maxrss) * 1024;
  return result;
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of("\n\r ");
  if (end == std::string::npos) return "no output";
  const std::size_t begin = text.find_last_of('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

}  // namespace skipjack::s3tune
