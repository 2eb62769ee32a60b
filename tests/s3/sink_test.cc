// Files as sinks: what becomes of the name, and that bytes are where they belong, however they got
// there.
#include "skipjack/s3/sink.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <iostream>
#include <stop_token>
#include <thread>
#include <vector>

#include "../thrown.h"
#include "folder_test.h"
#include "fsync_log.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/machine.h"
#include "skipjack/s3/partial_file.h"
#include "skipjack/s3/write_queue.h"

namespace skipjack::s3 {
namespace {

/// A disk that does not answer until it is told to.
class StuckSink final : public Sink {
 public:
  struct Signals {
    std::promise<void> is_writing, may_write, was_abandoned;
  };
  explicit StuckSink(Signals& signals) : signals_(signals) {}
  Delivery delivery() const override { return Delivery::Written; }
  void open(std::int64_t) override {}
  void write(std::int64_t, std::span<const std::byte>) override {
    signals_.is_writing.set_value();
    signals_.may_write.get_future().wait();
  }
  void sync() override { write(0, {}); }
  void finish() override {}
  void abandon() noexcept override { signals_.was_abandoned.set_value(); }

 private:
  Signals& signals_;
};

TEST(WriteQueue, ACancelledTransferDoesNotWaitForTheDisk) {
  StuckSink::Signals signals;
  std::stop_source stop;
  auto sink = std::make_unique<StuckSink>(signals);
  auto queue = std::make_unique<WriteQueue>(
      *sink,
      WriteQueueOptions{
          .buffer_bytes = 10, .num_buffers = 2, .max_outstanding = 1, .stop = stop.get_token()});
  queue->submit({queue->acquire(), 0, 0, 10});
  queue->acquire();
  signals.is_writing.get_future().wait();
  std::jthread cancel([&] { stop.request_stop(); });
  EXPECT_EQ(error_of([&] { queue->acquire(); }).code(), ErrorCode::Cancelled);
  EXPECT_EQ(error_of([&] { queue->drain(); }).code(), ErrorCode::Cancelled);
  WriteQueue::abandon(std::move(queue), std::move(sink));
  std::future<void> abandoned = signals.was_abandoned.get_future();
  EXPECT_EQ(abandoned.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  signals.may_write.set_value();
  abandoned.wait();
}

TEST(WriteQueue, ACancelledTransferDoesNotWaitForASync) {
  StuckSink::Signals signals;
  std::stop_source stop;
  auto sink = std::make_unique<StuckSink>(signals);
  auto queue = std::make_unique<WriteQueue>(
      *sink,
      WriteQueueOptions{
          .buffer_bytes = 10, .num_buffers = 2, .max_outstanding = 1, .stop = stop.get_token()});
  std::jthread cancel([&] {
    signals.is_writing.get_future().wait();
    stop.request_stop();
  });
  EXPECT_EQ(error_of([&] { queue->sync(); }).code(), ErrorCode::Cancelled);
  WriteQueue::abandon(std::move(queue), std::move(sink));
  std::future<void> abandoned = signals.was_abandoned.get_future();
  EXPECT_EQ(abandoned.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  signals.may_write.set_value();
  abandoned.wait();
}

/// Where the kernel would write, and what the sink has been asked to write instead.
class PipeSink final : public Sink {
 public:
  explicit PipeSink(int file) : file_(file) {}
  Delivery delivery() const override { return Delivery::Written; }
  void open(std::int64_t) override {}
  WriteHints hints() const override { return {.alignment = 4096, .direct_file = file_}; }
  void write(std::int64_t offset, std::span<const std::byte> bytes) override {
    written.emplace_back(offset, bytes.size());
  }
  void finish() override {}
  void abandon() noexcept override { ::close(file_); }
  std::vector<std::pair<std::int64_t, std::size_t>> written;

 private:
  const int file_;
};

WriteQueueOptions options_for(const Sink& sink, std::stop_token stop = {}) {
  return {.buffer_bytes = 64 * kKiB,
          .num_buffers = 4,
          .max_outstanding = 4,
          .alignment = sink.hints().alignment,
          .direct_file = sink.hints().direct_file,
          .stop = std::move(stop)};
}

class WriteRingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!IoRing::open(IoRing::User::OneThread)) GTEST_SKIP() << "this kernel has no ring for us";
  }
};

TEST_F(WriteRingTest, WhatTheKernelCannotWriteTheSinkIsAskedFor) {
  PipeSink sink(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  {
    WriteQueue queue(sink, options_for(sink));
    queue.submit({queue.acquire(), 0, 8192, 4096});
    queue.drain();
    queue.submit({queue.acquire(), 0, 4096, 100});
    queue.submit({queue.acquire(), 0, 0, 4096});
    queue.drain();
  }
  sink.abandon();
  std::sort(sink.written.begin(), sink.written.end());
  EXPECT_EQ(sink.written, (std::vector<std::pair<std::int64_t, std::size_t>>{
                              {0, 4096}, {4096, 100}, {8192, 4096}}));
}

/// A pipe that nobody reads keeps the kernel's writes waiting as a dead disk does. A busy machine
/// makes some attempts late; one that waited for the kernel would never end.
TEST_F(WriteRingTest, ACancelledTransferDoesNotWaitForTheKernel) {
  const auto seconds_to_leave = [] {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    std::stop_source stop;
    auto sink = std::make_unique<PipeSink>(ends[1]);
    auto queue = std::make_unique<WriteQueue>(*sink, options_for(*sink, stop.get_token()));
    const auto fill = [&] { queue->submit({queue->acquire(), 0, 0, 64 * kKiB}); };
    for (int i = 0; i < 4; ++i) fill();
    std::jthread cancel([&] { stop.request_stop(); });
    EXPECT_EQ(error_of([&] { fill(), fill(); }).code(), ErrorCode::Cancelled);
    const Duration begin = system_clock().now();
    WriteQueue::abandon(std::move(queue), std::move(sink));
    const double seconds = to_seconds(system_clock().now() - begin);
    ::close(ends[0]);
    return seconds;
  };
  double quickest = seconds_to_leave();
  for (int i = 0; i < 20 && quickest >= 0.1; ++i) quickest = std::min(quickest, seconds_to_leave());
  EXPECT_LT(quickest, 0.1);
}

using MachineTest = FolderTest;

TEST_F(MachineTest, FreeMemoryIsKeptUnlessTheKernelReportsIt) {
  EXPECT_TRUE(keeps_free_memory(folder_ / "none"));
  write_file_atomically(folder_ / "order", "9\n");
  EXPECT_FALSE(keeps_free_memory(folder_ / "order"));
  for (const char* unused : {"11\n", "4294967295\n"}) {
    write_file_atomically(folder_ / "order", unused);
    EXPECT_TRUE(keeps_free_memory(folder_ / "order"));
  }
}

/// Both ways of keeping an unfinished file; the first falls back to the second where it must.
class FileSinkTest : public FolderTest, public testing::WithParamInterface<UnfinishedFile> {
 protected:
  std::unique_ptr<Sink> filled_sink() const {
    auto sink = make_file_sink(folder_ / "out", {.unfinished = GetParam()});
    sink->open(new_bytes_.size());
    sink->write(0, std::as_bytes(std::span(new_bytes_)));
    return sink;
  }
  const std::string new_bytes_ = std::string(100, 'x');
};

TEST_P(FileSinkTest, AbandonedLeavesNothingAndKeepsTheOldFile) {
  write_file_atomically(folder_ / "out", "old");
  {
    const auto sink = filled_sink();
    EXPECT_EQ(read_file(folder_ / "out"), "old");
  }
  EXPECT_EQ(files_in_folder(), 1u);
  EXPECT_EQ(read_file(folder_ / "out"), "old");
}

TEST_P(FileSinkTest, FinishedReplacesTheOldFile) {
  write_file_atomically(folder_ / "out", "old");
  filled_sink()->finish();
  EXPECT_EQ(files_in_folder(), 1u);
  EXPECT_EQ(read_file(folder_ / "out"), new_bytes_);
}

TEST_P(FileSinkTest, OnlyADurableOneIsBroughtToTheDiskFirstItselfThenItsName) {
  take_synced();
  filled_sink()->finish();
  EXPECT_EQ(take_synced().size(), 0u);
  auto sink = make_file_sink(folder_ / "out", {.unfinished = GetParam(), .is_durable = true});
  sink->open(new_bytes_.size());
  sink->write(0, std::as_bytes(std::span(new_bytes_)));
  sink->sync();
  sink->finish();
  const std::vector<Synced> synced = take_synced();
  ASSERT_EQ(synced.size(), 2u);
  EXPECT_NE(synced[0].name, folder_ / "out");
  EXPECT_TRUE(is_file(synced[0], folder_ / "out"));
  EXPECT_TRUE(is_file(synced[1], folder_));
}

TEST_P(FileSinkTest, WhereFoldersCantBeSyncedANameIsAsDurableAsItGets) {
  for (const int error : {EINVAL, ENOSYS, EOPNOTSUPP}) {
    const FailingFolderSync failing(error);
    auto sink = make_file_sink(folder_ / "out", {.unfinished = GetParam(), .is_durable = true});
    sink->open(new_bytes_.size());
    sink->write(0, std::as_bytes(std::span(new_bytes_)));
    sink->finish();
    EXPECT_EQ(read_file(folder_ / "out"), new_bytes_);
    std::filesystem::remove(folder_ / "out");
  }
}

TEST_P(FileSinkTest, FinishedHasTheModeOfAnyNewFile) {
  const mode_t mask = ::umask(027);
  filled_sink()->finish();
  ::umask(mask);
  struct stat status {};
  ASSERT_EQ(::stat((folder_ / "out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_P(FileSinkTest, UnfinishedIsNotSeenUnderItsName) {
  const auto sink = filled_sink();
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
  const int nameless = ::open(folder_.c_str(), O_TMPFILE | O_RDWR, 0600);
  const bool can_be_nameless = nameless >= 0;
  if (can_be_nameless) ::close(nameless);
  EXPECT_EQ(files_in_folder(), can_be_nameless && GetParam() == UnfinishedFile::Nameless ? 0u : 1u);
}
INSTANTIATE_TEST_SUITE_P(Unfinished, FileSinkTest,
                         testing::Values(UnfinishedFile::Nameless, UnfinishedFile::Named),
                         [](const auto& how) {
                           return how.param == UnfinishedFile::Named ? "Named" : "Nameless";
                         });

using DurableDownloadTest = FolderTest;

TEST_F(DurableDownloadTest, AFolderThatAnyoneMayWriteToAndNobodyReadIsNoFailure) {
  std::filesystem::permissions(folder_, std::filesystem::perms(0300));
  if (::access(folder_.c_str(), R_OK) == 0) GTEST_SKIP() << "this user may read everything";
  const auto sink = make_file_sink(folder_ / "out", {.is_durable = true});
  sink->open(0);
  sink->finish();
  std::filesystem::permissions(folder_, std::filesystem::perms(0700));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out"));
}

/// The file has its name by then.
TEST_F(DurableDownloadTest, ADiskThatLosesTheNameIsToldAndNoJournalIsLeft) {
  const FailingFolderSync failing(EIO);
  {
    const auto partial = make_partial_file(folder_ / "out", {.is_durable = true});
    partial->take_up({.name = "bucket/key", .etag = "e", .size = 3}, {});
    partial->open(3);
    partial->write(0, std::as_bytes(std::span("abc", 3)));
    EXPECT_EQ(error_of([&] { partial->finish(); }).code(), ErrorCode::Io);
  }
  EXPECT_EQ(read_file(folder_ / "out"), "abc");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(DurableDownloadTest, OnlyWithFsyncIsTheDownloadBroughtToTheDisk) {
  const std::string object = test_object(1000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, "\"e\""); });
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  const auto synced_by = [&](const TransferConfig& config) {
    take_synced();
    client.download(
        {.object = {"bucket", "key"}, .target = ToFile{folder_ / "out"}, .config = config});
    return take_synced();
  };
  EXPECT_EQ(synced_by({}).size(), 0u);
  for (const bool resume : {false, true}) {
    const std::vector<Synced> synced = synced_by({.resume = resume, .fsync = true});
    ASSERT_EQ(synced.size(), 2u);
    EXPECT_TRUE(is_file(synced[0], folder_ / "out"));
    EXPECT_TRUE(is_file(synced[1], folder_));
  }
}

/// Bytes of the file that are in the page cache, as the kernel tells.
std::int64_t cached_bytes(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const auto size = static_cast<std::size_t>(std::filesystem::file_size(path));
  void* const map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  if (map == MAP_FAILED) return -1;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGE_SIZE));
  std::vector<unsigned char> pages((size + page - 1) / page);
  const int result = ::mincore(map, size, pages.data());
  ::munmap(map, size);
  if (result != 0) return -1;
  return static_cast<std::int64_t>(page) *
         std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return (p & 1) != 0; });
}

class DirectWriteTest : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    try {
      const auto sink = make_file_sink(folder_ / "probe", {.write_mode = WriteMode::Direct});
      sink->open(1);
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::Unsupported);
      GTEST_SKIP() << error.what();
    }
  }
};

/// Ranges of any offset and length, from buffers that lie as the queue's users lay them and from
/// some that don't.
TEST_F(DirectWriteTest, BytesAreWhereTheyBelong) {
  constexpr std::uint64_t kSeed = 20260201;
  std::cout << "seed " << kSeed << "\n";
  for (std::uint64_t i = 0; i < 40; ++i) {
    Rng rng(kSeed, "direct", i);
    const auto size = static_cast<std::size_t>(rng.uniform(1, 300'000));
    const std::string object = test_object(size);
    const auto sink = make_file_sink(folder_ / "out", {.write_mode = WriteMode::Direct});
    sink->open(static_cast<std::int64_t>(size));
    ASSERT_GT(sink->hints().alignment, 1);
    const auto alignment = static_cast<std::size_t>(sink->hints().alignment);
    WriteQueue queue(*sink, {.buffer_bytes = 128 * kKiB,
                             .num_buffers = 5,
                             .max_outstanding = 2,
                             .num_writers = static_cast<int>(i % 3),
                             .alignment = sink->hints().alignment,
                             .direct_file = i % 2 == 0 ? sink->hints().direct_file : -1});
    for (std::size_t at = 0; at < size;) {
      const std::size_t begin = rng.bernoulli(0.8) ? at % alignment : at % 100;
      const std::size_t length = std::min(
          {size - at, static_cast<std::size_t>(rng.uniform(1, 100'000)), 128 * kKiB - begin});
      const WriteQueue::Buffer buffer = queue.acquire();
      ASSERT_NE(buffer, nullptr);
      std::memcpy(buffer + begin, object.data() + at, length);
      queue.submit(
          {buffer, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(at), length});
      at += length;
    }
    queue.drain();
    sink->finish();
    ASSERT_EQ(read_file(folder_ / "out"), object) << "case " << i;
  }
}

TEST_F(DirectWriteTest, DownloadsLeaveThePageCacheAlone) {
  const std::string object = test_object(5'000'011);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, "\"e\""); });
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  const auto download = [&](WriteMode mode, std::int64_t chunk) {
    // Parts that begin anywhere, in a file system's eyes.
    const DownloadResult result = client.download({.object = {"bucket", "key"},
                                                   .target = ToFile{folder_ / "out"},
                                                   .config = {.max_concurrency = 4,
                                                              .multipart_chunksize = chunk,
                                                              .io_chunksize = 100'000,
                                                              .write_mode = mode}});
    EXPECT_EQ(result.config.write_mode, mode);
    const std::int64_t cached = cached_bytes(folder_ / "out");
    EXPECT_EQ(read_file(folder_ / "out"), object);
    return cached;
  };
  // A page at each end of each part.
  EXPECT_LE(download(WriteMode::Direct, 1'000'000), 6 * 2 * 4096);
  EXPECT_GE(download(WriteMode::Buffered, 1'000'000), 5'000'011);
}

TEST(FileSink, WhatCantBeDirectSaysSo) {
  const std::filesystem::path folder = "/dev/shm";
  if (::access(folder.c_str(), W_OK) != 0) GTEST_SKIP() << "no " << folder;
  const auto sink =
      make_file_sink(folder / "skipjack-direct-test", {.write_mode = WriteMode::Direct});
  EXPECT_EQ(message_of(ErrorCode::Unsupported, [&] { sink->open(100); }),
            "the file system of /dev/shm/skipjack-direct-test can't write around the page cache");
}

}  // namespace
}  // namespace skipjack::s3
