// Starting a program in another process, without this process's signal mask and handlers, and with
// the descriptors that are named (the others are ours with O_CLOEXEC).
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace skipjack {

struct SpawnOptions {
  /// The program and its arguments, not empty.
  std::vector<std::string> words;
  /// Where the program is: this file, or empty: words[0] is looked for in PATH.
  std::string file{};
  /// Descriptors of ours and their numbers there. Opened before them: /dev/null as the numbers in
  /// closed.
  std::vector<std::pair<int, int>> descriptors{};
  std::vector<int> closed{};
  enum class Apart {
    No,       ///< in this process's group: what the group is sent, it gets too.
    Group,    ///< a process group of its own.
    Session,  ///< a session of its own, and so a group.
  } apart = Apart::Group;
  /// For the error: "can't run " what.
  std::string what{};
};
/// With this process's environment. Its id, which is also that of its group, if it
/// has one of its own. Throws what errno_error
/// makes of the reason.
pid_t spawn(const SpawnOptions& options);

}  // namespace skipjack
