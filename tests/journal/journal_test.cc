#include "skipjack/journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "../temporary_folder.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

EventBody random_body(Rng& rng) {
  const AttemptId id{rng.uniform_int(0, 1000), static_cast<int>(rng.uniform_int(0, 5))};
  switch (rng.uniform_int(0, 5)) {
    case 0:
      return TrialStarted{.trial = id.trial,
                          .configuration = Json::Object{{"lr", rng.uniform()}, {"n", id.trial}},
                          .deadline = Duration(rng.uniform_int(0, 1'000'000'000'000)),
                          .tag = Json::Object{{"phase", "search"}}};
    case 1:
      return Reported{.id = id,
                      .metrics = Json::Object{{"loss", rng.normal()}, {"text", "a'b\"\n"}}};
    case 2:
      return AttemptEnded{.id = id,
                          .end = {.outcome = Outcome::Failed,
                                  .exit_code = 3,
                                  .reason = "exit code 3",
                                  .error_tail = "line\nline"}};
    case 3:
      return StopOrdered{id.trial, "enough"};
    case 4:
      return ModelFitted{Json::Object{{"scale", rng.exponential()}}};
    default:
      return RunStarted{.run = 1, .environment = Json::Object{{"host", "h"}}};
  }
}

std::vector<Event> random_batch(Rng& rng, const std::vector<Event>& so_far) {
  std::vector<Event> batch;
  const std::int64_t size = rng.uniform_int(0, 12);
  Duration time = so_far.empty() ? Duration{0} : so_far.back().time;
  for (std::int64_t i = 0; i < size; ++i)
    batch.push_back({.number = static_cast<std::int64_t>(so_far.size()) + i,
                     .time = time += Duration(rng.uniform_int(0, 1'000'000'000)),
                     .unix_time = 1.7e9 + rng.uniform(),
                     .body = random_body(rng)});
  return batch;
}

std::string text_of(const Event& event) {
  return std::to_string(event.number) + " " + std::to_string(event.time.count()) + " " +
         shortest_decimal(event.unix_time) + " " + to_json_text(to_json(event.body));
}

void expect_same(const std::vector<Event>& actual, const std::vector<Event>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i)
    ASSERT_EQ(text_of(actual[i]), text_of(expected[i]));
}

void run_sql(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
}

class JournalTest : public ::testing::Test {
 protected:
  std::filesystem::path create(const std::string& name = "journal.sqlite") {
    const auto path = folder_.path() / name;
    create_journal(path, {.name = "exp", .definition = Json::Object{{"a", 1}}, .created = 1.5e9});
    return path;
  }
  /// A journal with some events in it, closed.
  std::filesystem::path create_filled(std::vector<Event>* events = nullptr) {
    const auto path = create();
    Rng rng(3);
    std::vector<Event> all;
    const auto journal = open_journal(path);
    while (all.size() < 200) {
      const auto batch = random_batch(rng, all);
      journal->append(batch);
      all.insert(all.end(), batch.begin(), batch.end());
    }
    if (events) *events = all;
    return path;
  }
  /// Neither opening for writing nor reading succeeds, the error is the one named, the bytes stay
  /// as they are.
  void expect_refused_untouched(const std::filesystem::path& path, ErrorCode code,
                                const std::string& part) {
    const std::string before = read_file(path);
    const auto expect_error = [&](auto call) {
      try {
        call();
        ADD_FAILURE() << "no error";
      } catch (const Error& e) {
        EXPECT_EQ(to_string(e.code()), to_string(code)) << e.what();
        EXPECT_THAT(e.what(), AllOf(HasSubstr(part), HasSubstr(path.string())));
      }
    };
    expect_error([&] { open_journal(path); });
    expect_error([&] { read_journal(path); });
    EXPECT_EQ(read_file(path), before);
  }
  TemporaryFolder folder_;
};

TEST_F(JournalTest, KeepsItsHeader) {
  const JournalHeader header = read_journal_header(create());
  EXPECT_EQ(header.name, "exp");
  EXPECT_EQ(header.definition, Json(Json::Object{{"a", 1}}));
  EXPECT_EQ(header.created, 1.5e9);
  EXPECT_EQ(header.format_version, kJournalFormat);
}

// Model: a vector of events. Reopened, read by another connection, given bad batches, in random
// order.
TEST_F(JournalTest, BehavesLikeAVectorThroughReopensAndRefusedAppends) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto path = create("journal" + std::to_string(seed));
    Rng rng(seed);
    std::vector<Event> model;
    auto journal =
        open_journal(path, rng.bernoulli(0.5) ? Durability::Kill : Durability::PowerLoss);
    for (int step = 0; step < 60; ++step) {
      const double what = rng.uniform();
      if (what < 0.6) {
        const auto batch = random_batch(rng, model);
        journal->append(batch);
        model.insert(model.end(), batch.begin(), batch.end());
      } else if (what < 0.7) {
        auto batch = random_batch(rng, model);
        if (batch.empty()) continue;
        batch.back().number += 1;
        EXPECT_THROW(journal->append(batch), Error);
      } else if (what < 0.85) {
        expect_same(read_journal(path).events, model);
      } else {
        journal.reset();
        journal = open_journal(path);
        expect_same(journal->read_events(), model);
      }
    }
    expect_same(read_journal(path).events, model);
  }
}

TEST_F(JournalTest, KeepsNumbersThatJsonLacksAndBytesThatAreNoText) {
  const auto path = create();
  const auto journal = open_journal(path);
  journal->append(
      {{.number = 0,
        .body = Reported{.metrics = Json::Object{{"nan", std::nan("")}, {"inf", HUGE_VAL}}}},
       {.number = 1,
        .body = AttemptEnded{.end = {.outcome = Outcome::Failed,
                                     .error_tail = "\xff\xc0ok \xe2\x82\xac \xed\xa0\x80"}}}});
  const std::vector<Event> events = read_journal(path).events;
  const Json& metrics = std::get<Reported>(events.at(0).body).metrics;
  EXPECT_TRUE(std::isnan(metrics.at("nan").as_double()));
  EXPECT_EQ(metrics.at("inf").as_double(), HUGE_VAL);
  EXPECT_EQ(std::get<AttemptEnded>(events.at(1).body).end.error_tail, "??ok \xe2\x82\xac ???");
}

TEST_F(JournalTest, ReaderSeesAllOfATransactionWhileTheWriterGoesOn) {
  const auto path = create();
  const auto journal = open_journal(path);
  journal->append({{.number = 0, .body = RunStarted{}}, {.number = 1, .body = RunEnded{}}});
  EXPECT_EQ(read_journal(path).events.size(), 2u);
  journal->append({{.number = 2, .body = RunStarted{.run = 1}}});
  EXPECT_EQ(read_journal(path).events.size(), 3u);
}

TEST_F(JournalTest, IsReadByThoseWhoMayNotWriteItsFolder) {
  const fs::path folder = folder_.path() / "100 % #1?";
  fs::create_directory(folder);
  for (const fs::path& each : {folder_.path(), folder}) fs::permissions(each, fs::perms(0755));
  create_journal(folder / "journal.sqlite", {.name = "theirs"});
  auto journal = open_journal(folder / "journal.sqlite");
  journal->append({{.number = 0, .body = RunStarted{}}});
  // Root may write everywhere, and is somebody else for a moment; others forbid it to themselves.
  const bool is_root = ::geteuid() == 0;
  const auto read_as_nobody = [&](const std::string& path) {
    constexpr uid_t kNobody = 65534;
    const auto be = [&](uid_t user, int permissions) {
      if (is_root) return ::seteuid(user) == 0;
      fs::permissions(folder, fs::perms(permissions));
      return true;
    };
    EXPECT_TRUE(be(kNobody, 0555));
    std::size_t count = 0;
    std::string problem;
    try {
      count = read_journal(path).events.size();
    } catch (const Error& error) {
      problem = error.what();
    }
    EXPECT_TRUE(be(0, 0755));
    EXPECT_EQ(problem, "");
    return count;
  };
  const std::string file = folder / "journal.sqlite";
  EXPECT_EQ(read_as_nobody(file), 1u);
  // At rest there is nothing beside it, and nobody else may make it.
  journal = nullptr;
  EXPECT_FALSE(fs::exists(folder / "journal.sqlite-shm"));
  EXPECT_EQ(read_as_nobody(file), 1u);
  EXPECT_EQ(read_as_nobody("/" + file), 1u);
}

TEST_F(JournalTest, RunningTimeIsThatOfTheLastEventOrSignOfLife) {
  const auto path = create();
  auto journal = open_journal(path);
  EXPECT_EQ(journal->running_time(), Duration{0});
  journal->append({{.number = 0, .time = Duration(5000), .body = RunStarted{}}});
  EXPECT_EQ(journal->running_time(), Duration(5000));
  journal->alive(Duration(9000));
  EXPECT_EQ(journal->running_time(), Duration(9000));
  EXPECT_EQ(read_journal(path).running_time, Duration(9000));
  journal = nullptr;
  journal = open_journal(path);
  EXPECT_EQ(journal->running_time(), Duration(9000));
  EXPECT_EQ(journal->read_events().size(), 1u);
  journal->append({{.number = 1, .time = Duration(12000), .body = RunEnded{}}});
  EXPECT_EQ(journal->running_time(), Duration(12000));
  EXPECT_EQ(read_journal(path).running_time, Duration(12000));
}

TEST_F(JournalTest, SignsOfLifeDoNotMakeItGrow) {
  const auto path = create_filled();
  open_journal(path)->alive(Duration(1));
  const auto size = std::filesystem::file_size(path);
  {
    const auto journal = open_journal(path);
    for (int second = 2; second <= 3000; ++second) journal->alive(std::chrono::seconds(second));
  }
  EXPECT_EQ(std::filesystem::file_size(path), size);
  EXPECT_EQ(read_journal(path).running_time, std::chrono::seconds(3000));
}

// What an earlier version wrote has no table for signs of life.
TEST_F(JournalTest, OpensOneThatNeverShowedLife) {
  std::vector<Event> events;
  const auto path = create_filled(&events);
  run_sql(path, "DROP TABLE IF EXISTS alive");
  EXPECT_EQ(read_journal(path).running_time, events.back().time);
  const auto journal = open_journal(path);
  EXPECT_EQ(journal->running_time(), events.back().time);
  journal->alive(events.back().time + Duration(7));
  EXPECT_EQ(journal->running_time(), events.back().time + Duration(7));
}

TEST_F(JournalTest, SetDefinitionSurvivesReopening) {
  const auto path = create();
  open_journal(path)->set_definition(Json::Object{{"b", 2}});
  EXPECT_EQ(read_journal_header(path).definition, Json(Json::Object{{"b", 2}}));
}

TEST_F(JournalTest, CreatesNothingOverWhatIsThere) {
  std::vector<Event> events;
  const auto path = create_filled(&events);
  EXPECT_THROW(create(), Error);
  expect_same(read_journal(path).events, events);
}

TEST_F(JournalTest, LeavesNothingBesideItWhenClosed) {
  create_filled();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(JournalTest, SaysThatThereIsNone) {
  try {
    open_journal(folder_.path() / "nothing");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::NotFound);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "nothing"));
}

TEST_F(JournalTest, RefusesANewerFormatNamingBothVersions) {
  const auto path = create_filled();
  run_sql(path, "PRAGMA user_version = 7; DROP TABLE experiment");
  expect_refused_untouched(path, ErrorCode::Unsupported, "has format 7");
  expect_refused_untouched(path, ErrorCode::Unsupported, "up to 1");
}

TEST_F(JournalTest, RefusesAnotherProgramsDatabase) {
  const auto path = folder_.path() / "other.sqlite";
  run_sql(path, "CREATE TABLE t (x)");
  expect_refused_untouched(path, ErrorCode::Corrupted, "not a journal");
}

TEST_F(JournalTest, RefusesGarbageAndEmptyFiles) {
  const auto garbage = folder_.path() / "garbage";
  std::ofstream(garbage) << std::string(10'000, 'x');
  expect_refused_untouched(garbage, ErrorCode::Corrupted, "damaged");
  const auto empty = folder_.path() / "empty";
  std::ofstream{empty};
  expect_refused_untouched(empty, ErrorCode::Corrupted, "not a journal");
}

TEST_F(JournalTest, RefusesATruncatedFile) {
  const auto path = create_filled();
  const auto size = std::filesystem::file_size(path);
  for (const double fraction : {0.9, 0.5, 0.1}) {
    std::filesystem::resize_file(path,
                                 static_cast<std::uintmax_t>(static_cast<double>(size) * fraction));
    expect_refused_untouched(path, ErrorCode::Corrupted, "damaged");
  }
}

TEST_F(JournalTest, RefusesOverwrittenPages) {
  const auto path = create_filled();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto copy = folder_.path() / ("copy" + std::to_string(seed));
    std::filesystem::copy_file(path, copy);
    Rng rng(seed);
    const std::int64_t num_pages =
        static_cast<std::int64_t>(std::filesystem::file_size(path)) / 4096;
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * rng.uniform_int(1, num_pages - 1));
    for (int i = 0; i < 4096; ++i) file.put(static_cast<char>(rng.uniform_int(1, 255)));
    file.close();
    expect_refused_untouched(copy, ErrorCode::Corrupted, "damaged");
  }
}

TEST_F(JournalTest, RefusesMissingAndUnreadableEvents) {
  const auto path = create_filled();
  const auto copy = folder_.path() / "copy";
  std::filesystem::copy_file(path, copy);
  run_sql(path, "DELETE FROM event WHERE number = 17");
  expect_refused_untouched(path, ErrorCode::Corrupted, "event 17 is missing");
  run_sql(copy, "UPDATE event SET body = '{\"type\": \"unheard\"}' WHERE number = 20");
  expect_refused_untouched(copy, ErrorCode::Corrupted, "event 20");
}

/// Runs body in a child process and gives its exit status as waitpid does.
int in_child(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      body();
    } catch (...) {
      ::_exit(99);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

// A limit on the size of files stands for the full disk: writes fail half-way, with the file partly
// extended.
TEST_F(JournalTest, FullDiskFailsTheAppendAndLosesNothingCommitted) {
  const auto path = create();
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const auto journal = open_journal(path);
    const rlimit limit{256 * 1024, 256 * 1024};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::int64_t number = 0;
    const Json large = Json::Object{{"text", std::string(5000, 'x')}};
    try {
      for (; number < 1000; number += 2)
        journal->append({{.number = number, .body = Reported{.metrics = large}},
                         {.number = number + 1, .body = Reported{.metrics = large}}});
    } catch (const Error& e) {
      const bool as_promised = e.code() == ErrorCode::Io &&
                               journal->read_events().size() == static_cast<std::size_t>(number);
      // The number that was reached goes out through a file written before the limit would matter.
      std::ofstream(path.string() + ".reached") << number;
      ::_exit(as_promised ? 42 : 1);
    }
  });
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 42);
  const std::size_t reached = std::stoul(read_file(path.string() + ".reached"));
  EXPECT_GT(reached, 10u);
  EXPECT_EQ(read_journal(path).events.size(), reached);
  // And with room again it goes on.
  open_journal(path)->append(
      {{.number = static_cast<std::int64_t>(reached), .body = RunStarted{}}});
}

TEST_F(JournalTest, KilledWriterLosesNoCommittedBatchAndKeepsNoHalfOne) {
  for (int round = 0; round < 10; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const auto path = create("journal" + std::to_string(round));
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const auto journal = open_journal(path);
      for (std::int64_t number = 0;; number += 3) {
        journal->append({{.number = number, .body = RunStarted{}},
                         {.number = number + 1, .body = RunEnded{}},
                         {.number = number + 2, .body = RunStarted{}}});
        const std::int64_t committed = number + 3;
        if (::write(fds[1], &committed, sizeof committed) != sizeof committed) ::_exit(1);
      }
    }
    ::close(fds[1]);
    std::int64_t committed = 0, next = 0;
    while (committed < 30 + 37 * round && ::read(fds[0], &next, sizeof next) == sizeof next)
      committed = next;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(fds[0], &next, sizeof next) == sizeof next) committed = next;
    ::close(fds[0]);
    const auto events = read_journal(path).events;
    EXPECT_GE(events.size(), static_cast<std::size_t>(committed));
    EXPECT_LE(events.size(), static_cast<std::size_t>(committed) + 3);
    EXPECT_EQ(events.size() % 3, 0u);
    expect_same(open_journal(path)->read_events(), events);
  }
}

}  // namespace
}  // namespace skipjack
