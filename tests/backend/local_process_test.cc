// What a script sees and what is kept of it. Processes that die before their time:
// local_process_kill_test.cc.
#include <sched.h>

#include <cmath>

#include "backend/local_process_fixture.h"
#include "skipjack/backend/processors.h"
#include "skipjack/base/error.h"

namespace skipjack {
namespace {

constexpr const char* kPrintArguments = R"(import json, os, sys
print(json.dumps(sys.argv))
print('[tune-metric]: {"loss": 0.5}')
)";

Configuration one(const char* name, Json value) {
  return Json(Json::Object{{name, std::move(value)}});
}

TEST_F(LocalProcess, ScriptGetsArgumentsAsFromSyneTune) {
  const Configuration configuration = parse_json(
      R"({"x": 1e-5, "k": 10, "c": "two  words; $HOME 'x'", "flag": true, "nn": null, "path": "/a b/c"})");
  const AttemptEnd end = run_script("print arguments.py", kPrintArguments, configuration);
  EXPECT_EQ(end.outcome, Outcome::Completed) << end.reason << end.error_tail;
  const Json arguments = parse_json(output().substr(0, output().find('\n')));
  const std::string checkpoints = (trials() / "0" / "checkpoints").string();
  EXPECT_EQ(arguments,
            Json(Json::Array{Json((folder_.path() / "print arguments.py").string()), Json("--x"),
                             Json("1e-05"), Json("--k"), Json("10"), Json("--c"),
                             Json("two  words; $HOME 'x'"), Json("--flag"), Json("True"),
                             Json("--nn"), Json("None"), Json("--path"), Json("/a b/c"),
                             Json("--st_checkpoint_dir"), Json(checkpoints)}));
  EXPECT_FALSE(std::filesystem::exists(checkpoints));
  EXPECT_EQ(parse_json(read_file(trial_file("config.json"))), configuration);
}

TEST_F(LocalProcess, MaxResourceOverwritesItsAttribute) {
  LocalProcessOptions chosen = options("print.py", kPrintArguments);
  chosen.max_resource_attr = "epochs";
  chosen.arguments = AsJsonFile{};
  const auto backend = make_local_process_backend(chosen);
  Listener listener(*backend);
  StartRequest start = request(0, one("epochs", Json(27)));
  start.max_resource = 3;
  backend->start(start);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(parse_json(read_file(trial_file("config.json"))).at("epochs").as_int(), 3);
  EXPECT_NE(output().find("--st_config_json_filename"), std::string::npos);
  EXPECT_EQ(output().find("--epochs"), std::string::npos);
}

TEST_F(LocalProcess, TemplateRunsAnyProgram) {
  LocalProcessOptions chosen;
  chosen.entry_point = "/bin/echo";
  chosen.folder = trials();
  chosen.arguments = AsTemplate{{"[tune-metric]:", "{{\"size\": {size}}}"}};
  EXPECT_EQ(run_one(chosen, one("size", Json(8))).outcome, Outcome::Completed);
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0], one("size", Json(8)));
}

// The lines that Syne Tune's Reporter prints, from a script written for it, its import replaced by
// what it does.
constexpr const char* kSyneTuneWorker = R"(
import argparse, json, sys, time
class Reporter:
    def __init__(self): self.start, self.iter = time.perf_counter(), 0
    def __call__(self, **kwargs):
        kwargs.update(st_worker_timestamp=time.time(), st_worker_time=time.perf_counter() - self.start,
                      st_worker_iter=self.iter)
        self.iter += 1
        print(f"[tune-metric]: {json.dumps(kwargs)}")
        sys.stdout.flush()
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--width", type=float)
    parser.add_argument("--height", type=float)
    args, _ = parser.parse_known_args()
    report = Reporter()
    for step in range(args.epochs):
        dummy_score = 1.0 / (0.1 + args.width * step / 100) + args.height * 0.1
        report(step=step, mean_loss=dummy_score, epoch=step + 1)
)";

TEST_F(LocalProcess, SyneTuneWorkerRunsUnmodified) {
  const AttemptEnd end = run_script("height.py", kSyneTuneWorker,
                                    parse_json(R"({"epochs": 3, "width": 10.5, "height": -2.0})"));
  EXPECT_EQ(end.outcome, Outcome::Completed) << end.error_tail;
  EXPECT_EQ(end.exit_code, 0);
  ASSERT_EQ(reports_.size(), 3u);
  EXPECT_EQ(reports_[2].at("epoch").as_int(), 3);
  EXPECT_NEAR(reports_[2].at("mean_loss").as_double(), 1.0 / (0.1 + 10.5 * 2 / 100) - 0.2, 1e-12);
  EXPECT_EQ(reports_[2].at("st_worker_iter").as_int(), 2);
}

TEST_F(LocalProcess, UnflushedPrintsOfPythonComeAtOnce) {
  const auto backend = make_local_process_backend(options("slow.py", R"(import time
print('[tune-metric]: {"a": NaN}')
print('log [tune-metric]: {"a": -Infinity} more')
time.sleep(600)
)"));
  Listener listener(*backend);
  backend->start(request(0, Json(Json::Object{})));
  ASSERT_TRUE(listener.until_reports(2));
  const std::vector<Json>& reports = listener.reports.at({0, 0});
  EXPECT_TRUE(std::isnan(reports[0].at("a").as_double()));
  EXPECT_EQ(reports[1].at("a").as_double(), -INFINITY);
}

TEST_F(LocalProcess, CrashKeepsSignalCodeAndLastLines) {
  AttemptEnd end = run_script("crash.sh", "#!/bin/sh\necho first >&2\nkill -SEGV $$\n");
  EXPECT_EQ(end.outcome, Outcome::Failed);
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_EQ(end.reason, "killed by signal 11");
  EXPECT_EQ(end.error_tail, "first\n");

  end = run_script(
      "fail.py",
      "import sys\nsys.stderr.write('x' * 99 + chr(10))\nfor i in range(1000): "
      "sys.stderr.write(f'line {i}\\n')\nsys.stderr.buffer.write(b'\\xff')\nsys.exit(7)\n");
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_EQ(end.reason, "exit code 7");
  EXPECT_LE(end.error_tail.size(), 2048u);
  EXPECT_GT(end.error_tail.size(), 1900u);
  EXPECT_TRUE(end.error_tail.starts_with("line ")) << end.error_tail.substr(0, 20);
  EXPECT_TRUE(end.error_tail.ends_with("line 999\n?"));
}

TEST_F(LocalProcess, SilenceIsAllowedOnRequest) {
  LocalProcessOptions chosen = options("silent.sh", "#!/bin/sh\necho '[tune-metric]: {broken'\n");
  EXPECT_EQ(run_one(chosen).reason,
            "reported no metric; 1 report could not be read; the first begins {broken");
  chosen.silent_trials = SilentTrials::Complete;
  EXPECT_EQ(run_one(chosen).outcome, Outcome::Completed);
}

TEST_F(LocalProcess, LaterAttemptsAppendToTheFiles) {
  const LocalProcessOptions chosen =
      options("note.sh", "#!/bin/sh\necho out\necho err >&2\necho '[tune-metric]: {}'\n");
  run_one(chosen);
  run_one(chosen);
  EXPECT_EQ(output(), "out\n[tune-metric]: {}\nout\n[tune-metric]: {}\n");
  EXPECT_EQ(read_file(trial_file("std.err")), "err\nerr\n");
  EXPECT_FALSE(std::filesystem::exists(trial_file("attempt-0.pid")));
}

TEST_F(LocalProcess, ProgramMaySaveItsWorkWhenAskedToEnd) {
  const auto backend = make_local_process_backend(options("save.sh", R"(#!/bin/sh
trap 'mkdir -p "$2"; echo saved > "$2/state"; echo "[tune-metric]: {\"last\": 1}"; exit 0' TERM
echo '[tune-metric]: {"first": 1}'
while :; do sleep 0.01; done
)"));
  Listener listener(*backend);
  backend->start(request(0, Json(Json::Object{})));
  ASSERT_TRUE(listener.until_reports(1));
  backend->end({0, 0}, EndAs::Paused);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.ends.at({0, 0}).outcome, Outcome::Paused);
  EXPECT_EQ(listener.ends.at({0, 0}).exit_code, 0);
  EXPECT_EQ(listener.num_reports, 2u);
  EXPECT_EQ(read_file(trial_file("checkpoints/state")), "saved\n");

  StartRequest copy = request(1, Json(Json::Object{}));
  copy.checkpoint_from = 0;
  backend->start(copy);
  ASSERT_TRUE(listener.until_reports(3));
  EXPECT_EQ(read_file(trials() / "1" / "checkpoints" / "state"), "saved\n");
  backend->end({1, 0}, EndAs::Stopped);
  ASSERT_TRUE(listener.until_finished(2));
  backend->delete_checkpoint(1);
  EXPECT_FALSE(std::filesystem::exists(trials() / "1" / "checkpoints"));
  EXPECT_TRUE(std::filesystem::exists(trial_file("checkpoints/state")));
}

TEST_F(LocalProcess, MissingCheckpointIsToldOnceAndTheTrialBeginsAnew) {
  LocalProcessOptions chosen = options("behave.sh", kBehaviourScript);
  chosen.capacity = 2;
  std::vector<std::string> told;
  chosen.log = [&](LogLevel, std::string_view message) { told.emplace_back(message); };
  const auto backend = make_local_process_backend(chosen);
  Listener listener(*backend);
  for (const TrialId trial : {1, 2}) {
    StartRequest start = request(trial, behaviour("return", 1));
    start.checkpoint_from = 0;
    backend->start(start);
  }
  ASSERT_TRUE(listener.until_finished(2));
  EXPECT_EQ(listener.ends.at({1, 0}).outcome, Outcome::Completed);
  EXPECT_EQ(listener.ends.at({2, 0}).outcome, Outcome::Completed);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("trial 0 has no checkpoint"), std::string::npos);
}

TEST_F(LocalProcess, ARunningTrialMayReplaceItsCheckpointWhileItIsCopied) {
  LocalProcessOptions chosen = options("replace.sh", R"(#!/bin/sh
mkdir -p "$2"
echo whole > "$2/state"
echo '[tune-metric]: {"first": 1}'
while :; do
  echo whole > "$2/state.tmp"
  mv "$2/state.tmp" "$2/state"
done
)");
  chosen.capacity = 2;
  const auto backend = make_local_process_backend(chosen);
  Listener listener(*backend);
  backend->start(request(0, Json(Json::Object{})));
  ASSERT_TRUE(listener.until_reports(1));
  for (TrialId trial = 1; trial <= 20; ++trial) {
    StartRequest copy = request(trial, Json(Json::Object{}));
    copy.checkpoint_from = 0;
    backend->start(copy);
    EXPECT_TRUE(std::filesystem::exists(trials() / std::to_string(trial) / "checkpoints/state"));
    backend->end(copy.id, EndAs::Stopped);
    ASSERT_TRUE(listener.until_finished(static_cast<std::size_t>(trial)));
  }
}

TEST_F(LocalProcess, ChattyProgramNeverWaitsForTheTuner) {
  const std::filesystem::path done = folder_.path() / "done";
  const auto backend = make_local_process_backend(options("chatty.sh", R"(#!/bin/sh
head -c 30000000 /dev/zero
echo '[tune-metric]: {"a": 1}'
head -c 3000000 /dev/zero >&2
echo > "$2"
)"));
  backend->start(request(0, one("done", Json(done.string()))));
  // Nobody waits for events, and still it comes to its end.
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(done); }));
  Listener listener(*backend);
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.num_reports, 1u);
  EXPECT_EQ(std::filesystem::file_size(trial_file("std.out")), 30000000u + 24u);
}

TEST_F(LocalProcess, OutputBeyondTheLimitIsReadAndNotKept) {
  LocalProcessOptions chosen = options(
      "chatty.sh", "#!/bin/sh\nhead -c 100000 /dev/zero\necho '[tune-metric]: {\"a\": 1}'\n");
  chosen.max_output_bytes = 1000;
  const AttemptEnd end = run_one(chosen);
  EXPECT_EQ(end.outcome, Outcome::Completed);
  EXPECT_EQ(reports_.size(), 1u);
  EXPECT_EQ(std::filesystem::file_size(trial_file("std.out")), 1000u);
  EXPECT_NE(end.reason.find("cut off"), std::string::npos);
}

TEST_F(LocalProcess, FullDiskDoesNotStopTheProgram) {
  const LocalProcessOptions chosen = options("behave.sh", kBehaviourScript);
  std::filesystem::create_directories(trials() / "0");
  std::filesystem::create_symlink("/dev/full", trial_file("std.out"));
  const AttemptEnd end = run_one(chosen, behaviour("return", 3));
  EXPECT_EQ(end.outcome, Outcome::Completed);
  EXPECT_EQ(reports_.size(), 3u);
  EXPECT_NE(end.reason.find("No space left"), std::string::npos) << end.reason;
}

TEST_F(LocalProcess, SlotsHaveDevicesAndProcessors) {
  LocalProcessOptions chosen = options("slots.py", R"(import json, os, time
print('[tune-metric]: ' + json.dumps({"gpus": os.environ["CUDA_VISIBLE_DEVICES"], "cpus": sorted(os.sched_getaffinity(0))}))
if "hang" in os.sys.argv: time.sleep(600)
)");
  chosen.capacity = 2;
  chosen.gpus = {"4", "5", "6", "7"};
  chosen.gpus_per_trial = 2;
  chosen.cpu_sets = {{0}, {0}};
  const auto backend = make_local_process_backend(chosen);
  Listener listener(*backend);
  const auto gpus = [&](TrialId trial) {
    return listener.reports.at({trial, 0}).at(0).at("gpus").as_string();
  };
  backend->start(request(0, one("do", Json("hang"))));
  backend->start(request(1, one("do", Json("return"))));
  ASSERT_TRUE(listener.until_finished(1));
  EXPECT_EQ(listener.reports.at({1, 0}).at(0).at("cpus"), Json(Json::Array{Json(0)}));
  backend->start(request(2, one("do", Json("return"))));
  ASSERT_TRUE(listener.until_finished(2));
  backend->end({0, 0}, EndAs::Stopped);
  ASSERT_TRUE(listener.until_finished(3));
  // Of 0-1 used once and 2-3 used twice, the next gets the first two.
  backend->start(request(3, one("do", Json("return"))));
  ASSERT_TRUE(listener.until_finished(4));
  EXPECT_EQ(gpus(0), "4,5");
  EXPECT_EQ(gpus(1), "6,7");
  EXPECT_EQ(gpus(2), "6,7");
  EXPECT_EQ(gpus(3), "4,5");
}

TEST(UnusableProcessors, AskingLeavesTheCallersOwnBindingAlone) {
  cpu_set_t before, after;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  std::vector<int> usable;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(static_cast<unsigned>(cpu), &before)) usable.push_back(cpu);
  EXPECT_TRUE(unusable_processors(usable).empty());
  ASSERT_EQ(::sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST_F(LocalProcess, EnvironmentAndFolderAreAsAsked) {
  LocalProcessOptions chosen = options("where.sh", R"(#!/bin/sh
echo "[tune-metric]: {\"pwd\": \"$(pwd)\", \"a\": \"$A_B\", \"home\": \"${HOME-unset}\"}"
)");
  chosen.environment = {{"A_B", "c d"}, {"HOME", std::nullopt}};
  chosen.working_directory = std::filesystem::canonical(folder_.path());
  ASSERT_EQ(run_one(chosen).outcome, Outcome::Completed);
  EXPECT_EQ(reports_.at(0), Json(Json::Object{{"pwd", Json(chosen.working_directory->string())},
                                              {"a", Json("c d")},
                                              {"home", Json("unset")}}));
}

TEST_F(LocalProcess, ProgramHasNoDescriptorOfTheTuner) {
  const int leak = ::open("/dev/null", 0);  // without O_CLOEXEC
  ASSERT_GE(leak, 0);
  run_script("fds.py", "import os\nprint(sorted(int(f) for f in os.listdir('/proc/self/fd')))\n");
  ::close(leak);
  EXPECT_EQ(output(), "[0, 1, 2, 3]\n");  // 3 is the listing itself
}

TEST_F(LocalProcess, WhatNoTrialCanRunIsRefused) {
  const auto code = [](LocalProcessOptions chosen) -> std::optional<ErrorCode> {
    try {
      make_local_process_backend(std::move(chosen));
    } catch (const Error& error) {
      EXPECT_STRNE(error.what(), "");
      return error.code();
    }
    return std::nullopt;
  };
  const LocalProcessOptions good = options("behave.sh", kBehaviourScript);
  EXPECT_EQ(code(good), std::nullopt);
  LocalProcessOptions bad = good;
  bad.entry_point = folder_.path() / "none.sh";
  EXPECT_EQ(code(bad), ErrorCode::NotFound);
  bad.entry_point = folder_.path();
  EXPECT_EQ(code(bad), ErrorCode::InvalidArgument);
  bad = good;
  std::filesystem::permissions(good.entry_point, std::filesystem::perms::owner_read);
  EXPECT_EQ(code(bad), ErrorCode::InvalidArgument);
  std::filesystem::permissions(good.entry_point, std::filesystem::perms::owner_all);
  bad = good;
  bad.capacity = 0;
  EXPECT_EQ(code(bad), ErrorCode::InvalidArgument);
  bad = good;
  bad.gpus = {"0"};
  bad.capacity = 2;
  EXPECT_EQ(code(bad), ErrorCode::InvalidArgument);
  bad = good;
  bad.cpu_sets = {{0}, {1}};
  EXPECT_EQ(code(bad), ErrorCode::InvalidArgument);
  for (const int cpu : {-1, CPU_SETSIZE - 1, CPU_SETSIZE}) {  // no machine of tests has so many
    bad.cpu_sets = {{cpu}};
    EXPECT_EQ(code(bad), ErrorCode::InvalidArgument) << cpu;
  }
  bad = good;
  bad.working_directory = folder_.path() / "none";
  EXPECT_EQ(code(bad), ErrorCode::NotFound);
  bad = good;
  bad.supervisor = folder_.path() / "none";
  EXPECT_EQ(code(bad), ErrorCode::NotFound);
}

TEST_F(LocalProcess, ProgramThatVanishesIsFoundOutBeforeTheStart) {
  const LocalProcessOptions chosen = options("behave.sh", kBehaviourScript);
  const auto backend = make_local_process_backend(chosen);
  std::filesystem::remove(chosen.entry_point);
  EXPECT_THROW(backend->start(request(0, behaviour("return", 1))), Error);
  EXPECT_FALSE(std::filesystem::exists(trials() / "0"));
}

TEST_F(LocalProcess, MissingInterpreterIsNamed) {
  LocalProcessOptions chosen = options("a.py", "");
  chosen.interpreter = {"no-such-python"};
  EXPECT_EQ(run_one(chosen).reason, "can't run 'no-such-python': No such file or directory");
}

TEST_F(LocalProcess, SupervisorAloneSaysWhatItIs) {
  EXPECT_EQ(WEXITSTATUS(std::system((std::string(SKIPJACK_SUPERVISOR) + " 2>/dev/null").c_str())),
            2);
}

}  // namespace
}  // namespace skipjack
