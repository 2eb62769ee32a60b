// Receptions from many sockets in one call. Writes are tested with the queue that makes them
// (sink_test.cc). Files that the kernel closes.
#include "skipjack/s3/io_ring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "skipjack/base/bytes.h"

namespace skipjack::s3 {
namespace {

TEST(IoRing, EachSocketGivesWhatItHas) {
  const auto ring = IoRing::open(IoRing::User::AnyThreads);
  if (!ring) GTEST_SKIP() << "this kernel has no ring for us";
  std::array<std::array<int, 2>, 3> pairs{};
  for (auto& pair : pairs) ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  ASSERT_EQ(::send(pairs[0][0], "abcdef", 6, 0), 6);
  ::close(pairs[2][0]);
  std::array<std::array<std::byte, 4>, 4> spaces{};
  std::vector<Reception> receptions;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    receptions.push_back({.socket = pairs[i][1], .space = spaces[i]});
  receptions.push_back({.socket = -1, .space = spaces[3]});
  // Another thread than the one that opened it.
  std::jthread([&] { ring->receive(receptions); }).join();
  EXPECT_EQ(receptions[0].result, 4);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(spaces[0].data()), 4), "abcd");
  EXPECT_EQ(receptions[1].result, -EAGAIN);
  EXPECT_EQ(receptions[2].result, 0);
  EXPECT_EQ(receptions[3].result, -EBADF);
  ::close(pairs[0][0]);
  ::close(pairs[1][0]);
  for (const auto& pair : pairs) ::close(pair[1]);
}

/// Of this thread.
double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The last descriptor of a file without a name, of so many bytes in memory; -1 where there is no
/// room.
int nameless_file(std::int64_t bytes) {
  const int file = ::memfd_create("large", MFD_CLOEXEC);
  if (file >= 0 && ::fallocate(file, 0, 0, bytes) == 0) return file;
  if (file >= 0) ::close(file);
  return -1;
}

/// In processor time, which others don't lengthen: what close() spends on freeing is the thread's.
TEST(CloseWithoutWaiting, LeavesTheFreeingToTheKernel) {
  if (!IoRing::open(IoRing::User::AnyThreads)) GTEST_SKIP() << "this kernel has no ring for us";
  constexpr std::int64_t kBytes = 256 * kMiB;
  const auto seconds_of = [&](auto&& close) {
    const int file = nameless_file(kBytes);
    const double begin = cpu_seconds();
    close(file);
    const double seconds = cpu_seconds() - begin;
    EXPECT_LT(::fcntl(file, F_GETFD), 0);
    return file < 0 ? -1 : seconds;
  };
  const double plain = seconds_of([](int file) { ::close(file); });
  if (plain < 0) GTEST_SKIP() << "no room for " << kBytes << " bytes";
  // Too little to be told from what else the process does.
  if (plain < 0.005) GTEST_SKIP() << "freeing costs " << plain << " s only";
  double least = seconds_of([](int file) { close_without_waiting(file); });
  for (int i = 0; i < 2 && least >= plain / 4; ++i)
    least = std::min(least, seconds_of([](int file) { close_without_waiting(file); }));
  EXPECT_LT(least, plain / 4);
}

}  // namespace
}  // namespace skipjack::s3
