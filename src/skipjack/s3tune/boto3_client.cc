// One short child process; its answer is bounded in size and time.
#include "skipjack/s3tune/boto3_client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/base/error.h"
#include "skipjack/base/json.h"

namespace skipjack::s3tune {
namespace {

constexpr Duration kCheckTimeout = std::chrono::seconds(60);
constexpr std::size_t kMostOutput = 64 * 1024;

struct ChildResult {
  int exit_code = -1;
  std::string output;
};

/// Runs a program found in PATH with standard output and error together in `output`.
ChildResult run_child(const std::vector<std::string>& command) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) throw errno_error(errno, "cannot make a pipe");
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::dup2(pipe_ends[1], STDERR_FILENO);
    ::execvp(arguments[0], arguments.data());
    const char* reason = std::strerror(errno);
    const ssize_t ignored = ::write(STDOUT_FILENO, reason, std::strlen(reason));
    ::_exit(ignored < 0 ? 126 : 127);
  }
  const int fork_error = errno;
  ::close(pipe_ends[1]);
  if (child < 0) {
    ::close(pipe_ends[0]);
    throw errno_error(fork_error, "cannot start " + command[0]);
  }
  ChildResult result;
  const Duration end = system_clock().now() + kCheckTimeout;
  bool timed_out = false;
  for (char buffer[4096];;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - system_clock().now());
    pollfd waiting{pipe_ends[0], POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&waiting, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    timed_out = ready == 0;
    if (ready <= 0) break;
    const ssize_t count = ::read(pipe_ends[0], buffer, sizeof buffer);
    if (count <= 0) break;
    if (result.output.size() < kMostOutput)
      result.output.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(pipe_ends[0]);
  if (timed_out) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  if (timed_out) result.output = "no answer within 60 s";
  return result;
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of("\n\r ");
  if (end == std::string::npos) return "no output";
  const std::size_t begin = text.find_last_of('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

}  // namespace

std::filesystem::path boto3_trial_script(const std::filesystem::path& program) {
  const std::filesystem::path name = "boto3_trial.py";
  for (const std::filesystem::path& candidate :
       {program.parent_path() / ".." / "share" / "skipjack" / name,
        std::filesystem::path(SKIPJACK_DATA_DIR) / name,
        std::filesystem::path(SKIPJACK_S3TUNE_SOURCE_DIR) / name}) {
    std::error_code error;
    if (std::filesystem::exists(candidate, error))
      return std::filesystem::weakly_canonical(candidate);
  }
  throw Error(ErrorCode::NotFound,
              "boto3_trial.py is not there: looked beside " + program.string() + " and in " +
                  SKIPJACK_DATA_DIR,
              "install skipjack with its share/skipjack folder");
}

Boto3 find_boto3(const std::string& python, const std::filesystem::path& program) {
  const std::filesystem::path script = boto3_trial_script(program);
  const ChildResult check = run_child({python, script.string(), "--check"});
  const auto answer = check.exit_code == 0 ? try_parse_json(check.output) : std::nullopt;
  if (!answer || !answer->find("boto3"))
    throw Error(ErrorCode::NotFound,
                "no boto3 under the interpreter '" + python + "': " + last_line(check.output),
                "name one that has it with --python, or make one: python3 -m venv DIR && "
                "DIR/bin/pip install boto3");
  return {.script = script,
          .python = python,
          .boto3_version = answer->at("boto3").as_string(),
          .python_version = answer->at("python").as_string()};
}

}  // namespace skipjack::s3tune
