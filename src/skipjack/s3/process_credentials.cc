#include "skipjack/s3/process_credentials.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "skipjack/base/bytes.h"
#include "skipjack/base/descriptor.h"
#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/base/spawn.h"
#include "skipjack/s3/identity_call.h"

namespace skipjack::s3 {
namespace {

/// A process group of its own; killed whole and waited for at the end of its life here.
class Child {
 public:
  Child(const std::vector<std::string>& words, int output)
      : pid_(spawn({.words = words,
                    .descriptors = {{output, STDOUT_FILENO}},
                    .closed = {STDIN_FILENO},
                    .what = "the credential_process \"" + words[0] + "\""})) {}
  ~Child() {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The status of waitpid once it has ended; 0 if somebody else has waited for it.
  std::optional<int> ended() {
    int status = 0;
    const ::pid_t pid = ::waitpid(pid_, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) return std::nullopt;
    pid_ = -1;
    return status;
  }

 private:
  ::pid_t pid_ = -1;
};

/// Waits for the descriptor (or, with -1, for the time alone), at most so long.
void wait_for(int descriptor, int wake, Duration longest, const ProcessOptions& options,
              Duration end, const std::string& who) {
  const Duration left = std::min(longest, end - system_clock().now());
  ::pollfd files[] = {{descriptor, POLLIN, 0}, {wake, POLLIN, 0}};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  if (left > Duration(0)) ::poll(files, 2, static_cast<int>(milliseconds));
  if (options.stop.stop_requested())
    throw Error(ErrorCode::Cancelled, "the request for credentials was cancelled");
  if (left <= Duration(0))
    throw Error(ErrorCode::Timeout,
                who + " did not end within " + format_duration(options.time_limit),
                "run it by hand");
}

/// All that comes until everybody has closed the other end.
std::string read_output(int output, int wake, const ProcessOptions& options, Duration end,
                        const std::string& who) {
  std::string text;
  for (;;) {
    wait_for(output, wake, std::chrono::seconds(60), options, end, who);
    char buffer[4096];
    const ssize_t n = ::read(output, buffer, sizeof buffer);
    if (n == 0) return text;
    if (n < 0 && errno != EINTR && errno != EAGAIN)
      throw errno_error(errno, "can't read what " + who + " prints");
    if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > options.longest_output)
      throw Error(ErrorCode::Corrupted,
                  who + " prints more than " + std::to_string(options.longest_output) + " bytes",
                  "it must print one JSON object with the keys");
  }
}

}  // namespace

std::vector<std::string> split_command(std::string_view command) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    const bool has_next = i + 1 < command.size();
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
      if (word) words.push_back(std::move(*word));
      word.reset();
      continue;
    }
    if (!word) word.emplace();
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '\\' && has_next &&
               (quote == 0 ||
                (quote == '"' && (command[i + 1] == '"' || command[i + 1] == '\\')))) {
      *word += command[++i];
    } else {
      *word += c;
    }
  }
  if (quote != 0)
    throw Error(ErrorCode::InvalidArgument, "credential_process has a quote that is not closed");
  if (word) words.push_back(std::move(*word));
  if (words.empty()) throw Error(ErrorCode::InvalidArgument, "credential_process names no program");
  return words;
}

Credentials fetch_process_credentials(const ProcessOptions& options) {
  const std::vector<std::string> words = split_command(options.command);
  const std::string who = "the credential_process \"" + words[0] + "\"";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error(errno, "can't make a pipe");
  const Descriptor output(ends[0]);
  Descriptor theirs(ends[1]);
  // Ours alone: the program's end stays as programs expect it.
  if (::fcntl(output.get(), F_SETFL, O_NONBLOCK) != 0) throw errno_error(errno, "can't set a pipe");
  const Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake.get() < 0) throw errno_error(errno, "can't make an event");
  Child child(words, theirs.get());
  theirs.close();
  const std::stop_callback on_stop(options.stop, [&wake] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(wake.get(), &one, sizeof one);
  });
  const Duration end = system_clock().now() + options.time_limit;
  const std::string text = read_output(output.get(), wake.get(), options, end, who);
  // Its output is closed: it ends now, or the time limit ends it.
  std::optional<int> ended;
  for (ended = child.ended(); !ended; ended = child.ended())
    wait_for(-1, wake.get(), std::chrono::milliseconds(2), options, end, who);
  const int status = *ended;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error(
        ErrorCode::Io,
        who + (WIFEXITED(status) ? " failed with exit code " + std::to_string(WEXITSTATUS(status))
                                 : " was ended by signal " + std::to_string(WTERMSIG(status))),
        "run it by hand");
  const std::optional<Json> object = try_parse_json(text);
  const Json* version = object ? object->find("Version") : nullptr;
  if (version == nullptr || *version != Json(1))
    throw Error(ErrorCode::Corrupted, who + " prints no JSON object with \"Version\": 1",
                "see \"Sourcing credentials with an external process\" in the AWS CLI's guide");
  return credentials_of_json(text, who, "SessionToken");
}

}  // namespace skipjack::s3
