// A program as a child of this process and in its process group, so that whoever ends the group
// ends it too: asked for its version, or run as a download that is measured.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "skipjack/base/clock.h"

namespace skipjack::s3tune {

struct ChildOptions {
  /// The program, looked for in PATH, and its arguments; not empty.
  std::vector<std::string> words;
  /// "NAME=value" each, instead of this process's environment.
  std::optional<std::vector<std::string>> environment{};
  /// Killed once it has run so long.
  std::optional<Duration> time_limit{};
  /// Asks it to end (SIGTERM).
  std::stop_token stop{};
};

struct ChildResult {
  /// 128 + number for a signal; 127 if it can't be run.
  int exit_code = -1;
  /// The last 64 KiB of what it printed, standard error included; why there was nothing to run.
  std::string output;
  /// From its start to its end.
  Duration duration{0};
  /// Its own and those of the processes that it waited for.
  double cpu_seconds = 0;
  /// Of the largest single process, and never below this process's own.
  std::int64_t peak_memory_bytes = 0;
};
/// Standard input is empty. Throws Timeout, Cancelled, and what errno_error makes of the reason if
/// it can't be started.
ChildResult run_child(const ChildOptions& options);

/// The last line that is not empty, or "no output".
std::string last_line(const std::string& text);

}  // namespace skipjack::s3tune
