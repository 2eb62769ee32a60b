// skipjack-supervise: the parent of one attempt's program. It gets its job over a socket from the
// tuner, starts the program in a session of its own, and reads what it prints for as long as it
// runs: into files, and reports to the tuner. It is the reaper of all that descends from the
// program, so that nothing escapes: not what calls setsid, not what forks twice. Ends all of it
// (SIGTERM, a grace period, SIGKILL) when ordered, when the time limit is over, when the program
// has ended and left something behind, and when the tuner is gone. If it is killed itself, the
// kernel kills the program. One thread; sleeps in poll().
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/backend/process_tree.h"
#include "skipjack/backend/supervise_protocol.h"
#include "skipjack/base/utf8.h"
#include "skipjack/wire/report_decoder.h"

namespace skipjack {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Time = SteadyClock::time_point;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t kErrorTailBytes = 2048;
/// Unsent bytes beyond which the program's reports wait in its pipe: only a tuner that doesn't read
/// gets there.
constexpr std::size_t kMaxUnsentBytes = std::size_t{8} << 20;
/// SIGKILL is repeated this often, for what was being forked meanwhile, and given up on after
/// kKillPeriod.
constexpr milliseconds kKillInterval{20};
constexpr milliseconds kKillPeriod{1500};
/// Most bytes read from a pipe once everybody is gone: a process that nobody can kill may hold its
/// other end.
constexpr std::size_t kMaxDrainBytes = std::size_t{16} << 20;

/// One of std.out and std.err: appends up to a limit. A file that can't be written is given up, and
/// the program goes on.
class OutputFile {
 public:
  void open(const std::string& path, std::int64_t max_bytes) {
    path_ = path;
    remaining_ = max_bytes;
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd_ < 0) error_number_ = errno;
  }
  void append(const char* bytes, std::size_t size) {
    if (fd_ < 0) return;
    const auto kept = static_cast<std::size_t>(
        std::min<std::int64_t>(remaining_, static_cast<std::int64_t>(size)));
    if (kept < size) truncated_ = true;
    for (std::size_t done = 0; done < kept;) {
      const ssize_t n = ::write(fd_, bytes + done, kept - done);
      if (n >= 0) {
        done += static_cast<std::size_t>(n);
      } else if (errno != EINTR) {
        error_number_ = errno;
        ::close(std::exchange(fd_, -1));
        return;
      }
    }
    remaining_ -= static_cast<std::int64_t>(kept);
  }
  /// What is missing from the file, for people.
  std::string note() const {
    if (error_number_ != 0) return path_ + " is not complete: " + std::strerror(error_number_);
    return truncated_ ? path_ + " is cut off at the limit for output" : std::string();
  }

 private:
  std::string path_;
  int fd_ = -1;
  std::int64_t remaining_ = 0;
  int error_number_ = 0;
  bool truncated_ = false;
};

/// What the child tells before it becomes the program.
struct StartFailure {
  enum Step : int { Processors, Folder, Program } step;
  int error_number;
};

class Supervisor {
 public:
  Supervisor();
  int run();

 private:
  enum class Phase { AwaitingJob, Running, Asking, Killing, Over };

  int poll_timeout() const;
  void on_signals();
  void on_link();
  void on_frame(const Frame& frame);
  void on_time();
  void on_tuner_gone();

  void start(SuperviseJob job);
  [[noreturn]] void become_program(int output, int error, int failure);
  /// Reads what is there, at most max_bytes; closes the pipe at its end.
  void read_output(std::size_t max_bytes);
  void read_errors(std::size_t max_bytes);

  void end_program(EndCause cause);
  void kill_program();
  void signal_all(int signal_number);
  /// True if no process is left below this one.
  bool reap();
  void finish_if_all_gone();
  void finish();

  void send(FrameType type, std::string_view body);
  void flush();

  const pid_t self_ = ::getpid();
  Phase phase_ = Phase::AwaitingJob;
  SuperviseJob job_;
  SuperviseEnd end_;
  bool cause_known_ = false;
  pid_t program_ = 0;
  bool program_reaped_ = false;
  std::optional<Time> time_limit_, phase_deadline_, next_kill_;
  int link_ = kSuperviseLink;
  bool tuner_gone_ = false;
  int tuner_ = -1, signals_ = -1, output_ = -1, error_ = -1;
  OutputFile output_file_, error_file_;
  std::string error_tail_;
  bool error_tail_cut_ = false;
  ReportDecoder decoder_;
  std::string received_, unsent_;
};

Supervisor::Supervisor() {
  ::fcntl(link_, F_SETFD, FD_CLOEXEC);
  ::fcntl(link_, F_SETFL, ::fcntl(link_, F_GETFL) | O_NONBLOCK);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t handled;
  sigemptyset(&handled);
  for (const int s : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&handled, s);
  sigprocmask(SIG_SETMASK, &handled, nullptr);
  signals_ = ::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
  // A copy of the tuner's end of the socket in a forked process would hide its death; its number
  // doesn't.
  tuner_ = static_cast<int>(::syscall(SYS_pidfd_open, ::getppid(), 0));
}

int Supervisor::run() {
  while (phase_ != Phase::Over) {
    const short link_events = static_cast<short>(POLLIN | (unsent_.empty() ? 0 : POLLOUT));
    const bool has_room = unsent_.size() < kMaxUnsentBytes;
    pollfd polled[] = {{signals_, POLLIN, 0},
                       {has_room ? output_ : -1, POLLIN, 0},
                       {error_, POLLIN, 0},
                       {tuner_gone_ ? -1 : link_, link_events, 0},
                       {tuner_gone_ ? -1 : tuner_, POLLIN, 0}};
    if (::poll(polled, std::size(polled), poll_timeout()) < 0 && errno != EINTR) return 1;
    if (polled[1].revents != 0) read_output(1 << 16);
    if (polled[2].revents != 0) read_errors(1 << 16);
    if (polled[0].revents != 0) on_signals();
    if (phase_ == Phase::Over) break;
    if ((polled[3].revents & POLLOUT) != 0) flush();
    if ((polled[3].revents & (POLLIN | POLLHUP | POLLERR)) != 0) on_link();
    if (polled[4].revents != 0) on_tuner_gone();
    on_time();
  }
  return 0;
}

int Supervisor::poll_timeout() const {
  std::optional<Time> next;
  for (const std::optional<Time>& timer :
       {phase_ == Phase::Running ? time_limit_ : std::nullopt, phase_deadline_, next_kill_})
    if (timer && (!next || *timer < *next)) next = timer;
  if (!next) return -1;
  const auto left = std::chrono::ceil<milliseconds>(*next - SteadyClock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
}

void Supervisor::on_signals() {
  for (signalfd_siginfo signal_info;
       ::read(signals_, &signal_info, sizeof signal_info) == sizeof signal_info;)
    if (signal_info.ssi_signo != SIGCHLD) {
      if (phase_ == Phase::AwaitingJob)
        phase_ = Phase::Over;
      else
        end_program(EndCause::Ordered);
    }
  finish_if_all_gone();
}

void Supervisor::on_time() {
  const Time now = SteadyClock::now();
  if (phase_ == Phase::Running && time_limit_ && now >= *time_limit_)
    end_program(EndCause::TimeLimit);
  if (phase_ == Phase::Asking && now >= *phase_deadline_) kill_program();
  if (phase_ == Phase::Killing && now >= *next_kill_) {
    finish_if_all_gone();
    if (phase_ != Phase::Killing) return;
    if (now >= *phase_deadline_) {
      end_.num_survivors = static_cast<std::int64_t>(descendants(self_).size());
      finish();
      return;
    }
    signal_all(SIGKILL);
    next_kill_ = now + kKillInterval;
  }
}

void Supervisor::on_link() {
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::recv(link_, buffer, sizeof buffer, 0);
    if (n > 0) {
      received_.append(buffer, static_cast<std::size_t>(n));
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      break;
    } else {
      // What it said last counts no more.
      on_tuner_gone();
      return;
    }
  }
  while (const std::optional<Frame> frame = take_frame(received_)) on_frame(*frame);
}

void Supervisor::on_frame(const Frame& frame) {
  if (frame.type == FrameType::Job && phase_ == Phase::AwaitingJob) {
    std::optional<SuperviseJob> job = decode_job(frame.body);
    if (job && job->version == kSuperviseVersion) {
      start(*std::move(job));
    } else {
      end_.cause = EndCause::WrongVersion;
      finish();
    }
  } else if (frame.type == FrameType::End && phase_ == Phase::Running) {
    end_program(EndCause::Ordered);
  }
}

void Supervisor::on_tuner_gone() {
  if (std::exchange(tuner_gone_, true)) return;
  unsent_.clear();
  if (phase_ == Phase::AwaitingJob)
    phase_ = Phase::Over;
  else if (phase_ == Phase::Running)
    end_program(EndCause::TunerGone);
}

void Supervisor::start(SuperviseJob job) {
  job_ = std::move(job);
  phase_ = Phase::Running;
  output_file_.open(job_.output_path, job_.max_output_bytes);
  error_file_.open(job_.error_path, job_.max_output_bytes);
  int output[2], error[2], failure[2];
  if (::pipe2(output, O_CLOEXEC) != 0 || ::pipe2(error, O_CLOEXEC) != 0 ||
      ::pipe2(failure, O_CLOEXEC) != 0 || (program_ = ::fork()) < 0) {
    end_.cause = EndCause::NotRun;
    end_.error_number = errno;
    end_.note = "can't start a process";
    finish();
    return;
  }
  if (program_ == 0) become_program(output[1], error[1], failure[1]);
  for (const int fd : {output[1], error[1], failure[1]}) ::close(fd);
  output_ = output[0];
  error_ = error[0];
  for (const int fd : {output_, error_}) ::fcntl(fd, F_SETFL, O_NONBLOCK);

  StartFailure why{};
  ssize_t n;
  while ((n = ::read(failure[0], &why, sizeof why)) < 0 && errno == EINTR) {
  }
  ::close(failure[0]);
  if (n == sizeof why) {
    end_.cause = EndCause::NotRun;
    end_.error_number = why.error_number;
    end_.note = why.step == StartFailure::Processors ? "can't use the processors given"
                : why.step == StartFailure::Folder
                    ? "can't enter the folder '" + job_.working_directory + "'"
                    : "can't run '" + job_.command.front() + "'";
    cause_known_ = true;
    finish_if_all_gone();
    return;
  }
  if (const std::optional<ProcessIdentity> program = identify(program_)) {
    const int fd = ::open(job_.pid_path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    const std::string line = "program " + std::to_string(program->pid) + " " +
                             std::to_string(program->start_ticks) + "\n";
    // Only a second way to find the program, should this process be killed: not worth failing for.
    if (fd < 0 || ::write(fd, line.data(), line.size()) < 0)
      end_.note = "can't note the program in " + job_.pid_path;
    if (fd >= 0) ::close(fd);
  }
  if (job_.time_limit_ns >= 0) time_limit_ = SteadyClock::now() + nanoseconds(job_.time_limit_ns);
  send(FrameType::Started, std::to_string(program_));
}

void Supervisor::become_program(int output, int error, int failure) {
  const auto fail = [&](StartFailure::Step step) {
    const StartFailure why{step, errno};
    if (::write(failure, &why, sizeof why) < 0) ::_exit(126);
    ::_exit(127);
  };
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != self_) ::_exit(127);  // killed before that took hold
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  if (!job_.cpus.empty()) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (const int cpu : job_.cpus) CPU_SET(static_cast<unsigned>(cpu), &cpus);
    if (::sched_setaffinity(0, sizeof cpus, &cpus) != 0) fail(StartFailure::Processors);
  }
  if (::chdir(job_.working_directory.c_str()) != 0) fail(StartFailure::Folder);
  for (const auto& [name, value] : job_.environment) {
    if (value)
      ::setenv(name.c_str(), value->c_str(), 1);
    else
      ::unsetenv(name.c_str());
  }
  std::vector<char*> command;
  for (std::string& argument : job_.command) command.push_back(argument.data());
  command.push_back(nullptr);
  ::execvp(command.front(), command.data());
  fail(StartFailure::Program);
  ::_exit(127);
}

void Supervisor::read_output(std::size_t max_bytes) {
  char buffer[65536];
  for (std::size_t total = 0; output_ >= 0 && total < max_bytes;) {
    const ssize_t n = ::read(output_, buffer, sizeof buffer);
    if (n > 0) {
      total += static_cast<std::size_t>(n);
      // Reports first: they are waited for.
      for (const Json& report : decoder_.feed({buffer, static_cast<std::size_t>(n)}))
        send(FrameType::Report, to_json_text(report));
      output_file_.append(buffer, static_cast<std::size_t>(n));
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      ::close(std::exchange(output_, -1));
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

void Supervisor::read_errors(std::size_t max_bytes) {
  char buffer[65536];
  for (std::size_t total = 0; error_ >= 0 && total < max_bytes;) {
    const ssize_t n = ::read(error_, buffer, sizeof buffer);
    if (n > 0) {
      total += static_cast<std::size_t>(n);
      error_file_.append(buffer, static_cast<std::size_t>(n));
      error_tail_.append(buffer, static_cast<std::size_t>(n));
      if (error_tail_.size() > kErrorTailBytes) {
        error_tail_.erase(0, error_tail_.size() - kErrorTailBytes);
        error_tail_cut_ = true;
      }
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      ::close(std::exchange(error_, -1));
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

void Supervisor::end_program(EndCause cause) {
  if (phase_ != Phase::Running) return;
  if (!std::exchange(cause_known_, true)) end_.cause = cause;
  phase_ = Phase::Asking;
  phase_deadline_ = SteadyClock::now() + nanoseconds(job_.grace_ns);
  if (job_.grace_ns <= 0) return;  // on_time() kills
  signal_all(SIGTERM);
  signal_all(SIGCONT);  // who is stopped can't hear it
}

void Supervisor::kill_program() {
  phase_ = Phase::Killing;
  end_.killed = true;
  next_kill_ = SteadyClock::now();
  phase_deadline_ = *next_kill_ + kKillPeriod;
}

void Supervisor::signal_all(int signal_number) {
  // The program's group in one step, as long as its number can't be another's; then whoever left
  // the group.
  if (!program_reaped_) ::kill(-program_, signal_number);
  for (const pid_t pid : descendants(self_))
    if (program_reaped_ || ::getpgid(pid) != program_) ::kill(pid, signal_number);
}

bool Supervisor::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid == 0) return false;
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return true;
    if (pid == program_) {
      program_reaped_ = true;
      end_.wait_status = status;
    }
  }
}

void Supervisor::finish_if_all_gone() {
  if (program_ <= 0 || phase_ == Phase::Over) return;
  if (reap())
    finish();
  else if (program_reaped_ && phase_ == Phase::Running)
    end_program(EndCause::Exited);
}

void Supervisor::finish() {
  phase_ = Phase::Over;
  read_output(kMaxDrainBytes);
  read_errors(kMaxDrainBytes);
  decoder_.finish();
  end_.num_malformed = decoder_.num_malformed();
  if (!decoder_.first_malformed().empty())
    end_.note += (end_.note.empty() ? "" : "; ") +
                 ("the first begins " + valid_utf8(decoder_.first_malformed()));
  for (const OutputFile* file : {&output_file_, &error_file_})
    if (const std::string note = file->note(); !note.empty())
      end_.note += (end_.note.empty() ? "" : "; ") + note;
  const std::size_t newline = error_tail_cut_ ? error_tail_.find('\n') : std::string::npos;
  end_.error_tail = valid_utf8(
      std::string_view(error_tail_).substr(newline == std::string::npos ? 0 : newline + 1));
  if (!job_.pid_path.empty() && end_.num_survivors == 0) ::unlink(job_.pid_path.c_str());
  send(FrameType::Ended, encode(end_));
  while (!tuner_gone_ && !unsent_.empty()) {
    pollfd polled[] = {{link_, POLLOUT, 0}, {tuner_, POLLIN, 0}};
    if (::poll(polled, std::size(polled), -1) < 0 && errno != EINTR) return;
    if (polled[1].revents != 0) return;
    flush();
  }
}

void Supervisor::send(FrameType type, std::string_view body) {
  if (tuner_gone_) return;
  unsent_ += encode_frame(type, body);
  flush();
}

void Supervisor::flush() {
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const ssize_t n =
        ::send(link_, unsent_.data() + sent, unsent_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
      sent += static_cast<std::size_t>(n);
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      break;
    else if (errno != EINTR) {
      on_tuner_gone();
      return;
    }
  }
  unsent_.erase(0, sent);
}

}  // namespace
}  // namespace skipjack

int main(int argc, char**) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  if (argc != 1 ||
      ::getpeername(skipjack::kSuperviseLink, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
    std::fputs("skipjack-supervise is started by skipjack, for each trial, and has no options.\n",
               stderr);
    return 2;
  }
  ::close_range(skipjack::kSuperviseLink + 1, ~0U, 0);
  return skipjack::Supervisor().run();
}
