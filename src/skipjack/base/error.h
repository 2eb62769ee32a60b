// The one exception type. A trial that fails and a request that fails are values; what else goes
// wrong (bad options, full disks, broken files) is an Error with a stable code and a message that
// names the thing, its value, the bound and what to try. A bug is a failed SKIPJACK_CHECK.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace skipjack {

/// Stable classification; the command line maps each to an exit code, Python to an exception.
enum class ErrorCode {
  InvalidArgument,
  NotFound,
  AlreadyExists,
  PermissionDenied,
  Corrupted,
  Io,
  Network,
  Timeout,
  Cancelled,
  Exhausted,
  Unsupported,
};

/// "invalid_argument", "not_found", ...
std::string_view to_string(ErrorCode code);

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::string try_this = {})
      : std::runtime_error(message), code_(code), try_this_(std::move(try_this)) {}

  ErrorCode code() const { return code_; }
  /// What the user may try; empty if nothing is known to help.
  const std::string& try_this() const { return try_this_; }

 private:
  ErrorCode code_;
  std::string try_this_;
};

/// Error for a failed system call: message plus the text of errno, the code derived from it
/// (ENOENT is NotFound, EACCES PermissionDenied, EEXIST AlreadyExists, everything else Io).
Error errno_error(int error_number, const std::string& what);

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

/// Always on. Guards against our own bugs; no input may reach it.
#define SKIPJACK_CHECK(condition) \
  ((condition) ? (void)0 : ::skipjack::check_failed(#condition, __FILE__, __LINE__))

}  // namespace skipjack
