// A trial's program as every backend that runs programs sees it: what is started, with which
// arguments, and the checkpoint that it finds. Private to the backends.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/wire/arguments.h"

namespace skipjack {

/// The folder of a trial's own that belongs to its program.
inline constexpr const char* kCheckpoints = "checkpoints";

struct TrialProgram {
  std::filesystem::path entry_point;
  std::vector<std::string> interpreter;
  std::vector<std::string> command_prefix;
  /// Absolute.
  std::filesystem::path working_directory;
  ArgumentStyle arguments;
  std::string max_resource_attr;
};

/// A ".py", and something to run it.
bool runs_under_interpreter(const TrialProgram& program);
/// Throws NotFound, InvalidArgument or PermissionDenied if no trial could run it.
void check_program(const TrialProgram& program);
/// Writes the trial's config.json; the command line that runs the program.
std::vector<std::string> prepare_command(const TrialProgram& program, const StartRequest& request,
                                         const std::filesystem::path& trial_folder);
/// From one trial's folder to another's, appearing complete or not at all. False if there is none.
bool copy_checkpoint(const std::filesystem::path& from_folder,
                     const std::filesystem::path& to_folder);
/// Throws Io.
void remove_checkpoint(const std::filesystem::path& trial_folder);

}  // namespace skipjack
