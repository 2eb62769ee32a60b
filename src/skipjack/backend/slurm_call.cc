#include "skipjack/backend/slurm_call.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "skipjack/base/error.h"
#include "skipjack/base/spawn.h"

extern char** environ;

namespace skipjack {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// A row of squeue has some 100 bytes: enough for half a million jobs.
constexpr std::size_t kMostOutput = std::size_t{64} << 20;
constexpr std::size_t kMostErrors = std::size_t{64} << 10;

/// Reads until nothing is there; what is too much is dropped. Closed at its end, so that it is not
/// polled in vain.
void drain(Descriptor& pipe, std::string& text, std::size_t most) {
  char buffer[65536];
  while (pipe.get() >= 0) {
    const ssize_t n = ::read(pipe.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    if (n == 0) pipe = Descriptor();
    text.append(buffer, std::min(static_cast<std::size_t>(n), most - std::min(most, text.size())));
  }
}

std::vector<std::string> environment_for_slurm() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const bool is_of_a_job = text.starts_with("SLURM_") && !text.starts_with("SLURM_CONF=");
    // A person's defaults that would hide jobs, ask questions, or make something else of a job.
    const bool is_in_the_way = text.starts_with("SQUEUE_") || text.starts_with("SCANCEL_") ||
                               text.starts_with("SBATCH_WAIT=") ||
                               text.starts_with("SBATCH_ARRAY_INX=");
    if (!is_of_a_job && !is_in_the_way) variables.emplace_back(text);
  }
  return variables;
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error(errno, "can't make a pipe");
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
    ::fcntl(read.get(), F_SETFL, O_NONBLOCK);
  }
  Descriptor read, write;
};

}  // namespace

SlurmCall::SlurmCall(const std::vector<std::string>& command, Duration limit)
    : limit_(SteadyClock::now() + limit) {
  Pipe output, error;
  try {
    pid_ = spawn(
        {.words = command,
         .descriptors = {{output.write.get(), STDOUT_FILENO}, {error.write.get(), STDERR_FILENO}},
         .closed = {STDIN_FILENO},
         .apart = SpawnOptions::Apart::Session,
         .environment = environment_for_slurm(),
         .what = command.front()});
  } catch (const Error& failure) {
    if (failure.code() != ErrorCode::NotFound) throw;
    throw Error(ErrorCode::NotFound, "the program '" + command.front() + "' was not found in PATH",
                "run this where Slurm's commands are, such as on a login node");
  }
  process_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  output_ = std::move(output.read);
  error_ = std::move(error.read);
}

SlurmCall::~SlurmCall() {
  // Moved from, or waited for.
  if (process_.get() < 0 || pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::vector<pollfd> SlurmCall::polled() const {
  return {{process_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}, {error_.get(), POLLIN, 0}};
}

std::optional<CallResult> SlurmCall::advance() {
  if (SteadyClock::now() >= limit_) ::kill(pid_, SIGKILL);
  int status = 0;
  const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  // After asking whether it has ended, so that nothing is missed.
  drain(output_, result_.output, kMostOutput);
  drain(error_, result_.error_output, kMostErrors);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return std::nullopt;
  pid_ = 0;
  if (ended > 0 && WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
  return std::move(result_);
}

CallResult call_slurm(const std::vector<std::string>& command, Duration limit) {
  SlurmCall call(command, limit);
  for (;;) {
    if (std::optional<CallResult> result = call.advance()) return *std::move(result);
    std::vector<pollfd> polled = call.polled();
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(call.limit() - SteadyClock::now()).count();
    ::poll(polled.data(), polled.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000)));
  }
}

}  // namespace skipjack
