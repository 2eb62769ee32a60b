#include "skipjack/backend/trial_program.h"

#include <unistd.h>

#include <iterator>
#include <system_error>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack {

namespace fs = std::filesystem;

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

bool copy_checkpoint(const fs::path& from_folder, const fs::path& to_folder) {
  const fs::path source = from_folder / kCheckpoints, target = to_folder / kCheckpoints;
  std::error_code error;
  if (!fs::is_directory(source, error)) return false;
  if (from_folder == to_folder) return true;
  // Under another name first: a half copy must not look like a checkpoint.
  const fs::path partial = to_folder / "checkpoints.partial";
  fs::remove_all(partial, error);
  fs::copy(source, partial, fs::copy_options::recursive | fs::copy_options::copy_symlinks, error);
  if (!error) fs::remove_all(target, error);
  if (!error) fs::rename(partial, target, error);
  if (error)
    throw errno_error(error.value(),
                      "can't copy the checkpoint " + source.string() + " to " + target.string());
  return true;
}

void remove_checkpoint(const fs::path& trial_folder) {
  std::error_code error;
  const fs::path path = trial_folder / kCheckpoints;
  if (fs::remove_all(path, error); error)
    throw errno_error(error.value(), "can't remove " + path.string());
}

}  // namespace skipjack
