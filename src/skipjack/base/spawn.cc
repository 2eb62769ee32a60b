#include "skipjack/base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "skipjack/base/error.h"

extern char** environ;

namespace skipjack {

pid_t spawn(const SpawnOptions& options) {
  SKIPJACK_CHECK(!options.words.empty());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : options.closed)
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  for (const auto& [ours, theirs] : options.descriptors)
    posix_spawn_file_actions_adddup2(&actions, ours, theirs);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  int apart = 0;
  if (options.apart == SpawnOptions::Apart::Session) apart = POSIX_SPAWN_SETSID;
  if (options.apart == SpawnOptions::Apart::Group) apart = POSIX_SPAWN_SETPGROUP;
  posix_spawnattr_setflags(
      &attributes, static_cast<short>(apart | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  std::vector<std::string> copies = options.words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error_number =
      options.file.empty()
          ? ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ)
          : ::posix_spawn(&pid, options.file.c_str(), &actions, &attributes, arguments.data(),
                          environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error_number != 0) throw errno_error(error_number, "can't run " + options.what);
  return pid;
}

}  // namespace skipjack
