// Processes as Linux's /proc shows them: who descends from whom, and who carries a mark in its
// environment. Private to the backends.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skipjack {

/// A process identified beyond the reuse of its number: start time in clock ticks since boot.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;
};

/// nullopt if there is no such process. A process that has ended and was not waited for (a zombie)
/// counts as gone.
std::optional<ProcessIdentity> identify(pid_t pid);
bool is_running(const ProcessIdentity& process);

/// Names this boot of the machine; empty if the system doesn't say.
std::string boot_id();

/// All descendants of a process, zombies left out, parents before children. A snapshot: they may
/// fork on.
std::vector<pid_t> descendants(pid_t pid);

/// All processes, this one left out, whose environment began with one of the lines `variables`
/// ("NAME=value") in it, as far as this user may see.
std::vector<pid_t> processes_with_environment(const std::vector<std::string>& variables);

}  // namespace skipjack
