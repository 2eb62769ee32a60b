// Downloads that break off or are killed, and are taken up again.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include "folder_test.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/download_many.h"
#include "skipjack/s3/partial_file.h"
#include "skipjack/s3sim/server.h"

namespace skipjack::s3 {
namespace {

using s3sim::FaultKind;
constexpr std::int64_t kSize = 2'000'003;

class ResumeTest : public FolderTest {
 protected:
  DownloadOptions options(std::int64_t part = 100'000) const {
    return {.object = {"bucket", "key"},
            .target = ToFile{folder_ / "out"},
            .config = {.max_concurrency = 4,
                       .multipart_chunksize = part,
                       .io_chunksize = 30'000,
                       .hedge = false,
                       .resume = true}};
  }
  /// In parts, since there is so little memory.
  DownloadManyOptions one_of_many() const {
    DownloadManyOptions many{
        .objects = {{"bucket", "key"}},
        .target = IntoFolder{folder_, [](const ObjectAddress&) { return std::string("out"); }},
        .config = options().config};
    many.config.memory_limit = 3 * kMiB;
    return many;
  }
  static Client client_of(const s3sim::Server& server) {
    return Client({.endpoint = {.endpoint_url = server.endpoint_url()}, .seed = 1});
  }
  std::filesystem::path journal() const { return folder_ / "out.skipjack-journal"; }
  std::filesystem::path partial() const { return folder_ / "out.skipjack-part"; }

  /// Downloads until the GET number `gets` is refused.
  void break_off(const s3sim::Server& server) const {
    EXPECT_THROW(client_of(server).download(options()), Error);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
  }
  void expect_finished(const std::string& bytes) const {
    EXPECT_TRUE(read_file(folder_ / "out") == bytes);
    EXPECT_EQ(files_in_folder(), 1u);
  }
  const std::string bytes_ = test_object(kSize);
};

/// Refuses one GET for good, so that a download breaks off there.
s3sim::ServerOptions breaking_at(std::int64_t get) {
  return {.faults = {{.first = get, .status = 403, .code = "AccessDenied"}}};
}

TEST_F(ResumeTest, FetchesOnlyWhatIsMissing) {
  s3sim::Server server(breaking_at(12));
  server.put_object("bucket", "key", bytes_);
  break_off(server);
  const std::int64_t before = server.stats().body_bytes_sent;
  const DownloadResult result = client_of(server).download(options());
  expect_finished(bytes_);
  EXPECT_EQ(result.bytes, kSize);
  EXPECT_GE(result.resumed_bytes, 500'000);
  EXPECT_EQ(server.stats().body_bytes_sent - before, kSize - result.resumed_bytes);
  EXPECT_NEAR(result.bytes_per_second() * to_seconds(result.duration),
              static_cast<double>(kSize - result.resumed_bytes), 1);
}

/// Two answers stall half way. The first one to be given up ends the download.
TEST_F(ResumeTest, WhatIsInBuffersIsKeptWhenADownloadFails) {
  s3sim::Server server({.faults = {{.kind = FaultKind::Stall, .first = 2, .count = 2, .at = 0.5}}});
  server.put_object("bucket", "key", bytes_);
  DownloadOptions failing = options();
  failing.config.max_concurrency = 2;
  failing.config.num_download_attempts = 1;
  failing.config.io_chunksize = 100'000;
  Client client({.endpoint = {.endpoint_url = server.endpoint_url()},
                 .transport = {.stall_timeout = std::chrono::seconds(3)},
                 .seed = 1});
  EXPECT_THROW(client.download(failing), Error);
  EXPECT_EQ(client_of(server).download(options()).resumed_bytes, 300'000);
  expect_finished(bytes_);
}

/// Below a folder that is held by a descriptor.
TEST_F(ResumeTest, MessagesNameTheFileOfOneOfManyAsItsUserDoes) {
  s3sim::Server server({});
  server.put_object("bucket", "key", bytes_);
  const int other = ::open(journal().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  std::optional<Error> error;
  DownloadManyOptions many = one_of_many();
  many.on_end = [&](const ObjectEnd& end) { error = end.error; };
  client_of(server).download_many(many);
  ::close(other);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::AlreadyExists);
  EXPECT_NE(std::string(error->what()).find(" " + (folder_ / "out").string() + " "),
            std::string::npos)
      << error->what();
}

TEST_F(ResumeTest, WhatOneOfManyObjectsHadBeforeIsToldApart) {
  s3sim::Server server(breaking_at(12));
  server.put_object("bucket", "key", bytes_);
  break_off(server);
  const std::int64_t before = server.stats().body_bytes_sent;
  std::vector<std::int64_t> seen;
  DownloadManyOptions many = one_of_many();
  many.progress = [&](const ManyCounts& counts) {
    seen.push_back(counts.bytes_done - counts.bytes_resumed);
  };
  many.progress_interval = Duration(0);
  const ManyCounts counts = client_of(server).download_many(many).counts;
  expect_finished(bytes_);
  EXPECT_EQ(counts.bytes_done, kSize);
  EXPECT_GE(counts.bytes_resumed, 500'000);
  EXPECT_EQ(server.stats().body_bytes_sent - before, kSize - counts.bytes_resumed);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(ResumeTest, WithoutItNothingIsLeft) {
  s3sim::Server server(breaking_at(12));
  server.put_object("bucket", "key", bytes_);
  DownloadOptions plain = options();
  plain.config.resume = false;
  EXPECT_THROW(client_of(server).download(plain), Error);
  EXPECT_EQ(files_in_folder(), 0u);
}

TEST_F(ResumeTest, AnotherObjectIsFetchedAnew) {
  for (const bool shorter : {false, true}) {
    s3sim::Server server(breaking_at(12));
    server.put_object("bucket", "key", bytes_);
    break_off(server);
    const std::string other = test_object(kSize + 1).substr(1, shorter ? 50'000 : kSize);
    server.put_object("bucket", "key", other);
    const DownloadResult result = client_of(server).download(options());
    expect_finished(other);
    EXPECT_EQ(result.resumed_bytes, 0);
    std::filesystem::remove(folder_ / "out");
  }
}

TEST_F(ResumeTest, AnObjectThatChangesOnTheWayLeavesNothing) {
  s3sim::Server server({.faults = {{.kind = FaultKind::Replace, .first = 8}}});
  server.put_object("bucket", "key", bytes_);
  break_off(server);
  EXPECT_EQ(files_in_folder(), 0u);
}

TEST_F(ResumeTest, OneAtATime) {
  const auto first = make_partial_file(folder_ / "out");
  try {
    make_partial_file(folder_ / "out");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::AlreadyExists);
  }
}

TEST_F(ResumeTest, NothingIsWrittenIntoAFileOfAnotherName) {
  write_file_atomically(folder_ / "other", "precious");
  std::filesystem::create_hard_link(folder_ / "other", partial());
  s3sim::Server server({});
  server.put_object("bucket", "key", bytes_);
  try {
    client_of(server).download(options());
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::PermissionDenied);
  }
  EXPECT_EQ(read_file(folder_ / "other"), "precious");
}

TEST_F(ResumeTest, ARefusalThatIsTakenBackLeadsToTheRightBytes) {
  int refusals = 0;
  std::atomic<bool> breaks = true;
  const ScriptedServer server([&](const ScriptedRequest& request) {
    if (breaks && request.number == 12) return s3_error(403, "AccessDenied");
    if (!breaks && refusals++ == 0) return s3_error(412, "PreconditionFailed");
    return serve_object(request, bytes_, "\"the same\"");
  });
  const auto download = [&] {
    return Client({.endpoint = {.endpoint_url = server.url()}, .seed = 1}).download(options());
  };
  EXPECT_THROW(download(), Error);
  breaks = false;
  download();
  expect_finished(bytes_);
}

TEST_F(ResumeTest, WhatLacksOnlyItsNameAsksForItsLastRangeAgain) {
  s3sim::Server server(breaking_at(12));
  server.put_object("bucket", "key", bytes_);
  break_off(server);
  {
    // As if killed between the last write and the name: the identity comes from the journal.
    const auto file = make_partial_file(folder_ / "out");
    const ObjectIdentity identity = file->earlier()->identity;
    const auto missing = file->take_up(identity, [](auto, auto) {});
    file->open(identity.size);
    for (const ByteRange& range : missing)
      for (std::int64_t at = range.begin; at < range.end; at += 10'000) {
        const auto size = static_cast<std::size_t>(std::min<std::int64_t>(10'000, range.end - at));
        file->write(at,
                    std::as_bytes(std::span(bytes_)).subspan(static_cast<std::size_t>(at), size));
      }
  }
  const DownloadResult result = client_of(server).download(options());
  expect_finished(bytes_);
  EXPECT_LT(result.resumed_bytes, kSize);
  EXPECT_GE(result.resumed_bytes, kSize - 30'000);
}

/// Whatever happens to journal and file, nothing wrong is believed.
TEST_F(ResumeTest, TornAndSpoiledRemainsBringTheRightBytes) {
  constexpr std::uint64_t kSeed = 20261128;
  int num_resumed = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    Rng rng(kSeed, "spoil", i);
    s3sim::Server server(breaking_at(rng.uniform_int(2, 20)));
    server.put_object("bucket", "key", bytes_);
    break_off(server);
    if (!std::filesystem::exists(journal())) continue;
    const std::filesystem::path victim = rng.bernoulli(0.5) ? journal() : partial();
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(victim));
    if (rng.bernoulli(0.5)) {
      std::filesystem::resize_file(victim,
                                   static_cast<std::uintmax_t>(rng.uniform_int(0, size - 1)));
    } else {
      std::fstream file(victim, std::ios::in | std::ios::out | std::ios::binary);
      for (int k = 0; k < 3; ++k) {
        file.seekp(rng.uniform_int(0, size - 1));
        file.put(static_cast<char>(rng.uniform_int(0, 255)));
      }
    }
    num_resumed += client_of(server).download(options()).resumed_bytes > 0 ? 1 : 0;
    expect_finished(bytes_);
    std::filesystem::remove(folder_ / "out");
  }
  EXPECT_GE(num_resumed, 10);
}

TEST_F(ResumeTest, KilledAnywhereItGoesOnWithTheRightBytes) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer allows no threads after a fork";
#endif
  constexpr std::uint64_t kSeed = 20261129;
  s3sim::Server server({.profile = {.first_byte_median_seconds = 0.002,
                                    .connection_bytes_per_second = 5e6,
                                    .request_sigma = 0.5}});
  server.put_object("bucket", "key", bytes_);
  int num_resumed = 0;
  for (std::uint64_t i = 0; i < 12; ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    Rng rng(kSeed, "kill", i);
    std::int64_t served = server.stats().body_bytes_sent;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        client_of(server).download(options());
      } catch (...) {
      }
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(rng.uniform_int(5, 120)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    served = server.stats().body_bytes_sent;
    if (std::filesystem::exists(folder_ / "out")) {
      expect_finished(bytes_);
    } else {
      const DownloadResult result = client_of(server).download(options());
      num_resumed += result.resumed_bytes > 0 ? 1 : 0;
      expect_finished(bytes_);
      // What a killed client's sockets had taken is counted when the server finds them closed.
      EXPECT_LE(server.stats().body_bytes_sent - served, kSize - result.resumed_bytes + 400'000);
    }
    std::filesystem::remove(folder_ / "out");
  }
  EXPECT_GE(num_resumed, 4);
}

}  // namespace
}  // namespace skipjack::s3
