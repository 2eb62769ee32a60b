// A folder for one test, scripts in it, and questions to ask of processes.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "../temporary_folder.h"
#include "backend/conformance.h"
#include "skipjack/backend/local_process.h"
#include "skipjack/backend/process_tree.h"
#include "skipjack/base/file.h"

namespace skipjack {

/// The backend that make() returns for a folder, which goes with it.
template <class Folder, class Make>
std::shared_ptr<Backend> backend_with_folder(Make make) {
  struct Both {
    Folder folder;
    std::unique_ptr<Backend> backend;
  };
  const auto both = std::make_shared<Both>();
  both->backend = make(both->folder);
  return {both, both->backend.get()};
}

/// In the ways of conformance.h. Arguments: --do WHAT --reports N --st_checkpoint_dir PATH.
inline constexpr const char* kBehaviourScript = R"(#!/bin/sh
i=0
while [ $i -lt "$4" ]; do echo "[tune-metric]: {\"i\": $i}"; i=$((i+1)); done
case "$2" in
  fail) echo "as it was told" >&2; exit 3;;
  hang) exec sleep 600;;
esac
)";

/// Waits up to 10 s, for what another process does and doesn't tell.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

/// A number that a script wrote into a file; 0 while there is none.
inline pid_t pid_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  // Whole lines only: a script may be just writing it.
  if (!std::getline(file, line) || file.eof()) return 0;
  return static_cast<pid_t>(std::atol(line.c_str()));
}
inline bool runs(pid_t pid) { return identify(pid).has_value(); }

class LocalProcess : public ::testing::Test {
 protected:
  LocalProcessOptions options(const std::string& script_name, const std::string& script) {
    LocalProcessOptions options;
    options.entry_point = folder_.write_script(script_name, script);
    options.folder = trials();
    options.grace_period = std::chrono::seconds(2);
    return options;
  }
  /// Runs one attempt of a script; how it ended.
  AttemptEnd run_script(const std::string& name, const std::string& script,
                        const Configuration& configuration = Json(Json::Object{})) {
    return run_one(options(name, script), configuration);
  }
  AttemptEnd run_one(LocalProcessOptions options,
                     const Configuration& configuration = Json(Json::Object{})) {
    const auto backend = make_local_process_backend(std::move(options));
    Listener listener(*backend);
    backend->start(request(0, configuration));
    EXPECT_TRUE(listener.until_finished(1));
    reports_ = listener.reports[{0, 0}];
    return listener.ends[{0, 0}];
  }
  std::filesystem::path trials() const { return folder_.path() / "trials"; }
  std::filesystem::path trial_file(const std::string& name) const { return trials() / "0" / name; }
  std::string output() const { return read_file(trial_file("std.out")); }

  TemporaryFolder folder_;
  std::vector<Json> reports_;
};

}  // namespace skipjack
