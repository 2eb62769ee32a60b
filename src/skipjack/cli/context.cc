// Environment, exit codes, one-line errors.
#include "skipjack/cli/context.h"

#include <signal.h>

#include <cerrno>
#include <ostream>
#include <system_error>

#include "skipjack/base/file.h"
#include "skipjack/base/utf8.h"

namespace skipjack::cli {
namespace {

/// U+202A to U+202E and U+2066 to U+2069, which have a terminal show text in another order.
bool is_bidirectional_mark(std::string_view character) {
  if (character.size() != 3 || character[0] != '\xe2') return false;
  const auto last = static_cast<unsigned char>(character[2]);
  return (character[1] == '\x80' && last >= 0xaa && last <= 0xae) ||
         (character[1] == '\x81' && last >= 0xa6 && last <= 0xa9);
}

}  // namespace

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return kExitUsage;
    case ErrorCode::NotFound:
      return kExitNotFound;
    case ErrorCode::AlreadyExists:
      return kExitAlreadyExists;
    case ErrorCode::PermissionDenied:
      return kExitPermissionDenied;
    case ErrorCode::Corrupted:
      return kExitCorrupted;
    case ErrorCode::Io:
      return kExitIo;
    case ErrorCode::Network:
      return kExitNetwork;
    case ErrorCode::Timeout:
      return kExitTimeout;
    case ErrorCode::Cancelled:
      return kExitInterrupted;
    case ErrorCode::Exhausted:
      return kExitExhausted;
    case ErrorCode::Unsupported:
      return kExitUnsupported;
  }
  return kExitFailure;
}

std::filesystem::path experiments_folder(const Context& context) {
  using std::filesystem::absolute;  // trials may run in another folder
  if (!context.experiments_dir.empty()) return absolute(context.experiments_dir);
  if (const auto home = context.environment("SKIPJACK_HOME")) return absolute(*home);
  if (const auto data = context.environment("XDG_DATA_HOME"))
    return absolute(std::filesystem::path(*data) / "skipjack");
  if (const auto home = context.environment("HOME"))
    return absolute(std::filesystem::path(*home) / ".local" / "share" / "skipjack");
  throw Error(ErrorCode::NotFound, "no folder for experiments: HOME is not set",
              "name one with --experiments-dir or SKIPJACK_HOME");
}

std::filesystem::path state_folder(const Context& context) {
  using std::filesystem::absolute;
  if (const auto state = context.environment("XDG_STATE_HOME"))
    return absolute(std::filesystem::path(*state) / "skipjack");
  if (const auto home = context.environment("HOME"))
    return absolute(std::filesystem::path(*home) / ".local" / "state" / "skipjack");
  throw Error(ErrorCode::NotFound, "no folder for what is remembered: HOME is not set",
              "name one with XDG_STATE_HOME");
}

std::filesystem::path own_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error);
}

std::string one_line(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = utf8_sequence_length(text);
    // U+0080 to U+009F are control characters too, and terminals obey them.
    const bool is_control =
        lead < 0x20 || lead == 0x7f ||
        (length == 2 && lead == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) ||
        is_bidirectional_mark(text.substr(0, length));
    if (length == 0)
      line += '?';
    else if (!is_control)
      line.append(text.substr(0, length));
    else if (line.empty() || line.back() != ' ')
      line += ' ';
    text.remove_prefix(length == 0 ? 1 : length);
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string error_line(const Error& error) {
  std::string line = "skipjack: " + one_line(error.what());
  if (!error.try_this().empty()) line += "; " + one_line(error.try_this());
  return line;
}

void write_output(Context& context, const std::filesystem::path& path, std::string_view text) {
  if (!path.empty() && path != "-") {
    write_file_atomically(path, text);
    return;
  }
  errno = 0;
  context.out << text << std::flush;
  if (!context.out && errno == EPIPE) {
    // Nobody reads on (`| head`): end as other programs do.
    ::signal(SIGPIPE, SIG_DFL);
    ::raise(SIGPIPE);
  }
  if (!context.out) throw errno_error(errno != 0 ? errno : EIO, "cannot write to standard output");
}

}  // namespace skipjack::cli
