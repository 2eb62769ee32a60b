// The commands, one file a group. Each function adds its subcommand, flags and help to the parser
// and sets Context::action when it was chosen; nothing happens while the command line is read.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "skipjack/cli/context.h"

namespace skipjack::cli {

/// Once the command line has been read, run(*flags, context) is what happens if the command was
/// chosen. Its value is the exit code.
template <class Flags>
void on_choice(CLI::App& command, Context& context, std::shared_ptr<Flags> flags,
               int (*run)(const Flags&, Context&)) {
  command.callback([flags, &context, run] {
    context.action = [flags, &context, run] { return run(*flags, context); };
  });
}

/// skipjack s3 get | put | cp | ls | rm | sim | tune
void add_s3(CLI::App& app, Context& context);
void add_s3_get(CLI::App& s3, Context& context);
void add_s3_put(CLI::App& s3, Context& context);
void add_s3_cp(CLI::App& s3, Context& context);
void add_s3_ls(CLI::App& s3, Context& context);
void add_s3_rm(CLI::App& s3, Context& context);
void add_s3_sim(CLI::App& s3, Context& context);
/// skipjack tune
void add_tune(CLI::App& app, Context& context);
/// skipjack methods
void add_methods(CLI::App& app, Context& context);
/// skipjack watch
void add_watch(CLI::App& app, Context& context);
/// skipjack resume
void add_resume(CLI::App& app, Context& context);
/// skipjack list | show | rm
void add_experiments(CLI::App& app, Context& context);
/// skipjack export | plot
void add_results(CLI::App& app, Context& context);
/// skipjack bench search | transfer
void add_bench(CLI::App& app, Context& context);
void add_bench_transfer(CLI::App& bench, Context& context);

}  // namespace skipjack::cli
