#include "skipjack/backend/trial_program.h"

#include <unistd.h>

#include <iterator>
#include <system_error>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack {

namespace fs = std::filesystem;

namespace {
/// Of a checkpoint that changes meanwhile; each is a chance of its own.
constexpr int kCopyAttempts = 20;
}  // namespace

bool runs_under_interpreter(const TrialProgram& program) {
  return program.entry_point.extension() == ".py" && !program.interpreter.empty();
}

void check_program(const TrialProgram& program) {
  const fs::path path = program.working_directory / program.entry_point;
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    throw Error(ErrorCode::NotFound, "the entry point '" + path.string() + "' does not exist",
                "give its path, absolute or from " + program.working_directory.string());
  if (!fs::is_regular_file(path, ignored))
    throw Error(ErrorCode::InvalidArgument,
                "the entry point '" + path.string() + "' is not a file");
  const bool interpreted = runs_under_interpreter(program);
  if (!interpreted && ::access(path.c_str(), X_OK) != 0)
    throw Error(ErrorCode::InvalidArgument,
                "the entry point '" + path.string() + "' is not executable",
                "chmod +x " + path.string());
  if (interpreted && ::access(path.c_str(), R_OK) != 0)
    throw Error(ErrorCode::PermissionDenied,
                "the entry point '" + path.string() + "' can't be read");
}

std::vector<std::string> prepare_command(const TrialProgram& program, const StartRequest& request,
                                         const fs::path& trial_folder) {
  Configuration configuration =
      request.configuration.is_null() ? Json(Json::Object{}) : request.configuration;
  if (request.max_resource && !program.max_resource_attr.empty())
    configuration.set(program.max_resource_attr, Json(*request.max_resource));
  const ArgumentPaths paths{.checkpoint_directory = (trial_folder / kCheckpoints).string(),
                            .config_file = (trial_folder / "config.json").string()};
  std::vector<std::string> arguments = build_arguments(configuration, program.arguments, paths);
  write_file_atomically(paths.config_file, to_json_text(configuration));

  std::vector<std::string> command = program.command_prefix;
  if (runs_under_interpreter(program)) {
    command.insert(command.end(), program.interpreter.begin(), program.interpreter.end());
    command.push_back(program.entry_point.string());
  } else {
    command.push_back((program.working_directory / program.entry_point).string());
  }
  std::move(arguments.begin(), arguments.end(), std::back_inserter(command));
  return command;
}

void CheckpointCopies::copy(const fs::path& trials_folder, TrialId from, TrialId to) {
  const fs::path target_folder = trials_folder / std::to_string(to);
  const fs::path source = trials_folder / std::to_string(from) / kCheckpoints,
                 target = target_folder / kCheckpoints;
  std::error_code error;
  if (!fs::is_directory(source, error)) {
    if (!std::exchange(told_of_missing_, true))
      log(log_, LogLevel::Warning,
          "trial " + std::to_string(from) + " has no checkpoint for trial " + std::to_string(to) +
              " to go on from, which begins anew: does the program write into "
              "--st_checkpoint_dir?");
    return;
  }
  if (from == to) return;
  // Under another name first: a half copy must not look like a checkpoint. A running trial may
  // replace its files while they are copied.
  const fs::path partial = target_folder / "checkpoints.partial";
  for (int attempt = 0; attempt < kCopyAttempts; ++attempt) {
    fs::remove_all(partial, error);
    fs::copy(source, partial, fs::copy_options::recursive | fs::copy_options::copy_symlinks, error);
    if (!error) break;
  }
  if (!error) fs::remove_all(target, error);
  if (!error) fs::rename(partial, target, error);
  if (error)
    throw errno_error(error.value(),
                      "can't copy the checkpoint " + source.string() + " to " + target.string());
}

void remove_checkpoint(const fs::path& trial_folder) {
  std::error_code error;
  const fs::path path = trial_folder / kCheckpoints;
  if (fs::remove_all(path, error); error)
    throw errno_error(error.value(), "can't remove " + path.string());
}

}  // namespace skipjack
