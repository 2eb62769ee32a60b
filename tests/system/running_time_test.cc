// Running time over a kill: a tuner is killed with SIGKILL while its only trial is silent, so that
// the journal's last event is as old as the run. What the next run begins with is the promise.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "../temporary_folder.h"
#include "skipjack/study/tuning.h"

namespace skipjack {
namespace {

using namespace std::chrono_literals;

TuningDefinition silent_trials(const std::filesystem::path& folder) {
  const std::filesystem::path script = folder / "silent.sh";
  std::ofstream(script) << "#!/bin/sh\nexec sleep 300\n";
  ::chmod(script.c_str(), 0755);
  TuningDefinition definition;
  definition.space = SearchSpace::from_text("x: uniform(0, 1)");
  definition.metrics = {{.name = "loss"}};
  definition.method = "random";
  definition.stop.max_time = 2500ms;
  definition.program = {.entry_point = script, .grace = 200ms};
  return definition;
}

/// Starts the tuning in a child process and kills that once its journal has shown life after the
/// last event.
void run_and_kill(const ExperimentStore& store, const TuningDefinition& definition) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      start_tuning(store, "killed", definition);
    } catch (...) {
    }
    ::_exit(1);
  }
  const auto until = std::chrono::steady_clock::now() + 20s;
  const auto showed_life = [&] {
    if (!std::filesystem::exists(store.folder("killed") / "journal.sqlite")) return false;
    const JournalContents contents = store.read("killed");
    return !contents.events.empty() && contents.running_time > contents.events.back().time;
  };
  while (!showed_life() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(10ms);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(RunningTime, OfAKilledRunCountsAgainstMaxTime) {
  const TemporaryFolder folder;
  const ExperimentStore store(folder.path() / "root");
  run_and_kill(store, silent_trials(folder.path()));
  const JournalContents left = store.read("killed");
  ASSERT_LT(left.events.back().time, 900ms) << "the trial was not silent";
  ASSERT_GE(left.running_time, 1s) << "the tuner showed no life";

  const TuningResult result = resume_tuning(store, "killed");
  EXPECT_EQ(result.reason, "max_time");
  const std::vector<Event> events = store.read("killed").events;
  const Event& resumed = events.at(left.events.size());
  ASSERT_TRUE(std::holds_alternative<RunStarted>(resumed.body));
  EXPECT_GE(resumed.time, left.running_time);
  // The second run got what the first had left over.
  EXPECT_LT(result.time - resumed.time, 2500ms);
  EXPECT_GE(result.time, 2500ms);
}

}  // namespace
}  // namespace skipjack
