// The tuner's side of skipjack-supervise: finding the executable, starting it with a socket to talk
// over, and removing what is left of an attempt whose supervisor is gone. Private to local_process.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/backend/process_tree.h"
#include "skipjack/base/clock.h"
#include "skipjack/base/descriptor.h"

namespace skipjack {

struct SupervisorProcess {
  pid_t pid = 0;
  /// Frames of supervise_protocol.h in both directions; blocking.
  Descriptor link;
};

/// Throws NotFound, naming where it was looked for.
std::filesystem::path find_supervisor(const std::optional<std::filesystem::path>& given);
/// In a session of its own, with this process's environment and no other descriptor of it. Throws
/// Io and so on.
SupervisorProcess start_supervisor(const std::filesystem::path& executable);

/// What names the processes of one attempt.
struct AttemptProcesses {
  /// "NAME=value" in the environment of all of them.
  std::string mark;
  std::optional<ProcessIdentity> supervisor, program;
};

/// The file that says which processes an attempt has; removed by the supervisor when they are gone.
void write_pid_file(const std::filesystem::path& path, pid_t supervisor);
/// Supervisor and program as far as the file names them and they run in this boot. mark is left
/// empty.
AttemptProcesses read_pid_file(const std::filesystem::path& path);

/// Waits until the supervisors have ended by themselves, at most until patience is over; kills
/// those that have not, and all other processes of the attempts. Returns what still runs after
/// another second.
std::vector<pid_t> remove_processes(const std::vector<AttemptProcesses>& attempts,
                                    Duration patience);

}  // namespace skipjack
