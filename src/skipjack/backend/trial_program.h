// A trial's program as every backend that runs programs sees it: what is started, with which
// arguments, and the checkpoint that it finds. Private to the backends.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/base/log.h"
#include "skipjack/wire/arguments.h"

namespace skipjack {

/// The folder of a trial's own that belongs to its program.
inline constexpr const char* kCheckpoints = "checkpoints";

/// In the environment of every process of an attempt: what finds those whose supervisor was killed.
inline constexpr const char* kMarkVariable = "SKIPJACK_ATTEMPT";

struct TrialProgram {
  std::filesystem::path entry_point;
  std::vector<std::string> interpreter;
  std::vector<std::string> command_prefix;
  /// Absolute.
  std::filesystem::path working_directory;
  ArgumentStyle arguments;
  std::string max_resource_attr;
};
/// Of a backend's options, whose working_directory is set.
template <class Options>
TrialProgram program_of(const Options& options) {
  return {.entry_point = options.entry_point,
          .interpreter = options.interpreter,
          .command_prefix = options.command_prefix,
          .working_directory = *options.working_directory,
          .arguments = options.arguments,
          .max_resource_attr = options.max_resource_attr};
}

/// A ".py", and something to run it.
bool runs_under_interpreter(const TrialProgram& program);
/// Throws NotFound, InvalidArgument or PermissionDenied if no trial could run it.
void check_program(const TrialProgram& program);
/// Writes the trial's config.json; the command line that runs the program.
std::vector<std::string> prepare_command(const TrialProgram& program, const StartRequest& request,
                                         const std::filesystem::path& trial_folder);
/// Gives trials the checkpoints of others, as they are at one moment: if files in there were
/// written, replaced or moved while they were copied, it is done again, for 1.3 s at most. What is
/// called *.tmp is no part of a checkpoint. Says once that there was none to give, and always that
/// none stayed as it was for long enough.
class CheckpointCopies {
 public:
  explicit CheckpointCopies(LogSink log) : log_(std::move(log)) {}
  /// Appearing complete or not at all; nothing happens if there is none to give. trials_folder:
  /// holds a folder for each trial. Throws Io.
  void copy(const std::filesystem::path& trials_folder, TrialId from, TrialId to);

 private:
  LogSink log_;
  bool told_of_missing_ = false;
};
/// Throws Io.
void remove_checkpoint(const std::filesystem::path& trial_folder);

}  // namespace skipjack
