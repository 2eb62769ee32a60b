// An attempt's files on a shared file system, read on from where the last look ended. Such a file
// system can't tell of news, so it is looked at again and again: soon after there was something,
// ever more rarely while there isn't. Each look opens the files anew, since that is when NFS asks
// its server. Private to slurm.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "skipjack/backend/slurm_script.h"
#include "skipjack/wire/report_decoder.h"

namespace skipjack {

/// The time between looks.
struct LookInterval {
  Duration shortest, longest;
};

class AttemptOutput {
 public:
  using Time = std::chrono::steady_clock::time_point;

  AttemptOutput(AttemptFiles files, Time now) : files_(std::move(files)), next_look_(now) {}

  /// Reads what has come, at most a bounded piece; the reports in it, in order.
  std::vector<Json> look(Time now, const LookInterval& interval);
  Time next_look() const { return next_look_; }
  void look_at_once() { next_look_ = {}; }

  const AttemptFiles& files() const { return files_; }
  const ScriptState& state() const { return state_; }
  /// The end is known and everything printed before it has been read.
  bool is_complete() const { return state_.end && offset_ >= state_.end->output_bytes; }
  std::int64_t num_malformed() const { return decoder_.num_malformed(); }

 private:
  AttemptFiles files_;
  ScriptState state_;
  ReportDecoder decoder_;
  std::int64_t offset_ = 0;
  Duration pause_{0};
  Time next_look_;
};

/// The last lines of a file, at most 2 KiB, as UTF-8; empty if it can't be read.
std::string last_lines(const std::filesystem::path& path);

}  // namespace skipjack
