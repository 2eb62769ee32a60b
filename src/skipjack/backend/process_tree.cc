#include "skipjack/backend/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>

namespace skipjack {
namespace {

struct Stat {
  char state = '?';
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;
};

/// Empty if it can't be read: processes come and go while one looks.
std::string read_proc(const std::string& path) {
  std::string bytes;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return bytes;
  char buffer[8192];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
    bytes.append(buffer, static_cast<std::size_t>(n));
  ::close(fd);
  return bytes;
}

std::optional<Stat> read_stat(pid_t pid) {
  const std::string text = read_proc("/proc/" + std::to_string(pid) + "/stat");
  // "pid (name) state ppid ...": the name may hold anything, the last parenthesis ends it.
  std::size_t at = text.rfind(')');
  if (at == std::string::npos) return std::nullopt;
  Stat stat;
  std::size_t field = 2;
  for (++at; at < text.size(); ++field) {
    at = text.find_first_not_of(' ', at);
    if (at == std::string::npos) break;
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const char *first = text.data() + at, *last = text.data() + end;
    if (field == 2) stat.state = *first;
    if (field == 3) std::from_chars(first, last, stat.parent);
    if (field == 21) {
      std::from_chars(first, last, stat.start_ticks);
      return stat;
    }
    at = end;
  }
  return std::nullopt;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return pids;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc{} && end == name.data() + name.size()) pids.push_back(pid);
  }
  ::closedir(directory);
  return pids;
}

bool is_gone(char state) { return state == 'Z' || state == 'X' || state == 'x'; }

}  // namespace

std::optional<ProcessIdentity> identify(pid_t pid) {
  const std::optional<Stat> stat = read_stat(pid);
  if (!stat || is_gone(stat->state)) return std::nullopt;
  return ProcessIdentity{pid, stat->start_ticks};
}

bool is_running(const ProcessIdentity& process) {
  const std::optional<ProcessIdentity> now = identify(process.pid);
  return now && now->start_ticks == process.start_ticks;
}

std::string boot_id() {
  std::string id = read_proc("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::vector<pid_t> descendants(pid_t pid) {
  std::multimap<pid_t, pid_t> children;
  std::map<pid_t, char> states;
  for (const pid_t other : all_processes())
    if (const std::optional<Stat> stat = read_stat(other)) {
      children.emplace(stat->parent, other);
      states[other] = stat->state;
    }
  std::vector<pid_t> found, open = {pid};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    const auto [begin, end] = children.equal_range(parent);
    for (auto child = begin; child != end; ++child) {
      // A zombie has no children: they went to its reaper.
      if (is_gone(states[child->second]) || child->second == pid) continue;
      found.push_back(child->second);
      open.push_back(child->second);
    }
  }
  return found;
}

std::vector<pid_t> processes_with_environment(const std::vector<std::string>& variables) {
  std::vector<pid_t> found;
  if (variables.empty()) return found;
  const pid_t self = ::getpid();
  for (const pid_t pid : all_processes()) {
    if (pid == self) continue;
    const std::string environment = read_proc("/proc/" + std::to_string(pid) + "/environ");
    for (std::size_t at = 0; at < environment.size();) {
      const std::size_t end = std::min(environment.find('\0', at), environment.size());
      const std::string_view line(environment.data() + at, end - at);
      if (std::find(variables.begin(), variables.end(), line) != variables.end()) {
        found.push_back(pid);
        break;
      }
      at = end + 1;
    }
  }
  return found;
}

}  // namespace skipjack
