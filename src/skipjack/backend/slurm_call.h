// One command of Slurm's, run beside whatever else waits: started, polled, read, and killed when it
// takes too long. In a session of its own, so that Ctrl-C doesn't break off a submission, and
// without the SLURM_* variables of a job that this process may itself be in, which would become
// that command's options. Private to slurm.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/backend/supervisor_process.h"
#include "skipjack/base/clock.h"

namespace skipjack {

struct CallResult {
  /// nullopt if it was killed, by us after its time or by others.
  std::optional<int> exit_code;
  std::string output, error_output;
  bool succeeded() const { return exit_code == 0; }
};

/// Movable; destroying it kills the command.
class SlurmCall {
 public:
  /// Throws NotFound if there is no such program in PATH, Io.
  SlurmCall(const std::vector<std::string>& command, Duration limit);
  SlurmCall(SlurmCall&& other) noexcept = default;
  SlurmCall& operator=(SlurmCall&& other) noexcept = delete;
  ~SlurmCall();

  /// What to poll for; advance() when something is ready, and when limit() has passed.
  std::vector<pollfd> polled() const;
  std::chrono::steady_clock::time_point limit() const { return limit_; }
  /// Reads what is there, without waiting. The result once the command has ended.
  std::optional<CallResult> advance();

 private:
  Descriptor process_, output_, error_;
  pid_t pid_ = 0;
  std::chrono::steady_clock::time_point limit_;
  CallResult result_;
};

/// Waits for it.
CallResult call_slurm(const std::vector<std::string>& command, Duration limit);

}  // namespace skipjack
