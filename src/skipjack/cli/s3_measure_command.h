// skipjack s3 measure: the trial of s3 tune, which nobody has to know, and where it runs.
#pragma once

#include <CLI/CLI.hpp>

#include "skipjack/cli/context.h"
#include "skipjack/s3tune/node.h"

namespace skipjack::cli {

enum class Metadata { Ask, Leave };
/// This machine; of an instance, its metadata are asked what it is.
s3tune::Node this_node(const Context& context, Metadata metadata);

/// Adds `s3 measure`, not shown in the help.
void add_s3_measure(CLI::App& s3, Context& context);

}  // namespace skipjack::cli
