#include "skipjack/journal/experiment_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <thread>

#include "../temporary_folder.h"
#include "../thrown.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const auto& entry : store_.list()) names.push_back(entry.name);
    return names;
  }
  TemporaryFolder folder_;
  ExperimentStore store_{folder_.path() / "deep" / "root"};
};

TEST_F(StoreTest, CreatesTheDocumentedLayout) {
  const OpenExperiment experiment = store_.create("one", Json::Object{{"k", 1}}, 100);
  EXPECT_EQ(experiment.folder, store_.root() / "one");
  EXPECT_TRUE(fs::exists(experiment.folder / "journal.sqlite"));
  EXPECT_TRUE(fs::is_directory(experiment.folder / "trials"));
  EXPECT_EQ(store_.read("one").header.definition, Json(Json::Object{{"k", 1}}));
}

TEST_F(StoreTest, RefusesANameThatIsTaken) {
  store_.create("one", Json(), 1);
  expect_error(ErrorCode::AlreadyExists, "'one' exists already",
               [&] { store_.create("one", Json(), 2); });
  EXPECT_EQ(store_.read("one").header.created, 1);
}

TEST_F(StoreTest, OfManyThatCreateOneNameAtOnceOneWins) {
  std::atomic<int> num_created{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      try {
        store_.create("one", Json(), 1);
        ++num_created;
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::AlreadyExists) << e.what();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(num_created, 1);
  EXPECT_TRUE(store_.list().at(0).header);
}

TEST_F(StoreTest, RefusesToOpenOrRemoveWhatRunsAndSaysWho) {
  const OpenExperiment running = store_.create("one", Json(), 1);
  const std::string who = "is running (pid " + std::to_string(::getpid()) + " on host ";
  expect_error(ErrorCode::AlreadyExists, who, [&] { store_.open("one"); });
  expect_error(ErrorCode::AlreadyExists, who, [&] { store_.remove("one"); });
  ASSERT_TRUE(store_.holder("one"));
  EXPECT_EQ(store_.holder("one")->pid, ::getpid());
  EXPECT_GT(store_.holder("one")->process_start, 0u);
  EXPECT_EQ(store_.read("one").events.size(), 0u);
}

TEST_F(StoreTest, LeaseEndsWithItsHolder) {
  { const OpenExperiment running = store_.create("one", Json(), 1); }
  EXPECT_FALSE(store_.holder("one"));
  EXPECT_NO_THROW(store_.open("one"));
}

TEST_F(StoreTest, LeaseEndsWhenItsHolderIsKilled) {
  store_.create("one", Json(), 1);
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const OpenExperiment held = store_.open("one");
    if (::write(fds[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte;
  ASSERT_EQ(::read(fds[0], &byte, 1), 1);
  EXPECT_EQ(store_.holder("one")->pid, child);
  expect_error(ErrorCode::AlreadyExists, "pid " + std::to_string(child),
               [&] { store_.open("one"); });
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(store_.holder("one"));
  EXPECT_NO_THROW(store_.open("one"));
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST_F(StoreTest, ListsNewestFirstAndBrokenOnesLast) {
  EXPECT_TRUE(store_.list().empty());
  store_.create("old", Json(), 10);
  store_.create("new", Json(), 20);
  fs::create_directories(store_.root() / "hollow");
  store_.create("damaged", Json(), 30);
  std::ofstream(store_.root() / "damaged" / "journal.sqlite")
      << "no database at all, but long enough";
  fs::create_directories(store_.root() / ".hidden");
  std::ofstream(store_.root() / "file") << "x";
  EXPECT_THAT(names(), ElementsAre("new", "old", "damaged", "hollow"));
  EXPECT_THAT(store_.list().at(2).problem, HasSubstr("damaged"));
  EXPECT_THAT(store_.list().at(3).problem, HasSubstr("no journal"));
}

TEST_F(StoreTest, RemovesAllOfItBrokenOrNot) {
  store_.create("one", Json(), 1);
  fs::create_directories(store_.root() / "hollow");
  store_.remove("one");
  store_.remove("hollow");
  EXPECT_TRUE(fs::is_empty(store_.root()));
  expect_error(ErrorCode::NotFound, "no experiment 'one'", [&] { store_.remove("one"); });
  expect_error(ErrorCode::NotFound, "no experiment 'one'", [&] { store_.open("one"); });
  expect_error(ErrorCode::NotFound, "no experiment 'one'", [&] { store_.read("one"); });
}

TEST_F(StoreTest, FailedCreationLeavesNothing) {
  fs::create_directories(store_.root());
  const pid_t child = ::fork();
  if (child == 0) {
    // As on a full disk: the lease can be written, the journal can't.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      store_.create("one", Json(), 1);
    } catch (const Error& e) {
      ::_exit(e.code() == ErrorCode::Io ? 42 : 1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 42);
  EXPECT_TRUE(fs::is_empty(store_.root()));
}

TEST(LeaseLeftBehind, IsDeadWhenItsJobWasStartedAnewOrIsOver) {
  const LeaseHolder holder{.host = "node1", .job = LeaseJob{"big", 17, 0}};
  const auto job = [](const char* cluster, int number, int restarts) {
    return LeaseOptions{.job = LeaseJob{cluster, number, restarts}};
  };
  EXPECT_TRUE(is_dead(holder, job("big", 17, 1))) << "Slurm ends a job before it starts it anew";
  EXPECT_FALSE(is_dead(holder, job("big", 17, 0))) << "another process of the same job";
  EXPECT_FALSE(is_dead(holder, job("big", 18, 1)));
  EXPECT_FALSE(is_dead(holder, job("other", 17, 1)));
  EXPECT_FALSE(is_dead(holder, {}));
  EXPECT_TRUE(is_dead(holder, {.is_over = [](const LeaseJob& j) { return j.number == 17; }}));
  EXPECT_FALSE(is_dead(holder, {.is_over = [](const LeaseJob&) { return false; }}));
  EXPECT_FALSE(is_dead({.host = "node1"}, {.is_over = [](const LeaseJob&) { return true; }}))
      << "nobody knows of a job";
}

TEST_F(StoreTest, LeaseThatAnotherTookIsNoticedAndLeftAlone) {
  const ExperimentStore store(store_.root(), {.job = LeaseJob{"big", 17, 0, 1003}});
  const fs::path file = store.folder("one") / "lease";
  {
    const OpenExperiment experiment = store.create("one", Json(), 1);
    EXPECT_NO_THROW(experiment.confirm_lease());
    EXPECT_NE(read_file(file).find("\"number\":17"), std::string::npos) << read_file(file);
    const auto holder = lease_holder(file);
    ASSERT_TRUE(holder && holder->job);
    EXPECT_EQ(holder->job->user, 1003);
    std::ofstream(file)
        << R"({"host":"node2","pid":7,"job":{"cluster":"big","number":17,"restarts":1}})";
    expect_error(ErrorCode::AlreadyExists, "taken over (pid 7 on host node2, Slurm job 17)",
                 [&] { experiment.confirm_lease(); });
  }
  EXPECT_NE(read_file(file).find("node2"), std::string::npos) << "it is another's";
}

TEST(ExperimentName, KeepsToTheRule) {
  // ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$, the rule of Syne Tune, cut to 63 characters in all.
  for (const char* good : {"a", "9", "a-b", "a--b", "Train-2026"})
    EXPECT_NO_THROW(validate_experiment_name(good)) << good;
  for (const char* bad : {"", "-a", "a-", "a_b", "a/b", "..", "a b", "\xc3\xa9"})
    EXPECT_THROW(validate_experiment_name(bad), Error) << bad;
  EXPECT_NO_THROW(validate_experiment_name(std::string(63, 'a')));
  EXPECT_THROW(validate_experiment_name(std::string(64, 'a')), Error);
}

TEST(ExperimentName, DefaultIsStemAndTime) {
  // date -u -d @1700000000.25 says 2023-11-14 22:13:20
  EXPECT_EQ(default_experiment_name("train_net", 1700000000.25),
            "train-net-2023-11-14-22-13-20-250");
  EXPECT_EQ(default_experiment_name("__", 0), "tuning-1970-01-01-00-00-00-000");
  const std::string cut = default_experiment_name(std::string(100, 'a'), 0);
  EXPECT_EQ(cut.size(), 63u);
  EXPECT_NO_THROW(validate_experiment_name(cut));
}

}  // namespace
}  // namespace skipjack
