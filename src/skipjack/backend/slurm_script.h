// The job of an attempt: a script for bash, which is all that a node needs besides the shared
// folder, and the lines that it leaves there for the tuner. The script runs the program in a
// process group of its own, passes a request to end on to it (TERM, a grace period, KILL), keeps
// its time limit, and writes how it ended, and how much output there must be, behind what was
// written before: so the tuner, and one that takes over from it, learn of the end from one small
// file.
//
// An attempt runs once, whatever Slurm, a repeated submission or an operator does: who runs it
// makes the folder attempt-N.run, which only one can, and the tuner makes it itself to see to it
// that nobody will. Private to slurm.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skipjack/base/clock.h"

namespace skipjack {

/// The files of one attempt in its trial's folder.
struct AttemptFiles {
  AttemptFiles(const std::filesystem::path& trial_folder, int attempt);
  std::filesystem::path script, state, output, error, run;
};

/// How the tuner asks a script to end its program: not TERM, which Slurm sends to the program too.
inline constexpr const char* kEndSignal = "USR1";

struct JobScript {
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string working_directory;
  Duration grace{0};
  std::optional<Duration> time_limit;
};
std::string script_text(const JobScript& script, const AttemptFiles& files);

enum class ScriptCause {
  Exited,     ///< by itself
  Asked,      ///< after kEndSignal
  TimeLimit,  ///< after JobScript::time_limit
  Signalled,  ///< after a TERM of Slurm's: cancelled, pre-empted, its time over
};
struct ScriptEnd {
  ScriptCause cause = ScriptCause::Exited;
  /// As $? of the shell: 128 + n after signal n.
  int status = 0;
  /// Sizes that the two files have at least, once all of it has arrived.
  std::int64_t output_bytes = 0, error_bytes = 0;
};
struct ScriptState {
  bool began = false;
  std::string node;
  /// By the node's clock.
  double began_unix_time = 0;
  std::optional<ScriptEnd> end;
};
/// What the state file says so far. Lines that are not whole, or not of this form, say nothing.
ScriptState parse_state(std::string_view text);

}  // namespace skipjack
