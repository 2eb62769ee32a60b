// Who dies when somebody is killed. The processes are real; whether they are gone is asked of
// /proc.
#include <spawn.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "backend/local_process_fixture.h"
#include "skipjack/backend/supervisor_process.h"

extern char** environ;

namespace skipjack {
namespace {

/// Leaves the numbers of three processes in the folder given: itself, a child in its group, and a
/// grandchild in a session of its own whose parent is gone. None of them hears SIGTERM if the
/// second placeholder says so.
std::string family_script(const char* trap) {
  return std::string("#!/bin/sh\n") + trap + R"(
folder="$2"
sleep 600 &
echo $! > "$folder/child.pid"
setsid sh -c 'sleep 600 & echo $! > "$0/grandchild.pid"' "$folder"
echo $$ > "$folder/program.pid"
echo '[tune-metric]: {"a": 1}'
)";
}
constexpr const char* kDeaf = "trap '' TERM";
constexpr const char* kPolite = "";

class LocalProcessKill : public LocalProcess {
 protected:
  void SetUp() override { std::filesystem::create_directories(trials()); }
  Configuration configuration() const {
    return Json(Json::Object{{"folder", Json(trials().string())}});
  }
  static constexpr const char* kNames[] = {"child", "grandchild", "program"};

  /// Waits until the family is complete; takes the files away for the next.
  std::vector<pid_t> family() const {
    std::vector<pid_t> pids;
    for (const char* name : kNames) {
      pid_t pid = 0;
      EXPECT_TRUE(eventually([&] {
        return (pid = pid_in(trials() / (std::string(name) + ".pid"))) > 0;
      })) << name;
      EXPECT_TRUE(runs(pid)) << name;
      pids.push_back(pid);
    }
    for (const char* name : kNames)
      std::filesystem::remove(trials() / (std::string(name) + ".pid"));
    return pids;
  }
  static bool any_runs(const std::vector<pid_t>& pids) {
    return std::any_of(pids.begin(), pids.end(), runs);
  }
  pid_t supervisor() const {
    std::ifstream file(trial_file("attempt-0.pid"));
    std::string word;
    pid_t pid = 0;
    while (file >> word)
      if (word == "supervisor") file >> pid;
    return pid;
  }
  /// Starts the tuner that is to be killed.
  pid_t start_driver(const std::string& script, const char* grace_ms) {
    std::string program = folder_.write_script("family.sh", script).string(),
                trial_folder = trials().string();
    std::string driver = SKIPJACK_TUNER_DRIVER, grace = grace_ms;
    char* arguments[] = {driver.data(), program.data(), trial_folder.data(), grace.data(), nullptr};
    pid_t pid = 0;
    EXPECT_EQ(::posix_spawn(&pid, driver.c_str(), nullptr, nullptr, arguments, environ), 0);
    return pid;
  }
  static void kill_driver(pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  std::unique_ptr<Backend> backend_for(const std::string& script, Duration grace) {
    LocalProcessOptions chosen = options("family.sh", script);
    chosen.grace_period = grace;
    return make_local_process_backend(chosen);
  }
};

const std::string kWait = "wait\n";

TEST_F(LocalProcessKill, StopEndsWholeFamily) {
  for (const char* trap : {kPolite, kDeaf}) {
    const auto backend = backend_for(family_script(trap) + kWait, std::chrono::milliseconds(300));
    Listener listener(*backend);
    backend->start(request(0, configuration()));
    ASSERT_TRUE(listener.until_reports(1));
    const std::vector<pid_t> pids = family();
    backend->end({0, 0}, EndAs::Stopped);
    ASSERT_TRUE(listener.until_finished(1));
    EXPECT_FALSE(any_runs(pids));
    const AttemptEnd& end = listener.ends.at({0, 0});
    EXPECT_EQ(end.outcome, Outcome::Stopped);
    EXPECT_EQ(end.signal, trap == kDeaf ? SIGKILL : SIGTERM);
    EXPECT_EQ(end.reason, trap == kDeaf ? "killed after the grace period of 0.3 s" : "");
  }
}

TEST_F(LocalProcessKill, StoppedProcessesAreEndedToo) {
  const auto backend =
      backend_for(family_script(kPolite) + "kill -STOP $$\n", std::chrono::seconds(20));
  Listener listener(*backend);
  backend->start(request(0, configuration()));
  const std::vector<pid_t> pids = family();
  backend->end({0, 0}, EndAs::Stopped);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_FALSE(any_runs(pids));
}

TEST_F(LocalProcessKill, WhatAProgramLeavesBehindEndsWithIt) {
  const auto backend =
      backend_for(family_script(kPolite) + "while [ ! -e \"$folder/go\" ]; do sleep 0.01; done\n",
                  std::chrono::seconds(20));
  Listener listener(*backend);
  backend->start(request(0, configuration()));
  const std::vector<pid_t> pids = family();
  std::ofstream(trials() / "go") << "go";
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Completed);
  EXPECT_FALSE(any_runs(pids));
}

TEST_F(LocalProcessKill, TimeLimitEndsWholeFamily) {
  const auto backend = backend_for(family_script(kDeaf) + kWait, std::chrono::milliseconds(100));
  Listener listener(*backend);
  StartRequest start = request(0, configuration());
  start.time_limit = std::chrono::milliseconds(700);
  backend->start(start);
  const std::vector<pid_t> pids = family();
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).reason, "time limit of 0.7 s");
  EXPECT_FALSE(any_runs(pids));
}

TEST_F(LocalProcessKill, DestroyingEndsAll) {
  auto backend = backend_for(family_script(kDeaf) + kWait, std::chrono::milliseconds(200));
  backend->start(request(0, configuration()));
  std::vector<pid_t> pids = family();
  pids.push_back(supervisor());
  backend.reset();
  EXPECT_FALSE(any_runs(pids));
}

TEST_F(LocalProcessKill, NothingOutlivesAKilledTuner) {
  for (const char* trap : {kPolite, kDeaf}) {
    const pid_t driver = start_driver(family_script(trap) + kWait, "300");
    std::vector<pid_t> pids = family();
    pids.push_back(supervisor());
    EXPECT_TRUE(any_runs(pids));
    kill_driver(driver);
    EXPECT_TRUE(eventually([&] { return !any_runs(pids); }));
    EXPECT_FALSE(std::filesystem::exists(trial_file("attempt-0.pid")));
  }
}

TEST_F(LocalProcessKill, NothingOutlivesAKilledSupervisor) {
  const auto backend = backend_for(family_script(kDeaf) + kWait, std::chrono::seconds(20));
  Listener listener(*backend);
  backend->start(request(0, configuration()));
  const std::vector<pid_t> pids = family();
  ::kill(supervisor(), SIGKILL);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Failed);
  EXPECT_EQ(listener.ends.at({0, 0}).reason, "its supervisor was killed by signal 9");
  EXPECT_FALSE(any_runs(pids));
}

// Met when a tuner is resumed at the moment at which the dead one's supervisors end.
TEST_F(LocalProcessKill, PidFileMayGoWhileItIsRead) {
  const std::filesystem::path path = trials() / "attempt-0.pid";
  std::atomic<bool> done = false;
  std::thread supervisor([&] {
    while (!done) {
      std::ofstream(path) << "supervisor 1 1\n";
      std::filesystem::remove(path);
    }
  });
  for (int i = 0; i < 20000; ++i) EXPECT_NO_THROW(read_pid_file(path));
  done = true;
  supervisor.join();
}

TEST_F(LocalProcessKill, ReconcileRemovesWhatTunerAndSupervisorLeft) {
  const pid_t driver = start_driver(family_script(kDeaf) + kWait, "300");
  const std::vector<pid_t> pids = family();
  const pid_t killed = supervisor();
  ASSERT_GT(killed, 1);
  ::kill(driver, SIGSTOP);  // so that it can't clean up
  ::kill(killed, SIGKILL);
  kill_driver(driver);
  EXPECT_TRUE(runs(pids[1])) << "the grandchild should have escaped";
  const auto backend = backend_for(family_script(kDeaf) + kWait, std::chrono::milliseconds(300));
  EXPECT_TRUE(backend->reconcile({{0, 0}}).empty());
  EXPECT_FALSE(any_runs(pids));
  EXPECT_FALSE(std::filesystem::exists(trial_file("attempt-0.pid")));
}

TEST_F(LocalProcessKill, ReconcileWaitsForTheGracePeriod) {
  const pid_t driver = start_driver(family_script(kDeaf) + kWait, "500");
  const std::vector<pid_t> pids = family();
  kill_driver(driver);
  const auto backend = backend_for(family_script(kDeaf) + kWait, std::chrono::milliseconds(500));
  EXPECT_TRUE(backend->reconcile({{0, 0}}).empty());
  EXPECT_FALSE(any_runs(pids));
}

TEST_F(LocalProcessKill, ReconcileSparesProcessesOfOthers) {
  pid_t stranger = 0;
  char name[] = "sleep", seconds[] = "600";
  char* arguments[] = {name, seconds, nullptr};
  ASSERT_EQ(::posix_spawnp(&stranger, "sleep", nullptr, nullptr, arguments, environ), 0);
  const std::string pid = std::to_string(stranger);
  const std::uint64_t ticks = identify(stranger)->start_ticks;
  const auto backend = backend_for(family_script(kPolite), std::chrono::milliseconds(10));
  std::filesystem::create_directories(trials() / "0");
  // A number used again, another boot, a line cut off, no text at all.
  for (const std::string& text :
       {"boot " + boot_id() + "\nsupervisor " + pid + " " + std::to_string(ticks + 1) +
            "\nprogram " + pid + " 1\n",
        "boot 00000000-0000-0000-0000-000000000000\nsupervisor " + pid + " " +
            std::to_string(ticks) + "\n",
        "boot " + boot_id() + "\nsupervisor " + pid + "\nprogram", std::string("\0\xff", 2)}) {
    std::ofstream(trial_file("attempt-0.pid")) << text;
    EXPECT_TRUE(backend->reconcile({{0, 0}}).empty());
    EXPECT_TRUE(runs(stranger)) << text;
  }
  ::kill(stranger, SIGKILL);
  ::waitpid(stranger, nullptr, 0);
}

}  // namespace
}  // namespace skipjack
