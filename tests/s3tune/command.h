// Runs the real command line tool and reads what it prints.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "../temporary_folder.h"
#include "skipjack/base/file.h"

namespace skipjack::s3tune {

/// A running `skipjack`; killed, with its trials, if it is still there at the end.
class Command {
 public:
  Command(const std::filesystem::path& home, const std::vector<std::string>& arguments,
          const std::map<std::string, std::string>& environment = {})
      : out_(home / "command.out"), err_(home / "command.err") {
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto redirect = [](const std::filesystem::path& path, int to) {
        const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
        ::dup2(fd, to);
      };
      redirect(out_, STDOUT_FILENO);
      redirect(err_, STDERR_FILENO);
      ::setenv("SKIPJACK_HOME", (home / "experiments").c_str(), 1);
      ::setenv("HOME", home.c_str(), 1);
      for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                               "AWS_PROFILE", "AWS_ENDPOINT_URL"})
        ::unsetenv(name);
      for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
      std::vector<std::string> words = {SKIPJACK_BINARY};
      words.insert(words.end(), arguments.begin(), arguments.end());
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~Command() {
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  void kill(int signal) const { ::kill(pid_, signal); }
  pid_t pid() const { return pid_; }
  /// Exit code; 128 + number for a signal.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string output() const { return read_file(out_); }
  std::string errors() const { return read_file(err_); }

 private:
  std::filesystem::path out_, err_;
  pid_t pid_ = -1;
  bool ended_ = false;
};

}  // namespace skipjack::s3tune
