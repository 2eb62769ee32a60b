// What a command may know of the world around the program: environment variables, the two output
// streams and whether people read them, where experiments are kept, how errors become one line and
// an exit code. Everything else of this folder goes through here, so that nothing below `cli` reads
// the environment or prints.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/error.h"

namespace skipjack::cli {

/// The exit codes that docs/cli.md promises.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,  ///< anything without a code of its own
  kExitUsage = 2,    ///< bad flags, InvalidArgument
  kExitNotFound = 3,
  kExitAlreadyExists = 4,
  kExitPermissionDenied = 5,
  kExitIo = 6,
  kExitNetwork = 7,
  kExitCorrupted = 8,
  kExitUnsupported = 9,
  kExitTimeout = 10,
  kExitExhausted = 11,
  kExitInterrupted = 130,
};
int exit_code(ErrorCode code);

/// One for the process, alive from main to its end. Not thread-safe.
struct Context {
  /// nullopt for a variable that is unset or empty.
  std::function<std::optional<std::string>(const char* name)> environment;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  /// --experiments-dir; empty if not given.
  std::string experiments_dir{};
  /// The command line, the program's name first.
  std::vector<std::string> arguments{};
  /// What the chosen command does; set while the command line is read, run afterwards. Returns the
  /// exit code.
  std::function<int()> action{};
};

/// --experiments-dir, else $SKIPJACK_HOME, else $XDG_DATA_HOME/skipjack, else
/// ~/.local/share/skipjack. Absolute. Throws NotFound if none of them says anything.
std::filesystem::path experiments_folder(const Context& context);

/// What the program remembers of its own accord: $XDG_STATE_HOME/skipjack, else
/// ~/.local/state/skipjack. Absolute. Throws NotFound if neither says anything.
std::filesystem::path state_folder(const Context& context);

/// The running program's own file; empty if the system doesn't tell.
std::filesystem::path own_program();

/// text on one line and safe for a terminal: control characters and marks that turn the direction
/// of writing become spaces, bytes that are no UTF-8 question marks.
std::string one_line(std::string_view text);

/// "skipjack: <message>; <what to try>".
std::string error_line(const Error& error);

/// Writes the whole text to a file in one step, or to out if path is empty or "-". Throws what
/// write_file_atomically throws, and Io if out is full. If nobody reads out any more, the process
/// ends by SIGPIPE.
void write_output(Context& context, const std::filesystem::path& path, std::string_view text);

}  // namespace skipjack::cli
