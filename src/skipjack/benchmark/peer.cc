#include "skipjack/benchmark/peer.h"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <set>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"

namespace skipjack::benchmark {
namespace {

/// Longer answers are none.
constexpr std::size_t kMaxLine = 1 << 20;
/// Of an answer, in errors.
constexpr std::size_t kShownOfLine = 200;

/// A program with a socket for its standard input and output.
class Program {
 public:
  explicit Program(const std::string& command) : command_(command) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw errno_error(errno, "can't make a socket for '" + command + "'");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    // In the shell's place, so that what is killed is the program.
    std::string shell = "/bin/sh", option = "-c", text = "exec " + command;
    char* arguments[] = {shell.data(), option.data(), text.data(), nullptr};
    const int error = ::posix_spawn(&pid_, shell.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    link_ = ends[0];
    if (error == 0) return;
    ::close(link_);
    throw errno_error(error, "can't start '" + command + "'");
  }
  ~Program() {
    ::close(link_);
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void write(const Json& message) {
    const std::string line = to_json_text(message) + "\n";
    for (std::size_t sent = 0; sent < line.size();) {
      const ssize_t size = ::send(link_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) ended();
      sent += static_cast<std::size_t>(size);
    }
  }

  std::string read_line() {
    for (;;) {
      if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
        std::string line = unread_.substr(0, end);
        unread_.erase(0, end + 1);
        return line;
      }
      if (unread_.size() > kMaxLine)
        throw Error(ErrorCode::InvalidArgument,
                    "'" + command_ + "' answered with more than 1 MiB and no end of line");
      char bytes[4096];
      const ssize_t size = ::recv(link_, bytes, sizeof bytes, 0);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) ended();
      unread_.append(bytes, static_cast<std::size_t>(size));
    }
  }

 private:
  [[noreturn]] void ended() const {
    throw Error(ErrorCode::Io, "'" + command_ + "' ended instead of answering",
                "run it by hand; its standard error is shown above");
  }

  std::string command_;
  ::pid_t pid_ = 0;
  int link_ = -1;
  std::string unread_;
};

class PeerSearch final : public Searcher {
 public:
  explicit PeerSearch(PeerOptions options)
      : options_(std::move(options)), program_(options_.command) {
    Json begin;
    begin.set("space", options_.space.to_json());
    begin.set("metric", options_.metric.name);
    begin.set("mode", options_.metric.mode == Mode::Min ? "min" : "max");
    begin.set("seed", static_cast<std::int64_t>(options_.seed));
    program_.write(begin);
  }

  Suggestion suggest(const History& history, const SuggestContext&) override {
    Json question;
    question.set("ask", static_cast<std::int64_t>(history.trials().size()));
    question.set("ended", newly_ended(history));
    program_.write(question);
    const std::string line = program_.read_line();
    try {
      const Json answer = parse_json(line);
      const Json& configuration = answer.at("configuration");
      if (configuration.is_null()) return Exhausted{};
      return Proposal{.configuration = options_.space.complete(configuration)};
    } catch (const Error& error) {
      throw Error(ErrorCode::InvalidArgument, "'" + options_.command + "' answered '" +
                                                  line.substr(0, kShownOfLine) +
                                                  "': " + error.what());
    }
  }

 private:
  /// Trials that have ended since the last question, in order of their numbers.
  Json newly_ended(const History& history) {
    Json::Array ended;
    for (const Trial& trial : history.trials()) {
      if (trial.status == TrialStatus::Running || !told_.insert(trial.id).second) continue;
      const auto value = trial.status == TrialStatus::Failed
                             ? std::nullopt
                             : last_value(trial, options_.metric.name);
      ended.push_back(
          Json(Json::Object{{"trial", trial.id}, {"value", value ? Json(*value) : Json()}}));
    }
    return Json(std::move(ended));
  }

  PeerOptions options_;
  Program program_;
  std::set<TrialId> told_;
};

}  // namespace

std::unique_ptr<Searcher> make_peer_search(PeerOptions options) {
  return std::make_unique<PeerSearch>(std::move(options));
}

}  // namespace skipjack::benchmark
