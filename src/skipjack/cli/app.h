// The command line as a whole: read it, run the command, turn errors into one line and an exit
// code.
#pragma once

#include <string>
#include <vector>

#include "skipjack/cli/context.h"

namespace skipjack::cli {

/// A copy of the arguments; in the originals, which `ps` shows to everybody, the values of
/// --access-key, --secret-key and --session-token are then overwritten.
std::vector<std::string> take_arguments(int argc, char** argv);

/// argv as main gets it. Never throws; returns the exit code.
int run(int argc, const char* const* argv, Context& context);

}  // namespace skipjack::cli
