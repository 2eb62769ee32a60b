#include "skipjack/base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace skipjack {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidArgument:
      return "invalid_argument";
    case ErrorCode::NotFound:
      return "not_found";
    case ErrorCode::AlreadyExists:
      return "already_exists";
    case ErrorCode::PermissionDenied:
      return "permission_denied";
    case ErrorCode::Corrupted:
      return "corrupted";
    case ErrorCode::Io:
      return "io";
    case ErrorCode::Network:
      return "network";
    case ErrorCode::Timeout:
      return "timeout";
    case ErrorCode::Cancelled:
      return "cancelled";
    case ErrorCode::Exhausted:
      return "exhausted";
    case ErrorCode::Unsupported:
      return "unsupported";
  }
  return "unknown";
}

Error errno_error(int error_number, const std::string& what) {
  const std::string text = what + ": " + std::generic_category().message(error_number);
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return Error(ErrorCode::NotFound, text, "check the path");
    case EACCES:
    case EPERM:
    case EROFS:
      return Error(ErrorCode::PermissionDenied, text,
                   "check the permissions, or choose another folder");
    case EEXIST:
      return Error(ErrorCode::AlreadyExists, text);
    case ENAMETOOLONG:
    case EILSEQ:
    case EISDIR:
      return Error(ErrorCode::InvalidArgument, text, "choose another name");
    case ENOSPC:
    case EDQUOT:
      return Error(ErrorCode::Io, text, "free some space, or choose another folder");
    default:
      return Error(ErrorCode::Io, text);
  }
}

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "skipjack: bug: %s is false at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace skipjack
