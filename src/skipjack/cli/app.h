// The command line as a whole: read it, run the command, turn errors into one line and an exit
// code.
#pragma once

#include "skipjack/cli/context.h"

namespace skipjack::cli {

/// argv as main gets it. Never throws; returns the exit code.
int run(int argc, const char* const* argv, Context& context);

}  // namespace skipjack::cli
