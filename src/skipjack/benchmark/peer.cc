#include "skipjack/benchmark/peer.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <set>
#include <utility>

#include "skipjack/base/descriptor.h"
#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/base/spawn.h"

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
    link_ = Descriptor(ends[0]);
    const Descriptor theirs(ends[1]);
    // In the shell's place, so that what is killed is the program.
    pid_ = spawn({.words = {"/bin/sh", "-c", "exec " + command},
                  .descriptors = {{ends[1], STDIN_FILENO}, {ends[1], STDOUT_FILENO}},
                  .apart = SpawnOptions::Apart::No,
                  .what = "'" + command + "'"});
  }
  ~Program() {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void write(const Json& message) {
    const std::string line = to_json_text(message) + "\n";
    for (std::size_t sent = 0; sent < line.size();) {
      const ssize_t size =
          ::send(link_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
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
      const ssize_t size = ::recv(link_.get(), bytes, sizeof bytes, 0);
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
  Descriptor link_;
  std::string unread_;
};

Json greeting(const PeerOptions& options) {
  Json begin;
  begin.set("space", options.space.to_json());
  begin.set("metric", options.metric.name);
  begin.set("mode", options.metric.mode == Mode::Min ? "min" : "max");
  begin.set("seed", static_cast<std::int64_t>(options.seed));
  return begin;
}

[[noreturn]] void refuse_answer(const PeerOptions& options, const std::string& line,
                                const std::string& why) {
  throw Error(ErrorCode::InvalidArgument,
              "'" + options.command + "' answered '" + line.substr(0, kShownOfLine) + "': " + why);
}

class PeerSearch final : public Searcher {
 public:
  explicit PeerSearch(PeerOptions options)
      : options_(std::move(options)), program_(options_.command) {
    program_.write(greeting(options_));
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
      refuse_answer(options_, line, error.what());
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

/// Events become lines of told_; the answer to them becomes commands.
class PeerScheduler final : public Scheduler {
 public:
  PeerScheduler(PeerOptions options, Resource resource)
      : options_(std::move(options)), resource_(std::move(resource)), program_(options_.command) {
    Json begin = greeting(options_);
    begin.set("resource", Json::Object{{"name", resource_.name}, {"max", resource_.max}});
    program_.write(begin);
  }

  void apply(const Event& event, const History&) override {
    if (const auto* reported = std::get_if<Reported>(&event.body)) {
      told_.emplace_back(Json::Object{{"trial", reported->id.trial},
                                      {"resource", reported->metrics.at(resource_.name)},
                                      {"value", reported->metrics.at(options_.metric.name)}});
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      told_.emplace_back(
          Json::Object{{"trial", ended->id.trial}, {"ended", to_string(ended->end.outcome)}});
      pausing_.erase(ended->id.trial);
    } else if (const auto* pause = std::get_if<PauseOrdered>(&event.body)) {
      pausing_.insert(pause->trial);
    }
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    std::vector<Command> commands;
    if (!told_.empty()) {
      ask(Json::Object{{"told", std::exchange(told_, {})}},
          [&](const Json& answer) { take_decisions(answer, view.history, commands); });
      if (!commands.empty()) return commands;
    }
    // What is being paused may be what it would resume.
    if (view.free_workers <= 0 || !pausing_.empty()) return {};
    ask(Json::Object{{"ask", static_cast<std::int64_t>(view.history.trials().size())}},
        [&](const Json& answer) { commands.push_back(next(answer, view.history)); });
    return commands;
  }

 private:
  template <class Take>
  void ask(const Json& question, Take take) {
    program_.write(question);
    const std::string line = program_.read_line();
    try {
      take(parse_json(line));
    } catch (const Error& error) {
      refuse_answer(options_, line, error.what());
    }
  }

  static TrialId known_trial(const Json& trial, const History& history) {
    if (!history.find(trial.as_int()))
      throw Error(ErrorCode::InvalidArgument, "there is no trial " + to_json_text(trial));
    return trial.as_int();
  }

  /// A trial that has ended meanwhile can't be stopped, which is no mistake.
  static void take_decisions(const Json& answer, const History& history,
                             std::vector<Command>& commands) {
    for (const Json& decision : answer.at("decisions").as_array()) {
      const TrialId trial = known_trial(decision.at("trial"), history);
      const std::string& what = decision.at("do").as_string();
      const bool runs = history.find(trial)->status == TrialStatus::Running;
      if (what == "stop" && runs)
        commands.push_back(Stop{.trial = trial, .reason = "the peer said so"});
      else if (what == "pause" && runs)
        commands.push_back(Pause{trial});
      else if (what != "stop" && what != "pause")
        throw Error(ErrorCode::InvalidArgument, "'" + what + "' is neither stop nor pause");
    }
  }

  Command next(const Json& answer, const History& history) const {
    if (const Json* resumed = answer.find("resume")) {
      const TrialId trial = known_trial(*resumed, history);
      if (history.find(trial)->status == TrialStatus::Running)
        throw Error(ErrorCode::InvalidArgument, "trial " + std::to_string(trial) + " runs");
      return Resume{.trial = trial};
    }
    if (answer.find("wait")) return Wait{};
    const Json& configuration = answer.at("configuration");
    if (configuration.is_null()) return Finished{.reason = "search space exhausted"};
    Start start{.configuration = options_.space.complete(configuration)};
    if (const Json* from = answer.find("checkpoint_from"))
      start.checkpoint_from = known_trial(*from, history);
    return start;
  }

  PeerOptions options_;
  Resource resource_;
  Program program_;
  Json::Array told_;
  std::set<TrialId> pausing_;
};

}  // namespace

std::unique_ptr<Searcher> make_peer_search(PeerOptions options) {
  return std::make_unique<PeerSearch>(std::move(options));
}

std::unique_ptr<Scheduler> make_peer_scheduler(PeerOptions options, const Resource& resource) {
  return std::make_unique<PeerScheduler>(std::move(options), resource);
}

}  // namespace skipjack::benchmark
