// skipjack s3 tune as a whole, over real sockets and processes: a tiny tuning, a kill in the
// verdict, and bad input that ends before any trial.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "command.h"
#include "skipjack/base/bytes.h"
#include "skipjack/journal/experiment_store.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3sim/server.h"
#include "skipjack/s3tune/s3_scheduler.h"
#include "skipjack/s3tune/s3_verdict.h"
#include "skipjack/study/tuning.h"

namespace skipjack::s3tune {
namespace {

constexpr std::int64_t kSize = 16 * kMiB;

s3sim::ServerOptions server_options() {
  s3sim::ServerOptions options{.objects = {{.bucket = "bench", .key = "obj", .size = kSize}}};
  options.profile = s3sim::find_profile("ec2-small");
  return options;
}

std::vector<std::string> tune_arguments(const s3sim::Server& server, const std::string& max_time,
                                        const std::string& to = "discard") {
  return {"s3", "tune", "s3://bench/obj", "--endpoint-url", server.endpoint_url(), "--max-time",
          max_time, "--to", to, "--method", "random", "--repeats", "2", "--name", "tiny",
          // No boto3: these tests are about our own client.
          "--python", "/nonexistent/python"};
}

JournalContents journal_of(const TemporaryFolder& home) {
  return ExperimentStore(home.path() / "experiments").read("tiny");
}

bool trial_has_begun(const TemporaryFolder& home, int trial) {
  return std::filesystem::exists(home.path() / "experiments" / "tiny" / "trials" /
                                 std::to_string(trial));
}

/// Looks again and again; false if it has not come in 40 s.
template <class Condition>
bool waits_until(Condition condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(40);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

void expect_no_failed_trial(const History& history) {
  for (const Trial& trial : history.trials())
    EXPECT_NE(trial.status, TrialStatus::Failed) << trial.end->error_tail;
}

TEST(S3Tune, EndsWithAVerdictAConfigurationAndNothingLeftBehind) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  std::vector<std::string> arguments = tune_arguments(server, "8s", "file");
  arguments.insert(arguments.end(), {"--folder", home.path().string()});
  Command command(home.path(), arguments);
  ASSERT_EQ(command.wait(), 0) << command.errors();
  const std::string output = command.output();
  for (const char* expected :
       {"Verdict on s3://bench/obj", "skipjack, boto3's values", "skipjack, left to itself",
        "GiB/s", "[95 %]", "the profile's own optimum", "ec2-small",
        "Use it:", "Report and data: "})
    EXPECT_NE(output.find(expected), std::string::npos) << expected << "\n" << output;
  EXPECT_NE(command.errors().find("requests ($"), std::string::npos) << command.errors();

  const JournalContents journal = journal_of(home);
  const TuningDefinition definition = tuning_definition_from_json(journal.header.definition);
  const History history = fold(journal.events);
  const S3Verdict verdict = s3_verdict(definition, history);
  EXPECT_GE(verdict.complete_blocks, 2);
  EXPECT_LE(to_seconds(history.time()), 10) << "the verdict is part of --max-time";
  expect_no_failed_trial(history);
  for (const auto& entry : std::filesystem::directory_iterator(home.path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".skipjack")) << entry.path();
  EXPECT_TRUE(std::filesystem::exists(home.path() / "experiments" / "tiny" / "config.json"));
}

TEST(S3Tune, KilledInItsVerdictItIsResumedWithTheSamePlan) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  Command killed(home.path(), tune_arguments(server, "12s"));
  const ExperimentStore store(home.path() / "experiments");
  // Until the third trial of the verdict has started; the tuning ends by itself if it never does.
  const auto verdict_trials = [](const History& history) {
    int count = 0;
    for (const Trial& trial : history.trials()) count += phase_of(trial) == "verdict";
    return count;
  };
  ASSERT_TRUE(waits_until([&] {
    return std::filesystem::exists(store.folder("tiny") / "journal.sqlite") &&
           verdict_trials(fold(journal_of(home).events)) >= 3;
  })) << killed.errors();
  killed.kill(SIGKILL);
  killed.wait();
  const std::vector<Event> before = journal_of(home).events;
  const auto plan = verdict_plan(fold(before));
  ASSERT_TRUE(plan);

  Command resumed(home.path(), {"resume", "tiny"});
  ASSERT_EQ(resumed.wait(), 0) << resumed.errors();
  const std::vector<Event> after = journal_of(home).events;
  ASSERT_GT(after.size(), before.size());
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(to_json(after[i].body), to_json(before[i].body)) << "event " << i;
  const History history = fold(after);
  const auto resumed_plan = verdict_plan(history);
  ASSERT_TRUE(resumed_plan);
  EXPECT_EQ(resumed_plan->num_blocks, plan->num_blocks);
  EXPECT_EQ(resumed_plan->winner, plan->winner);
  std::set<std::pair<std::int64_t, std::string>> cells;
  for (const Trial& trial : history.trials())
    if (phase_of(trial) == "verdict") {
      EXPECT_TRUE(
          cells.emplace(trial.tag.at("block").as_int(), trial.tag.at("arm").as_string()).second);
    }
  EXPECT_NE(resumed.output().find("Verdict on"), std::string::npos);

  Command again(home.path(), {"resume", "tiny"});
  EXPECT_EQ(again.wait(), 0) << again.errors();
  EXPECT_NE(again.output().find("finished already"), std::string::npos) << again.output();
}

TEST(S3Tune, WhatAKilledOneLeavesGoesWithItsExperiment) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  std::vector<std::string> arguments = tune_arguments(server, "60s", "file");
  arguments.insert(arguments.end(), {"--folder", home.path().string()});
  Command killed(home.path(), arguments);
  ASSERT_TRUE(waits_until([&] { return trial_has_begun(home, 0); })) << killed.errors();
  killed.kill(SIGKILL);
  killed.wait();
  const std::filesystem::path left = home.path() / ".skipjack-tiny";
  ASSERT_TRUE(std::filesystem::exists(left));

  // Another tuning in the same place leaves it to its resume.
  std::vector<std::string> other = arguments;
  *std::find(other.begin(), other.end(), "tiny") = "other";
  *std::find(other.begin(), other.end(), "60s") = "1s";
  Command beside(home.path(), other);
  EXPECT_EQ(beside.wait(), 0) << beside.errors();
  EXPECT_TRUE(std::filesystem::exists(left));
  EXPECT_FALSE(std::filesystem::exists(home.path() / ".skipjack-other"));

  Command removed(home.path(), {"rm", "--yes", "tiny"});
  EXPECT_EQ(removed.wait(), 0) << removed.errors();
  EXPECT_FALSE(std::filesystem::exists(left));
}

TEST(S3Tune, InterruptedItSaysHowToGoOn) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  Command command(home.path(), tune_arguments(server, "60s"));
  ASSERT_TRUE(waits_until([&] { return trial_has_begun(home, 1); }));
  command.kill(SIGINT);
  EXPECT_EQ(command.wait(), 130) << command.errors();
  EXPECT_NE(command.output().find("skipjack resume tiny"), std::string::npos) << command.output();
}

TEST(S3Tune, ObjectReplacedByOneOfTheSameSizeIsAnError) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  Command command(home.path(), tune_arguments(server, "60s"));
  ASSERT_TRUE(waits_until([&] { return trial_has_begun(home, 1); })) << command.errors();
  s3::Client client({.endpoint = {.endpoint_url = server.endpoint_url()}});
  const s3::ObjectAddress object{.bucket = "bench", .key = "obj"};
  const std::string before = client.head_object(object).etag;
  const std::string bytes(static_cast<std::size_t>(kSize), 'x');
  const std::string after = client.put_object({.object = object, .bytes = bytes});
  ASSERT_NE(before, after);
  EXPECT_EQ(command.wait(), 8) << command.errors();
  for (const std::string& expected : {std::string("changed during the tuning"), before, after})
    EXPECT_NE(command.errors().find(expected), std::string::npos) << command.errors();
  EXPECT_EQ(command.output().find("Verdict"), std::string::npos) << command.output();
}

/// One line on standard error, the exit code, and no experiment.
void expect_refused(const TemporaryFolder& home, Command& command, int exit_code,
                    const std::string& says) {
  EXPECT_EQ(command.wait(), exit_code) << command.errors();
  const std::string errors = command.errors();
  EXPECT_NE(errors.find(says), std::string::npos) << errors;
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
  EXPECT_FALSE(std::filesystem::exists(home.path() / "experiments" / "tiny"));
}

TEST(S3Tune, MissingBucketOrKeyEndsBeforeAnyTrial) {
  s3sim::Server server(server_options());
  for (const char* object : {"s3://nobucket/obj", "s3://bench/nokey"}) {
    const TemporaryFolder home;
    std::vector<std::string> arguments = tune_arguments(server, "5s");
    arguments[2] = object;
    Command command(home.path(), arguments);
    expect_refused(home, command, 3, "no");
  }
}

TEST(S3Tune, WrongCredentialsEndBeforeAnyTrial) {
  s3sim::ServerOptions options = server_options();
  options.access_key = "AKIDEXAMPLE";
  options.secret_key = "right";
  s3sim::Server server(options);
  const TemporaryFolder home;
  Command command(home.path(), tune_arguments(server, "5s"),
                  {{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}, {"AWS_SECRET_ACCESS_KEY", "wrong"}});
  expect_refused(home, command, 5, "");
  EXPECT_EQ(command.errors().find("wrong\n"), std::string::npos) << "the secret must not be shown";
}

/// Files below folder that hold the text.
std::vector<std::string> files_with(const std::filesystem::path& folder, const std::string& text) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && read_file(entry.path()).find(text) != std::string::npos)
      found.push_back(entry.path().string());
  return found;
}

/// The command lines of all processes that this user can see.
std::string all_command_lines() {
  std::string text;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    text.append(std::istreambuf_iterator<char>(file), {});
  }
  return text;
}

TEST(S3Tune, KeysAsArgumentsReachTheTrialsAndAreKeptNowhere) {
  const std::string secret = "c2VjcmV0LW9mLXRoaXMtdGVzdA";
  s3sim::ServerOptions options = server_options();
  options.access_key = "AKIDEXAMPLE";
  options.secret_key = secret;
  s3sim::Server server(options);
  const TemporaryFolder home;
  const std::vector<std::string> keys = {"--access-key", "AKIDEXAMPLE", "--secret-key", secret};
  std::vector<std::string> arguments = tune_arguments(server, "60s");
  if (const char* python = std::getenv("SKIPJACK_TEST_PYTHON")) arguments.back() = python;
  arguments.insert(arguments.end(), keys.begin(), keys.end());
  Command command(home.path(), arguments);
  const ExperimentStore store(home.path() / "experiments");
  ASSERT_TRUE(waits_until([&] {
    if (std::filesystem::exists(store.folder("tiny"))) {  // it is past its first act
      EXPECT_EQ(all_command_lines().find(secret), std::string::npos);
    }
    return trial_has_begun(home, 3);
  })) << command.errors();
  command.kill(SIGINT);
  ASSERT_EQ(command.wait(), 130) << command.errors();
  const History history = fold(journal_of(home).events);
  expect_no_failed_trial(history);
  EXPECT_GE(history.num_reports(), 3);

  Command without(home.path(), {"resume", "tiny"});
  EXPECT_EQ(without.wait(), 2) << without.errors();
  EXPECT_NE(without.errors().find("--access-key"), std::string::npos) << without.errors();
  EXPECT_EQ(fold(journal_of(home).events).num_runs(), 1) << "nothing may have run";

  std::vector<std::string> again = {"resume", "tiny", "--max-time", "+1s"};
  again.insert(again.end(), keys.begin(), keys.end());
  Command resumed(home.path(), again);
  const auto trials_before = history.trials().size();
  ASSERT_TRUE(waits_until([&] {
    return fold(journal_of(home).events).trials().size() >= trials_before + 2;
  })) << resumed.errors();
  resumed.kill(SIGINT);
  EXPECT_EQ(resumed.wait(), 130) << resumed.errors();
  expect_no_failed_trial(fold(journal_of(home).events));
  EXPECT_THAT(files_with(home.path(), secret), ::testing::IsEmpty());
}

TEST(S3Tune, UnreachableEndpointEndsBeforeAnyTrial) {
  const TemporaryFolder home;
  std::vector<std::string> arguments;
  {
    s3sim::Server server(server_options());
    arguments = tune_arguments(server, "5s");
  }  // nobody listens there any more
  Command command(home.path(), arguments);
  expect_refused(home, command, 7, "127.0.0.1");
}

TEST(S3Tune, FolderIsTunedWithItsSizeAndItsFilesTold) {
  s3sim::ServerOptions options{.objects = {{.bucket = "bench", .key = "m/1.bin", .size = 3 * kMiB},
                                           {.bucket = "bench", .key = "m/2.bin", .size = kMiB},
                                           {.bucket = "bench", .key = "n", .size = 5}}};
  options.profile = s3sim::find_profile("ec2-small");
  s3sim::Server server(options);
  const TemporaryFolder home;
  std::vector<std::string> arguments = tune_arguments(server, "3s", "file");
  arguments[2] = "s3://bench/m/";
  arguments.insert(arguments.end(), {"--folder", home.path().string(), "--save"});
  Command command(home.path(), arguments);
  ASSERT_EQ(command.wait(), 0) << command.errors();
  EXPECT_NE(command.errors().find("s3://bench/m/, 2 objects, 4 MiB"), std::string::npos)
      << command.errors();
  const std::string output = command.output();
  EXPECT_NE(output.find("s3://bench/m/ (2 objects, 4 MiB, to file)"), std::string::npos) << output;
  EXPECT_NE(output.find("skipjack s3 cp --recursive s3://bench/m/ ."), std::string::npos) << output;
  const JournalContents journal = journal_of(home);
  const TuningDefinition definition = tuning_definition_from_json(journal.header.definition);
  const Json& object = definition.extra.at("object");
  // (3 * 3 + 1 * 1) / 4 MiB.
  EXPECT_EQ(object.at("typical_size").as_int(), 5 * kMiB / 2);
  expect_no_failed_trial(fold(journal.events));
}

TEST(S3Tune, NothingBelowAPrefixEndsBeforeAnyTrial) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  std::vector<std::string> arguments = tune_arguments(server, "5s", "file");
  arguments[2] = "s3://bench/nothing/";
  Command command(home.path(), arguments);
  expect_refused(home, command, 3, "no object lies below");
}

TEST(S3Tune, MissingBoto3IsAnAnswerWhereItIsToBeTuned) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  std::vector<std::string> arguments = tune_arguments(server, "5s");
  arguments.insert(arguments.end(), {"--client", "boto3"});
  Command command(home.path(), arguments);
  expect_refused(home, command, 3, "--python");
}

TEST(S3Tune, TakenNameIsRefused) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  std::filesystem::create_directories(home.path() / "experiments" / "tiny");
  Command command(home.path(), tune_arguments(server, "5s"));
  EXPECT_EQ(command.wait(), 4);
  EXPECT_NE(command.errors().find("'tiny'"), std::string::npos) << command.errors();
}

TEST(S3Tune, TooFewBytesForTheBaselineAreRefused) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  std::vector<std::string> arguments = tune_arguments(server, "5s");
  arguments.insert(arguments.end(), {"--max-bytes", "1MiB", "--quiet"});
  Command command(home.path(), arguments);
  expect_refused(home, command, 2, "max_bytes");
}

/// Needs an interpreter with boto3, named by SKIPJACK_TEST_PYTHON.
TEST(S3TuneReferee, TunesTheRealBoto3AndPrintsItsTransferConfigOnlyIfItWon) {
  const char* python = std::getenv("SKIPJACK_TEST_PYTHON");
  if (!python) GTEST_SKIP() << "SKIPJACK_TEST_PYTHON names no interpreter with boto3";
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  std::vector<std::string> arguments = tune_arguments(server, "20s");
  arguments.back() = python;
  arguments.insert(arguments.end(), {"--client", "boto3"});
  Command command(home.path(), arguments);
  ASSERT_EQ(command.wait(), 0) << command.errors();
  const JournalContents journal = journal_of(home);
  const TuningDefinition definition = tuning_definition_from_json(journal.header.definition);
  const S3Verdict verdict = s3_verdict(definition, fold(journal.events));
  ASSERT_FALSE(verdict.rows.empty());
  EXPECT_EQ(verdict.rows.front().name, "boto3");
  EXPECT_GT(verdict.rows.front().seconds.mean, 0);
  EXPECT_EQ(command.output().find("TransferConfig(\n") != std::string::npos,
            verdict.answer == kWinnerArm);
  EXPECT_EQ(command.output().find("--config"), std::string::npos)
      << "nothing of this was measured with our engine";
}

}  // namespace
}  // namespace skipjack::s3tune
