// skipjack s3 measure: the trial of s3 tune, which nobody has to know.
#pragma once

#include <CLI/CLI.hpp>

#include "skipjack/cli/context.h"

namespace skipjack::cli {

/// Adds `s3 measure`, not shown in the help.
void add_s3_measure(CLI::App& s3, Context& context);

}  // namespace skipjack::cli
