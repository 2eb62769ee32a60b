// What the tuner and the supervisor of an attempt say to each other over a socket pair: frames of a
// type, a length and a body of numbers and strings, in the machine's own byte order, since both
// ends are builds of the same version on one machine. Private to local_process and
// skipjack-supervise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skipjack {

/// Goes up with every change of what follows. A supervisor that gets another says so and ends.
inline constexpr std::uint32_t kSuperviseVersion = 1;
/// The descriptor at which the supervisor finds its end of the socket pair.
inline constexpr int kSuperviseLink = 3;

enum class FrameType : std::uint8_t {
  Job = 1,      ///< tuner: run this; once, first
  End = 2,      ///< tuner: end the program
  Started = 3,  ///< supervisor: the program runs; the body is its process number
  Report = 4,   ///< supervisor: the body is a report, as JSON text
  Ended = 5,    ///< supervisor: all processes of the attempt are gone; the last frame
};

struct SuperviseJob {
  std::uint32_t version = kSuperviseVersion;
  std::vector<std::string> command;
  /// In order; without a value: unset.
  std::vector<std::pair<std::string, std::optional<std::string>>> environment;
  std::string working_directory;
  std::string output_path, error_path;
  /// Exists; removed when all is gone.
  std::string pid_path;
  std::vector<int> cpus;
  std::int64_t grace_ns = 0;
  /// Negative: none.
  std::int64_t time_limit_ns = -1;
  std::int64_t max_output_bytes = 0;
};

enum class EndCause : std::uint8_t {
  Exited,        ///< by itself
  Ordered,       ///< after the frame End
  TimeLimit,     ///< after its time limit
  TunerGone,     ///< nobody will read this
  NotRun,        ///< the program could not be run; error_number says why
  WrongVersion,  ///< the job was of another version
};

struct SuperviseEnd {
  EndCause cause = EndCause::Exited;
  /// As waitpid gives it, if the program ran.
  int wait_status = 0;
  int error_number = 0;
  bool killed = false;
  /// Processes that SIGKILL did not end in time.
  std::int64_t num_survivors = 0;
  std::int64_t num_malformed = 0;
  /// About the files, for people; empty if they are complete.
  std::string note;
  std::string error_tail;
};

std::string encode_frame(FrameType type, std::string_view body);
std::string encode(const SuperviseJob& job);
std::string encode(const SuperviseEnd& end);
/// nullopt for bytes that are no such thing.
std::optional<SuperviseJob> decode_job(std::string_view body);
std::optional<SuperviseEnd> decode_end(std::string_view body);

struct Frame {
  FrameType type;
  std::string body;
};
/// Takes the first frame off the front of bytes; nullopt if there is no whole one yet.
std::optional<Frame> take_frame(std::string& bytes);

}  // namespace skipjack
