#include "skipjack/backend/supervisor_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <sstream>

#include "skipjack/backend/supervise_protocol.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/spawn.h"

namespace skipjack {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr const char* kExecutable = "skipjack-supervise";

/// Until all of them have ended or the time has come.
void await_ends(const std::vector<pid_t>& pids, SteadyClock::time_point until) {
  for (const pid_t pid : pids) {
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (process.get() < 0) continue;
    for (;;) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now()).count();
      pollfd polled{process.get(), POLLIN, 0};
      const int n =
          ::poll(&polled, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000)));
      if (n > 0 || (n == 0 && left <= 0) || (n < 0 && errno != EINTR)) break;
    }
  }
}

std::vector<pid_t> remaining(const std::vector<AttemptProcesses>& attempts) {
  std::vector<std::string> marks;
  std::vector<pid_t> pids;
  for (const AttemptProcesses& attempt : attempts) {
    if (!attempt.mark.empty()) marks.push_back(attempt.mark);
    if (attempt.program && is_running(*attempt.program)) {
      pids.push_back(attempt.program->pid);
      for (const pid_t pid : descendants(attempt.program->pid)) pids.push_back(pid);
    }
  }
  for (const pid_t pid : processes_with_environment(marks)) pids.push_back(pid);
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

}  // namespace

std::filesystem::path find_supervisor(const std::optional<std::filesystem::path>& given) {
  std::vector<std::filesystem::path> places;
  if (given) {
    places = {*given};
  } else {
    std::error_code ignored;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    if (!self.empty()) {
      places.push_back(self.parent_path() / kExecutable);
      places.push_back(self.parent_path().parent_path() / "libexec" / "skipjack" / kExecutable);
    }
    places.emplace_back(SKIPJACK_INSTALLED_SUPERVISOR);
    places.emplace_back(SKIPJACK_BUILT_SUPERVISOR);
  }
  std::string tried;
  for (const std::filesystem::path& place : places) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(place, ignored) && ::access(place.c_str(), X_OK) == 0)
      return std::filesystem::absolute(place);
    tried += (tried.empty() ? "" : ", ") + place.string();
  }
  throw Error(ErrorCode::NotFound,
              std::string("the program ") + kExecutable + " was not found; looked for " + tried,
              "install it beside this program, or name it in the option 'supervisor'");
}

SupervisorProcess start_supervisor(const std::filesystem::path& executable) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw errno_error(errno, "can't make a socket for a trial");
  SupervisorProcess supervisor{0, Descriptor(ends[0])};
  const Descriptor theirs(ends[1]);
  supervisor.pid = spawn({.words = {executable.filename().string()},
                          .file = executable.string(),
                          .descriptors = {{theirs.get(), kSuperviseLink}},
                          .closed = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
                          .apart = SpawnOptions::Apart::Session,
                          .what = executable.string()});
  return supervisor;
}

void write_pid_file(const std::filesystem::path& path, pid_t supervisor) {
  const std::optional<ProcessIdentity> identity = identify(supervisor);
  const std::uint64_t ticks = identity ? identity->start_ticks : 0;
  write_file_atomically(path, "boot " + boot_id() + "\nsupervisor " + std::to_string(supervisor) +
                                  " " + std::to_string(ticks) + "\n");
}

AttemptProcesses read_pid_file(const std::filesystem::path& path) {
  AttemptProcesses processes;
  std::istringstream text;
  try {
    text.str(read_file(path));
  } catch (const Error& error) {
    // A supervisor removes its file as it ends, maybe at this moment.
    if (error.code() == ErrorCode::NotFound) return processes;
    throw;
  }
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (kind == "boot") {
      std::string boot;
      words >> boot;
      if (boot != boot_id()) return {};
      continue;
    }
    ProcessIdentity process;
    // A line that can't be read was being written when the machine or the process died.
    if (!(words >> process.pid >> process.start_ticks) || process.pid <= 1 || !is_running(process))
      continue;
    if (kind == "supervisor") processes.supervisor = process;
    if (kind == "program") processes.program = process;
  }
  return processes;
}

std::vector<pid_t> remove_processes(const std::vector<AttemptProcesses>& attempts,
                                    Duration patience) {
  const SteadyClock::time_point patient_until = SteadyClock::now() + patience;
  std::vector<pid_t> supervisors;
  for (const AttemptProcesses& attempt : attempts)
    if (attempt.supervisor && is_running(*attempt.supervisor))
      supervisors.push_back(attempt.supervisor->pid);
  await_ends(supervisors, patient_until);
  const SteadyClock::time_point until = SteadyClock::now() + std::chrono::seconds(1);
  for (const AttemptProcesses& attempt : attempts)
    if (attempt.supervisor && is_running(*attempt.supervisor))
      ::kill(attempt.supervisor->pid, SIGKILL);
  await_ends(supervisors, until);

  std::vector<pid_t> pids;
  while (!(pids = remaining(attempts)).empty() && SteadyClock::now() < until) {
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    await_ends(pids, until);
  }
  return pids;
}

}  // namespace skipjack
