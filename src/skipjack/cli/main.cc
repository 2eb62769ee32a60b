// The program: hands the process's surroundings to run().
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "skipjack/cli/app.h"

namespace {

// A closed pipe and a file grown beyond its limit shall be errors of the write, with their
// messages. A handler that does nothing, since SIG_IGN would be inherited by the programs that are
// tuned.
extern "C" void on_failed_write(int) {}

/// Where a standard descriptor is closed (`>&-`), the next file to be opened would get its number,
/// and what is printed would go into that file. Opened the wrong way round: using it is an error.
void occupy_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0 &&
        ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
      std::_Exit(EXIT_FAILURE);  // Nowhere to say it.
}

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  const std::vector<std::string> arguments = skipjack::cli::take_arguments(argc, argv);
  std::vector<const char*> words;
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  struct sigaction failed_write {};
  failed_write.sa_handler = on_failed_write;
  failed_write.sa_flags = SA_RESTART;
  ::sigaction(SIGPIPE, &failed_write, nullptr);
  ::sigaction(SIGXFSZ, &failed_write, nullptr);
  skipjack::cli::Context context{
      .environment = environment_variable,
      .out = std::cout,
      .err = std::cerr,
      .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
      .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
  };
  return skipjack::cli::run(argc, words.data(), context);
}
