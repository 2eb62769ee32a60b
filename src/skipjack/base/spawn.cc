#include "skipjack/base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "skipjack/base/error.h"

extern char** environ;

namespace skipjack {
namespace {

/// As exec wants them: to the first byte of each, and none at the end.
std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

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
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (options.apart == SpawnOptions::Apart::Group) flags |= POSIX_SPAWN_SETPGROUP;
  if (options.apart == SpawnOptions::Apart::Session) flags |= POSIX_SPAWN_SETSID;
  posix_spawnattr_setflags(&attributes, static_cast<short>(flags));
  std::vector<std::string> words = options.words;
  const std::vector<char*> arguments = pointers(words);
  std::vector<std::string> variables = options.environment.value_or(std::vector<std::string>{});
  const std::vector<char*> own_environment = pointers(variables);
  char* const* environment = options.environment ? own_environment.data() : environ;
  pid_t pid = -1;
  const int error_number =
      options.file.empty()
          ? ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environment)
          : ::posix_spawn(&pid, options.file.c_str(), &actions, &attributes, arguments.data(),
                          environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error_number != 0) throw errno_error(error_number, "can't run " + options.what);
  return pid;
}

}  // namespace skipjack
