// Keys that a program prints: credential_process of a profile. The command is split into words as a
// shell would, but no shell runs it: no variables, no substitution.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/s3/credentials.h"

namespace skipjack::s3 {

/// Words, with '...', "..." and \ as POSIX shells read them. Throws InvalidArgument for a quote
/// that is not closed, and for no word at all.
std::vector<std::string> split_command(std::string_view command);

struct ProcessOptions {
  std::string command;
  /// A program that takes longer is killed. Some wait for a person to tap a key.
  Duration time_limit = std::chrono::seconds(60);
  /// A program that prints more is killed. Keys take some thousand bytes.
  std::size_t longest_output = 64 * 1024;
  std::stop_token stop{};
};
/// Runs the program without input; what it writes to standard error goes where ours goes. Throws
/// NotFound and PermissionDenied for what can't be run, Io if it fails, Timeout, Corrupted for what
/// is no answer of version 1, Cancelled. Messages never quote what it prints nor its arguments.
Credentials fetch_process_credentials(const ProcessOptions& options);

}  // namespace skipjack::s3
