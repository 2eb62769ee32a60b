// Trials as processes of this machine. Each attempt has a small supervisor process of its own
// (skipjack-supervise), which starts the program in a session of its own, writes its output to
// files, hands its reports to the tuner as they are printed, and ends the program with all of its
// descendants when it is told to, when its time is over, or when the tuner dies. So a killed tuner
// leaves nothing that runs. Arguments and reports are those of module wire.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skipjack/backend/backend.h"
#include "skipjack/base/clock.h"
#include "skipjack/base/log.h"
#include "skipjack/wire/arguments.h"

namespace skipjack {

/// What becomes of an attempt that ends with exit code 0 and has reported nothing.
enum class SilentTrials { Fail, Complete };

struct LocalProcessOptions {
  /// The program. A name that ends in ".py" runs under the interpreter, anything else must be
  /// executable. A relative path counts from the working directory.
  std::filesystem::path entry_point;
  /// What runs entry points that end in ".py": a program and its first arguments. Looked up in PATH
  /// if it has no slash.
  std::vector<std::string> interpreter = {"python3"};
  /// Put before the whole command, such as {"nice", "-n", "10"} or {"torchrun"}. Then a .py entry
  /// point still gets the interpreter, unless the interpreter is empty.
  std::vector<std::string> command_prefix;

  /// Trial N has the folder folder/N with std.out, std.err (both appended to by later attempts),
  /// config.json and checkpoints/, which is the script's to create. Made when needed. Give each
  /// experiment its own.
  std::filesystem::path folder;
  /// Default: where this process was when the backend was made.
  std::optional<std::filesystem::path> working_directory;

  ArgumentStyle arguments = AsArguments{};
  /// The member of the configuration that StartRequest::max_resource overwrites; nothing is
  /// overwritten if empty.
  std::string max_resource_attr;
  SilentTrials silent_trials = SilentTrials::Fail;

  /// Attempts that may run at the same time. Range [1, 4096].
  int capacity = 1;
  /// Devices handed out through CUDA_VISIBLE_DEVICES, gpus_per_trial to each attempt, those least
  /// used first. Empty: the variable is left alone. Needs capacity * gpus_per_trial <= gpus.size().
  std::vector<std::string> gpus;
  /// Range [1, gpus.size()].
  int gpus_per_trial = 1;
  /// The processors that the attempt in slot i may use: empty, or one set for each of the capacity
  /// slots, all of them usable (see unusable_processors).
  std::vector<std::vector<int>> cpu_sets;

  /// Time between asking (SIGTERM) and killing (SIGKILL) the processes of an attempt. Range [0, 1
  /// h]; default 5 s, in which most scripts can write a checkpoint.
  Duration grace_period = std::chrono::seconds(5);
  /// Most bytes kept of each of std.out and std.err for each attempt; the program goes on beyond it
  /// and what it prints is read for reports still. Range [0, 2^62]; default 1 GiB, so that a chatty
  /// program doesn't fill the disk.
  std::int64_t max_output_bytes = std::int64_t{1} << 30;
  /// Variables set (or, with nullopt, unset) for the programs beyond those of this process.
  /// PYTHONUNBUFFERED=1 is set for .py entry points unless it is named here, so that printed
  /// reports come at once.
  std::vector<std::pair<std::string, std::optional<std::string>>> environment;

  /// Where skipjack-supervise is. Default: beside this program, in ../libexec/skipjack from there,
  /// where it was installed, where it was built.
  std::optional<std::filesystem::path> supervisor;
  /// Stamps events; must outlive the backend.
  const Clock* clock = &system_clock();
  LogSink log;
};

/// Throws InvalidArgument for options out of range, NotFound if entry point, working directory or
/// supervisor doesn't exist.
///
/// An attempt is over when its program is: what the program left behind is then ended likewise, and
/// AttemptFinished comes when all of it is gone. Destroying the backend takes up to grace_period +
/// 2 s. Beyond Backend's contract: start() throws Exhausted when capacity() attempts run,
/// InvalidArgument for an attempt that runs already. wait() sleeps until the system says that
/// something happened; a report is there within a millisecond of being printed.
std::unique_ptr<Backend> make_local_process_backend(LocalProcessOptions options);

}  // namespace skipjack
