// A program as a child: how it ended, what it printed last, and that it can be ended.
#include "skipjack/s3tune/child_process.h"

#include <gtest/gtest.h>

#include <thread>

#include "../temporary_folder.h"
#include "skipjack/base/error.h"

namespace skipjack::s3tune {
namespace {

TEST(ChildProcess, TellsHowItEndedAndWhatItPrintedLast) {
  const ChildResult result = run_child({.words = {"sh", "-c", "echo one; echo two >&2; exit 3"}});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.output, "one\ntwo\n");
  EXPECT_EQ(last_line(result.output), "two");
  EXPECT_GT(to_seconds(result.duration), 0);
  EXPECT_GT(result.peak_memory_bytes, 0);
  EXPECT_EQ(run_child({.words = {"sh", "-c", "kill -9 $$"}}).exit_code, 128 + 9);
}

TEST(ChildProcess, ProgramThatCannotBeRunIsAnExitCode) {
  const ChildResult missing = run_child({.words = {"/nonexistent/program"}});
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_EQ(last_line(missing.output), "can't run it: No such file or directory");
  EXPECT_EQ(run_child({.words = {"/"}}).exit_code, 127);
  const TemporaryFolder folder;
  const auto text = folder.write_script("text", "neither a script nor a program");
  EXPECT_EQ(last_line(run_child({.words = {text.string()}}).output),
            "can't run it: Exec format error");
}

TEST(ChildProcess, OnlyTheEndOfALongOutputIsKept) {
  const ChildResult result =
      run_child({.words = {"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; echo end"}});
  EXPECT_EQ(result.output.size(), 64u * 1024);
  EXPECT_TRUE(result.output.ends_with("xend\n"));
}

TEST(ChildProcess, CpuOfItsOwnChildrenIsItsOwn) {
  const ChildResult result = run_child(
      {.words = {"sh", "-c", "sh -c 'i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done'; true"}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_GT(result.cpu_seconds, 0.005);
}

TEST(ChildProcess, EndsWhereNobodyWaitsForItsOutput) {
  // The grandchild holds the pipe when the child is gone.
  const ChildResult result = run_child(
      {.words = {"sh", "-c", "sleep 20 & echo started"}, .time_limit = std::chrono::seconds(10)});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "started\n");
}

TEST(ChildProcess, HasTheEnvironmentThatItIsGiven) {
  const ChildResult result = run_child({.words = {"sh", "-c", "echo \"$A, $HOME.\""},
                                        .environment = std::vector<std::string>{"A=1"}});
  EXPECT_EQ(result.output, "1, .\n");
}

TEST(ChildProcess, IsEndedByAStopAndByItsTimeLimit) {
  try {
    run_child({.words = {"sleep", "60"}, .time_limit = std::chrono::milliseconds(50)});
    FAIL() << "it slept on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Timeout);
  }
  std::stop_source stop;
  stop.request_stop();
  try {
    run_child({.words = {"sleep", "60"}, .stop = stop.get_token()});
    FAIL() << "it slept on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Cancelled);
  }
}

}  // namespace
}  // namespace skipjack::s3tune
