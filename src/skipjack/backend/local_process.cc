#include "skipjack/backend/local_process.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <system_error>

#include "skipjack/backend/processors.h"
#include "skipjack/backend/reasons.h"
#include "skipjack/backend/slots.h"
#include "skipjack/backend/supervise_protocol.h"
#include "skipjack/backend/supervisor_process.h"
#include "skipjack/backend/trial_program.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

/// Beyond the grace period: for SIGKILL to be heard, and for the supervisor to say so.
constexpr Duration kAfterGrace = std::chrono::milliseconds(1800);
constexpr std::uint64_t kWakeKey = 0;

void check_options(const LocalProcessOptions& options) {
  const auto require = [](bool good, const std::string& what, const char* try_this = "") {
    if (!good) throw Error(ErrorCode::InvalidArgument, what, try_this);
  };
  require(!options.entry_point.empty(), "entry_point is empty",
          "name the program that a trial runs");
  require(!options.folder.empty(), "folder is empty", "name the folder for the trials' files");
  require(options.capacity >= 1 && options.capacity <= 4096,
          "capacity = " + std::to_string(options.capacity) + " must be in [1, 4096]");
  require(options.grace_period >= Duration::zero() && options.grace_period <= std::chrono::hours(1),
          "grace_period = " + seconds_text(options.grace_period) + " must be in [0 s, 3600 s]");
  require(options.max_output_bytes >= 0,
          "max_output_bytes = " + std::to_string(options.max_output_bytes) + " must be >= 0");
  require(options.clock != nullptr, "clock is null");
  if (!options.gpus.empty()) {
    require(options.gpus_per_trial >= 1,
            "gpus_per_trial = " + std::to_string(options.gpus_per_trial) + " must be >= 1");
    require(static_cast<std::size_t>(options.capacity) *
                    static_cast<std::size_t>(options.gpus_per_trial) <=
                options.gpus.size(),
            "capacity = " + std::to_string(options.capacity) +
                " times gpus_per_trial = " + std::to_string(options.gpus_per_trial) +
                " must be at most the number of gpus, " + std::to_string(options.gpus.size()),
            "run fewer trials at a time");
  }
  require(options.cpu_sets.empty() ||
              options.cpu_sets.size() == static_cast<std::size_t>(options.capacity),
          "cpu_sets has " + std::to_string(options.cpu_sets.size()) +
              " sets and must have none or one for each of the " +
              std::to_string(options.capacity) + " slots");
  for (const std::vector<int>& cpus : options.cpu_sets)
    for (const int cpu : unusable_processors(cpus))
      require(false,
              "cpu " + std::to_string(cpu) + " in cpu_sets does not exist or may not be used here");
  for (const auto& [name, value] : options.environment)
    require(!name.empty() && name.find('=') == std::string::npos,
            "'" + name + "' can't be the name of an environment variable");
}

LocalProcessOptions resolved(LocalProcessOptions options) {
  check_options(options);
  options.folder = fs::absolute(options.folder).lexically_normal();
  options.working_directory =
      options.working_directory ? fs::absolute(*options.working_directory) : fs::current_path();
  if (std::error_code ignored; !fs::is_directory(*options.working_directory, ignored))
    throw Error(ErrorCode::NotFound, "working_directory '" + options.working_directory->string() +
                                         "' is no folder that exists");
  options.supervisor = find_supervisor(options.supervisor);
  return options;
}

/// A running attempt, from start() until its supervisor has ended.
struct Attempt {
  AttemptId id;
  SupervisorProcess supervisor;
  Slot slot;
  std::string mark;
  fs::path pid_path;
  std::string received;
  Duration time_limit{0};
  std::optional<EndAs> ending;
  bool reported = false;
  /// Its AttemptFinished is out; the supervisor has yet to go.
  bool finished = false;
};

/// Ends a supervisor that has no job, or whose job was not sent.
void discard(SupervisorProcess& supervisor) {
  if (supervisor.pid <= 0) return;
  ::kill(supervisor.pid, SIGKILL);
  while (::waitpid(supervisor.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  supervisor = {};
}

bool is_ready(const SupervisorProcess& supervisor) {
  char byte;
  return ::recv(supervisor.link.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK);
}

class LocalProcessBackend final : public Backend {
 public:
  explicit LocalProcessBackend(LocalProcessOptions options);
  ~LocalProcessBackend() override;

  void start(const StartRequest& request) override;
  void end(AttemptId id, EndAs as) override;
  std::vector<BackendEvent> wait(Duration timeout) override;
  void wake() override;
  int capacity() const override { return options_.capacity; }
  std::vector<AttemptId> reconcile(const std::vector<AttemptId>& attempts) override;
  void delete_checkpoint(TrialId trial) override;

 private:
  fs::path trial_folder(TrialId trial) const { return options_.folder / std::to_string(trial); }
  fs::path pid_path(AttemptId id) const {
    return trial_folder(id.trial) / ("attempt-" + std::to_string(id.attempt) + ".pid");
  }
  std::string mark(AttemptId id) const {
    return std::string(kMarkVariable) + "=" + trial_folder(id.trial).string() + "#" +
           std::to_string(id.attempt);
  }

  SuperviseJob make_job(const StartRequest& request, const Attempt& attempt) const;

  /// Waits for the system once. True if woken.
  bool take_events(Duration timeout);
  /// Reads what the supervisor says; removes the attempt when the supervisor is gone.
  void read_link(std::uint64_t key);
  void take_frame_of(Attempt& attempt, const Frame& frame);
  void finish(Attempt& attempt, AttemptEnd end);
  AttemptEnd end_of(const Attempt& attempt, const SuperviseEnd& end) const;
  void lose_supervisor(Attempt& attempt, int wait_status);

  LocalProcessOptions options_;
  const TrialProgram program_;
  Descriptor epoll_, wake_;
  std::map<std::uint64_t, Attempt> attempts_;
  std::uint64_t next_key_ = kWakeKey + 1;
  Slots slots_;
  std::optional<SupervisorProcess> spare_;
  std::vector<BackendEvent> events_;
  CheckpointCopies checkpoints_{options_.log};
};

LocalProcessBackend::LocalProcessBackend(LocalProcessOptions options)
    : options_(resolved(std::move(options))),
      program_(program_of(options_)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      slots_(options_.capacity, options_.gpus.size(), options_.gpus_per_trial) {
  check_program(program_);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeKey}};
  if (epoll_.get() < 0 || wake_.get() < 0 ||
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0)
    throw errno_error(errno, "can't make the means to wait for trials");
}

LocalProcessBackend::~LocalProcessBackend() {
  for (auto& [key, attempt] : attempts_) {
    attempt.ending = attempt.ending.value_or(EndAs::Stopped);
    const std::string frame = encode_frame(FrameType::End, {});
    ::send(attempt.supervisor.link.get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  const SteadyClock::time_point until = SteadyClock::now() + options_.grace_period + kAfterGrace;
  try {
    while (!attempts_.empty() && SteadyClock::now() < until) {
      take_events(until - SteadyClock::now());
      events_.clear();
    }
    std::vector<AttemptProcesses> left;
    for (const auto& [key, attempt] : attempts_)
      left.push_back({attempt.mark, identify(attempt.supervisor.pid),
                      read_pid_file(attempt.pid_path).program});
    if (!left.empty() && !remove_processes(left, Duration::zero()).empty())
      log(options_.log, LogLevel::Warning, "some processes of trials could not be ended");
  } catch (const std::exception& error) {
    log(options_.log, LogLevel::Warning, std::string("while ending the trials: ") + error.what());
  }
  for (const auto& [key, attempt] : attempts_) ::waitpid(attempt.supervisor.pid, nullptr, WNOHANG);
  if (spare_) discard(*spare_);
}

void LocalProcessBackend::start(const StartRequest& request) {
  check_program(program_);
  if (slots_.num_taken() >= options_.capacity)
    throw Error(ErrorCode::Exhausted, "no room for trial " + std::to_string(request.id.trial) +
                                          ": " + std::to_string(slots_.num_taken()) +
                                          " attempts run, capacity is " +
                                          std::to_string(options_.capacity));
  for (const auto& [key, other] : attempts_)
    if (other.id == request.id && !other.finished)
      throw Error(ErrorCode::InvalidArgument, "attempt " + std::to_string(request.id.attempt) +
                                                  " of trial " + std::to_string(request.id.trial) +
                                                  " runs already");

  const fs::path folder = trial_folder(request.id.trial);
  std::error_code error;
  if (fs::create_directories(folder, error); error)
    throw errno_error(error.value(), "can't make the folder " + folder.string());
  if (request.checkpoint_from)
    checkpoints_.copy(options_.folder, *request.checkpoint_from, request.id.trial);

  Attempt attempt{.id = request.id,
                  .supervisor = {},
                  .slot = {},
                  .mark = mark(request.id),
                  .pid_path = pid_path(request.id),
                  .received = {},
                  .time_limit = request.time_limit.value_or(Duration::zero()),
                  .ending = {}};
  attempt.slot = slots_.take();
  try {
    const SuperviseJob job = make_job(request, attempt);
    if (spare_ && !is_ready(*spare_)) {
      discard(*spare_);
      spare_.reset();
    }
    attempt.supervisor =
        spare_ ? *std::exchange(spare_, std::nullopt) : start_supervisor(*options_.supervisor);
    // Before the job: whoever finds this attempt in the journal must find its processes.
    write_pid_file(attempt.pid_path, attempt.supervisor.pid);
    const std::uint64_t key = next_key_++;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = key}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, attempt.supervisor.link.get(), &event) != 0)
      throw errno_error(errno, "can't wait for a trial");
    const std::string frame = encode_frame(FrameType::Job, encode(job));
    for (std::size_t sent = 0; sent < frame.size();) {
      const ssize_t n = ::send(attempt.supervisor.link.get(), frame.data() + sent,
                               frame.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) break;  // it is gone: wait() will see that
      sent += static_cast<std::size_t>(n);
    }
    attempts_.emplace(key, std::move(attempt));
  } catch (...) {
    slots_.release(attempt.slot);
    discard(attempt.supervisor);
    std::error_code ignored;
    fs::remove(attempt.pid_path, ignored);
    throw;
  }
}

SuperviseJob LocalProcessBackend::make_job(const StartRequest& request,
                                           const Attempt& attempt) const {
  const fs::path folder = trial_folder(request.id.trial);
  SuperviseJob job;
  job.command = prepare_command(program_, request, folder);
  if (runs_under_interpreter(program_)) job.environment.emplace_back("PYTHONUNBUFFERED", "1");
  job.environment.insert(job.environment.end(), options_.environment.begin(),
                         options_.environment.end());
  if (!options_.gpus.empty()) {
    std::string devices;
    for (const std::size_t gpu : attempt.slot.gpus)
      devices += (devices.empty() ? "" : ",") + options_.gpus[gpu];
    job.environment.emplace_back("CUDA_VISIBLE_DEVICES", devices);
  }
  const std::size_t equals = std::strlen(kMarkVariable) + 1;
  job.environment.emplace_back(kMarkVariable, attempt.mark.substr(equals));
  job.working_directory = options_.working_directory->string();
  job.output_path = (folder / "std.out").string();
  job.error_path = (folder / "std.err").string();
  job.pid_path = attempt.pid_path.string();
  if (!options_.cpu_sets.empty())
    job.cpus = options_.cpu_sets[static_cast<std::size_t>(attempt.slot.index)];
  job.grace_ns = options_.grace_period.count();
  if (request.time_limit)
    job.time_limit_ns = std::max<std::int64_t>(0, request.time_limit->count());
  job.max_output_bytes = options_.max_output_bytes;
  return job;
}

void LocalProcessBackend::end(AttemptId id, EndAs as) {
  for (auto& [key, attempt] : attempts_) {
    if (attempt.id != id || attempt.finished || attempt.ending) continue;
    attempt.ending = as;
    const std::string frame = encode_frame(FrameType::End, {});
    // If it can't be sent, the supervisor is gone, which wait() sees.
    ::send(attempt.supervisor.link.get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

void LocalProcessBackend::wake() {
  const std::uint64_t one = 1;
  // It can only fail if so many wakes are pending that one more changes nothing.
  [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

std::vector<BackendEvent> LocalProcessBackend::wait(Duration timeout) {
  // A supervisor held ready makes the next start as short as the program's own.
  if (!spare_ && slots_.num_taken() > 0) {
    try {
      spare_ = start_supervisor(*options_.supervisor);
    } catch (const Error& error) {
      log(options_.log, LogLevel::Debug, std::string("no supervisor held ready: ") + error.what());
    }
  }
  const SteadyClock::time_point begin = SteadyClock::now();
  // What was pending comes at once, with whatever else is there.
  bool woken = take_events(events_.empty() ? timeout : Duration::zero());
  while (!woken && events_.empty()) {
    const Duration left = timeout - (SteadyClock::now() - begin);
    if (left <= Duration::zero()) break;
    woken = take_events(left);
  }
  return std::exchange(events_, {});
}

bool LocalProcessBackend::take_events(Duration timeout) {
  constexpr std::int64_t kLongest = 3'600'000;
  const std::int64_t left = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  epoll_event ready[64];
  const int n = ::epoll_wait(epoll_.get(), ready, std::size(ready),
                             static_cast<int>(std::clamp<std::int64_t>(left, 0, kLongest)));
  // A signal interrupts without a reason to return: who handles it calls wake().
  bool woken = false;
  for (int i = 0; i < n; ++i) {
    if (ready[i].data.u64 != kWakeKey) {
      read_link(ready[i].data.u64);
      continue;
    }
    std::uint64_t count = 0;
    woken = ::read(wake_.get(), &count, sizeof count) == sizeof count || woken;
  }
  return woken;
}

void LocalProcessBackend::read_link(std::uint64_t key) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  Attempt& attempt = found->second;
  char buffer[65536];
  const ssize_t n = ::recv(attempt.supervisor.link.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (n > 0) {
    attempt.received.append(buffer, static_cast<std::size_t>(n));
    while (const std::optional<Frame> frame = take_frame(attempt.received))
      take_frame_of(attempt, *frame);
    return;
  }
  int wait_status = 0;
  while (::waitpid(attempt.supervisor.pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  if (!attempt.finished) lose_supervisor(attempt, wait_status);
  attempts_.erase(found);
}

void LocalProcessBackend::take_frame_of(Attempt& attempt, const Frame& frame) {
  if (attempt.finished) return;
  if (frame.type == FrameType::Report) {
    std::optional<Json> metrics = try_parse_json(frame.body);
    if (!metrics)
      return log(options_.log, LogLevel::Warning, "a report that can't be read: " + frame.body);
    attempt.reported = true;
    events_.emplace_back(
        AttemptReport{attempt.id, *std::move(metrics), options_.clock->unix_time()});
  } else if (frame.type == FrameType::Ended) {
    const std::optional<SuperviseEnd> end = decode_end(frame.body);
    SKIPJACK_CHECK(end.has_value());
    finish(attempt, end_of(attempt, *end));
  }
}

void LocalProcessBackend::finish(Attempt& attempt, AttemptEnd end) {
  attempt.finished = true;
  slots_.release(attempt.slot);
  events_.emplace_back(AttemptFinished{attempt.id, std::move(end), options_.clock->unix_time()});
}

AttemptEnd LocalProcessBackend::end_of(const Attempt& attempt, const SuperviseEnd& end) const {
  AttemptEnd result;
  result.error_tail = end.error_tail;
  const bool ran = end.cause != EndCause::NotRun && end.cause != EndCause::WrongVersion;
  if (ran && WIFEXITED(end.wait_status)) result.exit_code = WEXITSTATUS(end.wait_status);
  if (ran && WIFSIGNALED(end.wait_status)) result.signal = WTERMSIG(end.wait_status);
  const auto fail = [&](std::string reason) {
    result.outcome = Outcome::Failed;
    result.reason = std::move(reason);
  };
  switch (end.cause) {
    case EndCause::Ordered:
    case EndCause::TunerGone:
      if (attempt.ending) {
        result.outcome = *attempt.ending == EndAs::Paused ? Outcome::Paused : Outcome::Stopped;
        if (end.killed)
          result.reason = "killed after the grace period of " + seconds_text(options_.grace_period);
      } else {
        fail("its supervisor was told to end it from outside");
      }
      break;
    case EndCause::TimeLimit:
      fail(time_limit_reason(attempt.time_limit));
      break;
    case EndCause::NotRun:
      fail(end.note + ": " + std::strerror(end.error_number));
      return result;
    case EndCause::WrongVersion:
      fail(options_.supervisor->string() +
           " is of another version than this program; install both together");
      return result;
    case EndCause::Exited:
      if (result.signal) {
        fail("killed by signal " + std::to_string(*result.signal));
      } else if (result.exit_code != 0) {
        fail("exit code " + std::to_string(result.exit_code.value_or(-1)));
      } else if (!attempt.reported && options_.silent_trials == SilentTrials::Fail) {
        fail(kNoMetricReason);
      } else {
        result.outcome = Outcome::Completed;
      }
      break;
  }
  const auto add = [&](const std::string& text) {
    result.reason += (result.reason.empty() ? "" : "; ") + text;
  };
  if (end.num_malformed > 0) add(count_of(end.num_malformed, "report") + " could not be read");
  if (!end.note.empty()) add(end.note);
  if (end.num_survivors > 0)
    add(std::to_string(end.num_survivors) + " processes could not be killed");
  return result;
}

void LocalProcessBackend::lose_supervisor(Attempt& attempt, int wait_status) {
  const AttemptProcesses processes{attempt.mark, std::nullopt,
                                   read_pid_file(attempt.pid_path).program};
  const std::vector<pid_t> left = remove_processes({processes}, Duration::zero());
  AttemptEnd end{
      .outcome = Outcome::Failed, .exit_code = {}, .signal = {}, .reason = {}, .error_tail = {}};
  if (attempt.ending)
    end.outcome = *attempt.ending == EndAs::Paused ? Outcome::Paused : Outcome::Stopped;
  end.reason =
      WIFSIGNALED(wait_status)
          ? "its supervisor was killed by signal " + std::to_string(WTERMSIG(wait_status))
          : "its supervisor ended with exit code " + std::to_string(WEXITSTATUS(wait_status));
  if (!left.empty())
    end.reason += "; " + std::to_string(left.size()) + " processes could not be killed";
  std::error_code ignored;
  if (left.empty()) fs::remove(attempt.pid_path, ignored);
  finish(attempt, std::move(end));
}

std::vector<AttemptId> LocalProcessBackend::reconcile(const std::vector<AttemptId>& attempts) {
  std::vector<AttemptProcesses> processes;
  for (const AttemptId id : attempts) {
    processes.push_back(read_pid_file(pid_path(id)));
    processes.back().mark = mark(id);
  }
  const std::vector<pid_t> left = remove_processes(processes, options_.grace_period + kAfterGrace);
  if (!left.empty())
    throw Error(ErrorCode::Timeout,
                "process " + std::to_string(left.front()) +
                    " of an earlier run of this experiment can't be ended",
                "end it by hand and try again");
  std::error_code ignored;
  for (const AttemptId id : attempts) fs::remove(pid_path(id), ignored);
  return {};
}

void LocalProcessBackend::delete_checkpoint(TrialId trial) {
  remove_checkpoint(trial_folder(trial));
}

}  // namespace

std::unique_ptr<Backend> make_local_process_backend(LocalProcessOptions options) {
  return std::make_unique<LocalProcessBackend>(std::move(options));
}

}  // namespace skipjack
