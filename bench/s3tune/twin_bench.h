// What the benches on a twin have in common around their measurement: the command line, and errors
// as one line and an exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "skipjack/base/error.h"

namespace skipjack::bench {

struct TwinBenchFlags {
  std::string method = "bayesopt";
  /// See TwinWorldOptions.
  double noise = 0.02;
};

/// Adds the flags that all have; flags must outlive the parsing.
inline void add_twin_bench_flags(CLI::App& app, TwinBenchFlags& flags) {
  app.add_option("--method", flags.method, "Search method; default bayesopt");
  app.add_option("--noise", flags.noise, "What the machine adds to a download; default 0.02")
      ->check(CLI::NonNegativeNumber);
}

/// Parses, runs, returns the exit code: that of run(), 2 for errors, CLI11's own for bad flags.
template <class Run>
int run_twin_bench(CLI::App& app, int argc, char** argv, Run run) {
  CLI11_PARSE(app, argc, argv);
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 2;
  }
}

}  // namespace skipjack::bench
