// Starting a program in another process, without this process's signal mask and handlers, and with
// the descriptors that are named (the others are ours with O_CLOEXEC).
#pragma once

#include <sys/types.h>

#include <optional>
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
    No,       ///< in our process group, and so ended with us from the terminal.
    Group,    ///< a process group of its own.
    Session,  ///< a session of its own, and so a group.
  } apart = Apart::Group;
  /// "NAME=value" each, instead of this process's environment.
  std::optional<std::vector<std::string>> environment{};
  /// For the error: "can't run " what.
  std::string what{};
};
/// Its id, which is also its group's if it is apart. Throws what errno_error makes of the reason.
pid_t spawn(const SpawnOptions& options);

}  // namespace skipjack
