// The program: hands the process's surroundings to run().
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "skipjack/cli/app.h"

namespace {

// A closed pipe shall be an error of the write, with its message. A handler that does nothing,
// since SIG_IGN would be inherited by the programs that are tuned.
extern "C" void on_closed_pipe(int) {}

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  struct sigaction closed_pipe {};
  closed_pipe.sa_handler = on_closed_pipe;
  closed_pipe.sa_flags = SA_RESTART;
  ::sigaction(SIGPIPE, &closed_pipe, nullptr);
  skipjack::cli::Context context{
      .environment = environment_variable,
      .out = std::cout,
      .err = std::cerr,
      .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
      .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
  };
  return skipjack::cli::run(argc, argv, context);
}
