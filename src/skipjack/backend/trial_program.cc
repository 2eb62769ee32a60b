#include "skipjack/backend/trial_program.h"

#include <unistd.h>

#include <chrono>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "skipjack/backend/folder_state.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack {

namespace fs = std::filesystem;

namespace {

/// Of a checkpoint that changes meanwhile, with pauses that double: 1.3 s in all.
constexpr int kCopyAttempts = 9;
constexpr std::chrono::milliseconds kFirstPause{5};

/// Whether the copy is of one moment; if not it is worth nothing.
bool copy_of_one_moment(const fs::path& source, const fs::path& target) {
  const std::optional<FolderState> before = folder_state(source);
  if (!before) return false;
  std::error_code error;
  fs::create_directories(target, error);
  for (const auto& [path, state] : *before) {
    if (error) break;
    if (state.is_folder)
      fs::create_directory(target / path, error);
    else
      fs::copy(source / path, target / path, fs::copy_options::copy_symlinks, error);
  }
  if (error == std::errc::no_such_file_or_directory) return false;
  if (error)
    throw errno_error(error.value(),
                      "can't copy the checkpoint " + source.string() + " to " + target.string());
  return folder_state(source) == before;
}

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
  auto pause = kFirstPause;
  bool is_whole = false;
  for (int attempt = 0; attempt < kCopyAttempts && !is_whole; ++attempt, pause *= 2) {
    if (attempt > 0) std::this_thread::sleep_for(pause);
    fs::remove_all(partial, error);
    is_whole = copy_of_one_moment(source, partial);
  }
  if (!is_whole) {
    fs::remove_all(partial, error);
    log(log_, LogLevel::Warning,
        "the checkpoint of trial " + std::to_string(from) +
            " changed each time that it was copied, so that trial " + std::to_string(to) +
            " begins anew: write it as NAME.tmp, then rename");
    return;
  }
  fs::remove_all(target, error);
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
